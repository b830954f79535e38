"""The colors of models, in charts and on the pages.

They follow Okabe and Ito's palette, which colour-blind people can tell apart, with a blue that also stands out on a dark
page. The initial model is grey and the trained one blue wherever they are compared.
Source: M. Okabe, K. Ito, "Color Universal Design" (2008).
"""

GREY, BLUE, ORANGE = "#8a8f98", "#2b83c6", "#E69F00"
DIGIT_COLORS = (  # of the ten digits, whose number stands beside the color; after P. Tol, "Colour Schemes" (2021)
    *("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE"),
    *("#AA3377", "#999999", "#EE8866", "#44BB99", "#7777CC"),
)
MODEL_COLORS = [GREY, BLUE, ORANGE, "#009E73", "#CC79A7", "#56B4E9", "#D55E00"]


def model_colors(n_models: int) -> list[str]:
    """The colors of models side by side; a single model is blue."""
    return [BLUE] if n_models == 1 else [MODEL_COLORS[i % len(MODEL_COLORS)] for i in range(n_models)]
