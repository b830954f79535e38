"""Opening of a lab file."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from digitcore.jobs.tasks.task import ReportProgress, ShouldStop, Task

if TYPE_CHECKING:
    from digitcore.storage.archive import OpenedLab


@dataclass(frozen=True, eq=False)
class OpenLabTask(Task["OpenedLab"]):
    """A task that opens an untrusted lab file.

    Attributes:
        content: Bytes of the file.

    Example:
        >>> OpenLabTask(b"").label
        'Opening the lab'
    """

    content: bytes

    @property
    def label(self) -> str:
        return "Opening the lab"

    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> "OpenedLab":
        from digitcore.storage import archive

        return archive.read(self.content, should_stop)
