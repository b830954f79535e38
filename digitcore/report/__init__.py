"""Reports: a comparison of models with its data, settings and commands in one HTML file without scripts and requests.

Importing this package is quick: pandas, Altair and Jinja2 are loaded when a report is written.
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from digitcore.report.html import to_html
    from digitcore.report.task import ReportTask

__all__ = ["ReportTask", "to_html"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={"html": ["to_html"], "task": ["ReportTask"]},
)
