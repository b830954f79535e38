"""The report of a lab as a task for a worker."""

import functools
from dataclasses import dataclass

from digitcore.jobs.tasks import Progress, ReportProgress, ShouldStop, Task, TaskKey
from digitcore.storage.snapshot import LabSnapshot

MEASURED_SHARE = 0.9  # share of the evaluations in the progress; the rest is for the charts


@dataclass(frozen=True, eq=False)
class ReportTask(Task[str]):
    """A task that evaluates the compared models of a lab and writes the report.

    Attributes:
        lab: The lab.
        names: Names of the compared models, or () for the models that the lab compares.

    Example:
        >>> ReportTask(LabSnapshot(), ("genius", "plain")).label
        'Writing the report'
    """

    lab: LabSnapshot
    names: tuple[str, ...] = ()

    @functools.cached_property
    def _digest(self) -> str:
        return self.lab.digest()

    @property
    def key(self) -> TaskKey:
        return "report", self._digest, *self.names

    @property
    def label(self) -> str:
        return "Writing the report"

    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> str:
        from digitcore.report import content, html, results

        found = results.measure(self.lab, self.names, lambda share: progress(Progress(MEASURED_SHARE * share)), should_stop)
        return html.to_html(content.build(found))
