"""Search for wrong labels among the user's samples."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from digitcore.jobs.limits import Limits
from digitcore.jobs.tasks.task import Progress, ReportProgress, ShouldStop, Task, TaskKey, hash_array
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.training.settings import TrainSettings

if TYPE_CHECKING:
    from digitcore.data.label_issues import LabelIssue


@dataclass(frozen=True, eq=False)
class LabelIssuesTask(Task["list[LabelIssue]"]):
    """A task that finds doubtful labels. Each sample is predicted by a model that was not trained on it.

    Attributes:
        start: The initial model of each training. It must not be trained on the samples.
        samples: The labelled samples.

    Example:
        >>> from digitcore import models
        >>> LabelIssuesTask(models.load("genius"), SampleSet()).label
        'Training four models to check the labels'
    """

    start: ModelBundle
    samples: SampleSet

    @property
    def key(self) -> TaskKey:
        return "label issues", self.start.hash, hash_array(self.samples.digits), hash_array(self.samples.labels)

    @property
    def label(self) -> str:
        return "Training four models to check the labels"

    def with_limits(self, limits: Limits) -> Self:
        limits.check(len(self.samples), limits.samples, "drawings in one training")
        return self

    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> "list[LabelIssue]":
        from digitcore.data.label_issues import find_label_issues
        from digitcore.training.cross_validation import predict_out_of_fold

        probabilities = predict_out_of_fold(
            self.start,
            self.samples,
            TrainSettings(),
            on_progress=lambda share: progress(Progress(share)),
            should_stop=should_stop,
        )
        return find_label_issues(self.samples.labels, probabilities)
