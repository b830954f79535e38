"""Colors of charts and pages.

The palette of Okabe and Ito is used, because people with color blindness can distinguish its colors. Its blue is replaced by a
lighter blue that is also visible on a dark page. In comparisons, the initial model is grey and the trained model is blue.
Source: M. Okabe, K. Ito, "Color Universal Design" (2008).
"""

import colorsys

GREY, BLUE, ORANGE = "#8a8f98", "#2b83c6", "#E69F00"
DARK_TEXT, LIGHT_TEXT = "#1b1f27", "#ffffff"  # text on light cells and on dark cells
# Colors of the digits 0 to 9, which are always shown with the digit. Source: P. Tol, "Colour Schemes" (2021).
DIGIT_COLORS = (
    *("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE"),
    *("#AA3377", "#999999", "#EE8866", "#44BB99", "#7777CC"),
)
MODEL_COLORS = [GREY, BLUE, ORANGE, "#009E73", "#CC79A7", "#56B4E9", "#D55E00"]


def model_colors(n_models: int) -> list[str]:
    """Return the colors of models in a comparison. A single model is blue.

    Args:
        n_models: Number of models.

    Returns:
        A color per model, as hexadecimal text. The colors repeat after seven models.

    Example:
        >>> model_colors(2)
        ['#8a8f98', '#2b83c6']
    """
    return [BLUE] if n_models == 1 else [MODEL_COLORS[i % len(MODEL_COLORS)] for i in range(n_models)]


def spread_colors(n: int) -> list[str]:
    """Return colors for many categories. Neighbors have different hues and alternate between dark and light.

    Args:
        n: Number of categories.

    Returns:
        A color per category, as hexadecimal text.

    Example:
        >>> spread_colors(2)
        ['#c52b2b', '#6bd6d6']
    """
    rgb = [colorsys.hls_to_rgb(i / max(n, 1), (0.47, 0.63)[i % 2], (0.64, 0.57)[i % 2]) for i in range(n)]
    return ["#" + "".join(f"{round(255 * part):02x}" for part in parts) for parts in rgb]
