"""Export of a model as an ONNX file."""

from dataclasses import dataclass

from digitcore.jobs.tasks.task import ReportProgress, ShouldStop, Task, TaskKey
from digitcore.models.bundle import ModelBundle


@dataclass(frozen=True, eq=False)
class ExportOnnxTask(Task[bytes]):
    """A task that exports a model as the bytes of an ONNX file.

    Attributes:
        model: The model.

    Example:
        >>> from digitcore import models
        >>> ExportOnnxTask(models.load("genius")).label
        'Exporting genius as ONNX'
    """

    model: ModelBundle

    @property
    def key(self) -> TaskKey:
        return "onnx", self.model.key

    @property
    def label(self) -> str:
        return f"Exporting {self.model.name} as ONNX"

    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> bytes:
        from digitcore.models.keras_io import to_onnx

        return to_onnx(self.model)
