"""Colors of charts and pages. Each model has one color on all pages.

Runs have the colors of Okabe and Ito, because people with color blindness can distinguish these colors. Their blue is replaced by
a lighter blue that is also visible on a dark page. Shipped models have other colors: grey, and colors of the palette Dark2.
Sources: M. Okabe, K. Ito, "Color Universal Design" (2008); C. Brewer, "ColorBrewer" (2002).
"""

import colorsys
from collections.abc import Mapping

GREY, BLUE, ORANGE = "#8a8f98", "#2b83c6", "#E69F00"
DARK_TEXT, LIGHT_TEXT = "#1b1f27", "#ffffff"  # text on light cells and on dark cells
# Colors of the digits 0 to 9, which are always shown with the digit. Source: P. Tol, "Colour Schemes" (2021).
DIGIT_COLORS = (
    *("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE"),
    *("#AA3377", "#999999", "#EE8866", "#44BB99", "#7777CC"),
)
RUN_COLORS = (BLUE, ORANGE, "#009E73", "#CC79A7", "#56B4E9", "#A9A13B")
SHIPPED_COLORS = (GREY, "#7570B3", "#A6761D", "#66A61E", "#E7298A")
MODEL_COLORS = (GREY, *RUN_COLORS)
FAILED = "#d2473f"  # color of failed runs


def run_color(number: int) -> str:
    """Return the color of a run.

    Args:
        number: Number of the run. The first run has the number 1.

    Returns:
        The color as hexadecimal text. The colors repeat after six runs.

    Example:
        >>> run_color(1) == run_color(7) == BLUE
        True
    """
    return RUN_COLORS[(number - 1) % len(RUN_COLORS)]


def shipped_color(position: int) -> str:
    """Return the color of a shipped model.

    Args:
        position: Position in the list of shipped models, from 0. The list begins with `untrained`.

    Returns:
        The color as hexadecimal text. The colors repeat after five models.

    Example:
        >>> shipped_color(0) == GREY
        True
    """
    return SHIPPED_COLORS[position % len(SHIPPED_COLORS)]


def distinct(colors: Mapping[str, str]) -> dict[str, str]:
    """Return the colors of models that are shown together. A repeated color is replaced by an unused color.

    Args:
        colors: Name of a model → its color.

    Returns:
        The same names with their colors. The first model with a color keeps it. `FAILED` may repeat.

    Example:
        >>> distinct({"run 1": BLUE, "run 7": BLUE})["run 7"] == ORANGE
        True
    """
    every = [*RUN_COLORS, *SHIPPED_COLORS]
    found: dict[str, str] = {}
    for name, color in colors.items():
        unused = [other for other in every if other not in found.values() and other not in colors.values()]
        found[name] = unused[0] if color in found.values() and color != FAILED and unused else color
    return found


def model_colors(n_models: int) -> list[str]:
    """Return colors for models or groups that have no color of their own. A single one is blue.

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
