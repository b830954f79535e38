"""Import of an untrusted model file."""

from dataclasses import dataclass

from digitcore.jobs.tasks.task import Progress, ReportProgress, ShouldStop, Task
from digitcore.models.bundle import ModelBundle


@dataclass(frozen=True, eq=False)
class ImportModelTask(Task[ModelBundle]):
    """A task that opens an untrusted model file and measures the model.

    Attributes:
        content: Bytes of the file.
        name: Name of the model.

    Example:
        >>> ImportModelTask(b"", "mine").label
        'Opening the model'
    """

    content: bytes
    name: str

    @property
    def label(self) -> str:
        return "Opening the model"

    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> ModelBundle:
        from digitcore.jobs import mnist_evaluation
        from digitcore.models import upload

        model = upload.find_shipped(self.content) or upload.open_checked([upload.check(self.content)], should_stop)[0]
        progress(Progress(0.6))
        if "mnist_accuracy" not in model.card.metrics:
            model = mnist_evaluation.with_metrics(model, should_stop)
        return model.rename(self.name)
