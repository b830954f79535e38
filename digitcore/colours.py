"""The colours of models, in charts and on the pages.

They are after Okabe and Ito's, which colour-blind people can tell apart, the blue lightened so that it also stands out on a
dark page. The initial model is grey and the trained one blue wherever they are compared.
Source: M. Okabe, K. Ito, "Color Universal Design" (2008).
"""

GREY, BLUE, ORANGE = "#8a8f98", "#2b83c6", "#E69F00"
MODEL_COLOURS = [GREY, BLUE, ORANGE, "#009E73", "#CC79A7", "#56B4E9", "#D55E00"]


def of_models(count: int) -> list[str]:
    """The colours of so many models side by side; one alone is blue."""
    return [BLUE] if count == 1 else [MODEL_COLOURS[i % len(MODEL_COLOURS)] for i in range(count)]
