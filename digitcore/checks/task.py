"""The checks of a lab as a task for a worker."""

import functools
from dataclasses import dataclass

from digitcore.checks.check import CheckResult
from digitcore.jobs.tasks import ReportProgress, ShouldStop, Task, TaskKey
from digitcore.storage.snapshot import LabSnapshot


@dataclass(frozen=True, eq=False)
class CheckTask(Task[list[CheckResult]]):
    """A task that checks the drawings, a run and the sweep of a lab.

    Attributes:
        lab: The lab.
        run_name: Name of the run, or "" for the latest run.

    Example:
        >>> CheckTask(LabSnapshot()).label
        'Checking the drawings and the run'
    """

    lab: LabSnapshot
    run_name: str = ""

    @functools.cached_property
    def _digest(self) -> str:
        return self.lab.digest()

    @property
    def key(self) -> TaskKey:
        return "checks", self._digest, self.run_name

    @property
    def label(self) -> str:
        return "Checking the drawings and the run"

    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> list[CheckResult]:
        from digitcore.checks.lab import check_lab

        return check_lab(self.lab, self.run_name)
