"""The export of a run as code as a task for a worker."""

from dataclasses import dataclass

from digitcore.jobs.tasks import ReportProgress, ShouldStop, Task, TaskKey
from digitcore.samples import SampleSet
from digitcore.storage.snapshot import RunRecord


@dataclass(frozen=True, eq=False)
class PackageTask(Task[bytes]):
    """A task that writes a run as code, with its data, into a ZIP file.

    Attributes:
        record: The run.
        samples: The samples of the lab.

    Example:
        >>> from digitcore.models import registry
        >>> from digitcore.training import Run, TrainSettings
        >>> genius = registry.load("genius")
        >>> record = RunRecord(Run(genius.rename("run 1"), [], TrainSettings(), "genius", 1.0), genius)
        >>> PackageTask(record, SampleSet()).label
        'Writing run 1 as code'
    """

    record: RunRecord
    samples: SampleSet

    @property
    def key(self) -> TaskKey:
        samples = self.samples
        return "code", self.record.name, self.record.model.key, *samples.identities(), samples.held_out.tobytes().hex()

    @property
    def label(self) -> str:
        return f"Writing {self.record.name} as code"

    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> bytes:
        from digitcore.reproduce.experiment import Experiment
        from digitcore.reproduce.package import to_zip

        return to_zip(Experiment.of_run(self.record, self.samples))
