"""Charts as SVG for a file without scripts. vl-convert-python draws them; it is the optional extra “report”."""

import hashlib
import importlib.util
import re
from html import escape

from digitcore.displays import Display

VEGA_LITE = "6.4"
WIDTH = 340  # px; two charts fit side by side on A4
MISSING = "This report has tables and no charts, because vl-convert-python is not installed. Run pip install “digitlab[report]”."


def is_available() -> bool:
    """Return whether charts can be drawn.

    Example:
        >>> is_available() in (True, False)
        True
    """
    return importlib.util.find_spec("vl_convert") is not None


def draw(display: Display, *, width: int = WIDTH, height: int | None = None, **options: object) -> str:
    """Draw the chart of a display as an SVG element. The element has one description and refers to no other file.

    Args:
        display: The display.
        width: Width of the whole chart in px.
        height: Height of the whole chart in px. If `None`, the height of the chart on the pages.
        options: Keyword arguments of the chart, such as `metric`.

    Returns:
        The SVG element. It is "" if vl-convert-python is not installed.

    Example:
        >>> import numpy as np
        >>> from digitcore import displays
        >>> draw(displays.confusion(np.diag([10] * 10)))[:30]  # doctest: +SKIP
        '<svg role="img" aria-label="Con'
    """
    if not is_available():
        return ""
    import vl_convert

    specification = display.chart(**options).to_dict()
    size = {"width": width, "height": height or specification["height"]}
    specification |= size | {"autosize": {"type": "fit", "contains": "padding"}}
    text = vl_convert.vegalite_to_svg(specification, vl_version=VEGA_LITE, allowed_base_urls=[])
    return _for_page(text, display.alt_text(**options))


def _for_page(svg: str, description: str) -> str:
    """Return an SVG for a page with several SVGs: with its own ids, one description, and short coordinates."""
    prefix = hashlib.sha256((description + svg).encode()).hexdigest()[:8]
    svg = re.sub(r' (?:aria-[a-z]+|role|class|xmlns:xlink|version)="[^"]*"', "", svg)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="chart-{prefix}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#chart-{prefix}-\1)", svg)
    svg = re.sub(r"<[^>]+>", lambda tag: re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", tag[0]), svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(description, quote=True)}"', 1)
