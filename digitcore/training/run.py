"""The result of a training. It contains plain data, so the server does not need Keras for it."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from digitcore.evaluation.score import Score
from digitcore.models.bundle import ModelBundle, TrainingData
from digitcore.samples import SampleSet
from digitcore.training.settings import TrainSettings

Point = dict[str, float]
"""One point of a training's curves.

`epoch` (0 is before the training), `samples_seen` and `seconds` are always present. `loss`, `accuracy`, `val_loss` and
`val_accuracy` are present where they were measured."""
POINT_KEYS = ("epoch", "samples_seen", "seconds", "loss", "accuracy", "val_loss", "val_accuracy")
MAX_LOSS_RISE = 1.5  # maximum ratio of the last to the first validation loss of a successful fine-tuning
MIN_LOSS = 0.05  # nats; a loss below it is no problem: the loss of an accurate model depends on a few digits
NEAR_CHANCE = 0.2  # A trained model with a lower accuracy predicts hardly better than chance.
MAX_MNIST_LOSS = 0.003  # share of the test digits; a training that loses more has made the model worse


@dataclass(frozen=True, eq=False)
class MnistScores:
    """The results of a training on MNIST's test digits.

    Attributes:
        before: Score of the parent model.
        after: Score of the trained model.
        p_value: p value of McNemar's exact test between the two models, 0 to 1.
        metrics: Metrics of the trained model for its card.

    Example:
        >>> score = Score(correct=99, n=100, interval=(0.95, 1.0))
        >>> MnistScores(score, score, p_value=1.0, metrics={}).after.accuracy
        0.99
    """

    before: Score
    after: Score
    p_value: float
    metrics: dict[str, Any]


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """One training with its settings, its model and its curves.

    Attributes:
        model: The trained model.
        history: Points of the curves, oldest first.
        settings: The settings as they were given, before None and "auto" were resolved.
        parent: Name of the initial model.
        seconds: Duration of the training, without the evaluation after it.
        stopped: Whether the training was stopped before its last epoch.
        resume_state: Bytes of a `Checkpoint`, from which a stopped run can be resumed, or None.
        mnist_before: Score of the parent model on MNIST's test digits, or None until it is known.
        mnist_after: Score of the trained model on MNIST's test digits, or None until it is known.
        mnist_p_value: p value of McNemar's exact test between the two models, 0 to 1, or None until it is known.
        personal_before: Score of the parent model on the user's samples: on the held-out samples if there are any, otherwise
            on all samples.
        personal_after: Score of the trained model on the same samples.
        personal_is_held_out: Whether the personal scores are measured on held-out samples.
        sample_hashes: Content hashes of the samples that the model and its parents were trained on, as `SampleSet.digit_hashes`
            returns them, or None if they are unknown.
        snapshots: Bytes of `snapshots.Snapshots.to_bytes`, or b"" if there are no snapshots.
        error: The reason why the training ended with an error, in one sentence; "" for a run without an error. The model of
            a failed run has the weights of the initial model.

    Example:
        >>> from digitcore import models
        >>> Run(models.load("mlp").rename("run 1"), [], TrainSettings(), parent="genius", seconds=1.5)
        Run('run 1', epochs=0, parent='genius', stopped=False)
    """

    model: ModelBundle
    history: list[Point]
    settings: TrainSettings
    parent: str
    seconds: float
    stopped: bool = False
    resume_state: bytes | None = None
    mnist_before: Score | None = None
    mnist_after: Score | None = None
    mnist_p_value: float | None = None
    personal_before: Score | None = None
    personal_after: Score | None = None
    personal_is_held_out: bool = False
    sample_hashes: frozenset[str] | None = None
    snapshots: bytes = b""
    error: str = ""

    @classmethod
    def failed(cls, start: ModelBundle, samples: SampleSet, settings: TrainSettings, history: list[Point], error: str) -> "Run":
        """Return the run of a training that ended with an error.

        Args:
            start: The initial model.
            samples: The user's samples in the training set.
            settings: The settings.
            history: Points of the curves until the error, oldest first; at least one.
            error: The reason, in one sentence.

        Example:
            >>> from digitcore import models
            >>> point = {"epoch": 0.5, "samples_seen": 250.0, "seconds": 1.5}
            >>> Run.failed(models.load("mlp"), SampleSet(), TrainSettings(), [point], "The loss is not a finite number.").error
            'The loss is not a finite number.'
        """
        resolved = settings.resolved(start.card.trained)
        card = replace(
            start.card,
            name="failed",
            recipe="",
            parent=start.name,
            training_data=training_data(samples, resolved),
            settings=asdict(resolved),
            history=[],
            metrics={},
            start_sha256="",
            sample_hashes=[],
            seconds=history[-1]["seconds"],
        )
        model, seconds = start.with_card(card), history[-1]["seconds"]
        return cls(model, history, settings, start.name, seconds, sample_hashes=frozenset(), error=error)

    def __repr__(self) -> str:
        """Return one line with the name, the completed epochs, the parent and whether the run was stopped."""
        epochs = self.history[-1]["epoch"] if self.history else 0
        return f"Run({self.model.name!r}, epochs={epochs:g}, parent={self.parent!r}, stopped={self.stopped})"

    def with_mnist_scores(self, scores: MnistScores) -> "Run":
        """Return a copy with scores on MNIST's test digits.

        Args:
            scores: The scores. Their metrics are added to the model's card.

        Example:
            >>> from digitcore import models
            >>> score = Score(correct=99, n=100, interval=(0.95, 1.0))
            >>> run = Run(models.load("mlp"), [], TrainSettings(), parent="genius", seconds=1.5)
            >>> run.with_mnist_scores(MnistScores(score, score, 1.0, {"mnist_accuracy": 0.99})).mnist_after.accuracy
            0.99
        """
        model = self.model.with_card(self.model.card.with_metrics(scores.metrics))
        return replace(self, model=model, mnist_before=scores.before, mnist_after=scores.after, mnist_p_value=scores.p_value)


def training_data(samples: SampleSet, settings: TrainSettings) -> TrainingData:
    """Return the number of samples of each kind in a training set, for the card of the model.

    Args:
        samples: The user's samples. MNIST examples among them count as MNIST digits.
        settings: Settings of the training.

    Example:
        >>> training_data(SampleSet(), TrainSettings()).n_samples
        500
    """
    return TrainingData(
        drawings=len(samples.drawn_part()),
        mnist_digits=settings.mnist_samples + int(samples.is_example.sum()),
        synthetic_digits=settings.synthetic_samples,
        pen_digits=settings.pen_samples,
        non_digits=settings.non_digit_samples,
        corrupted_share=settings.corrupted_share,
    )
