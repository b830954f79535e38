"""The HTML file of a report. It has no script and needs no other file, so that it can be read and printed without a network."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from digitcore.report import svg
from digitcore.report.content import Report

FOLDER = Path(__file__).resolve().parent
_environment = Environment(
    loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def to_html(report: Report) -> str:
    """Write a report as one HTML file. All texts are escaped.

    Args:
        report: The report.

    Returns:
        The content of the file.

    Example:
        >>> to_html(Report("genius and <plain>", [], "2026-11-29", [], True)).count("genius and &lt;plain&gt;")
        2
    """
    style = (FOLDER / "report.css").read_text(encoding="utf-8")
    return _environment.get_template("report.html.jinja").render(report=report, style=style, missing_charts=svg.MISSING)
