"""Import of samples from a file."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from digitcore.jobs.tasks.task import Progress, ReportProgress, ShouldStop, Task

if TYPE_CHECKING:
    from digitcore.data.sample_files import ImportResult


@dataclass(frozen=True, eq=False)
class ReadSamplesTask(Task["ImportResult"]):
    """A task that reads an untrusted file of samples.

    Attributes:
        content: Bytes of the file.

    Example:
        >>> ReadSamplesTask(b"").label
        'Reading the samples'
    """

    content: bytes

    @property
    def label(self) -> str:
        return "Reading the samples"

    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> "ImportResult":
        from digitcore.data import sample_files
        from digitcore.models import registry

        return sample_files.read(
            self.content,
            lambda share: progress(Progress(share)),
            should_stop,
            predictor=registry.load(registry.DEFAULT_MODEL).predictor(),
            accept_doubtful=True,  # The page asks the user.
        )
