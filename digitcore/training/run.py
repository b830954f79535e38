"""The result of a training: plain data, so that the server needs no Keras to hold it."""

from dataclasses import dataclass, replace
from typing import Any

from digitcore.evaluation.score import Score
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.training.settings import TrainSettings

__all__ = ["MnistScores", "Point", "Run", "SampleSet", "Score", "TrainSettings"]

Point = dict[str, float]
"""One point of a training's curves: `epoch` (0 is before training, fractions are batches), `samples_seen`, `seconds`,
and of these what is known there: `loss`, `accuracy`, `val_loss`, `val_accuracy`."""
POINT_KEYS = ("epoch", "samples_seen", "seconds", "loss", "accuracy", "val_loss", "val_accuracy")


@dataclass(frozen=True, eq=False)
class MnistScores:
    """What MNIST's test digits say of a training.

    Attributes:
        before, after: score of the parent and of the model.
        p_value: of McNemar's exact test between the two, 0 to 1.
        metrics: of the model, for its card.
    """

    before: Score
    after: Score
    p_value: float
    metrics: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Run:
    """One training: settings in, model and curves out.

    Attributes:
        model: the trained model.
        history: the points of its curves, oldest first.
        settings: as asked for, before None and "auto" were resolved.
        parent: name of the model it started from.
        seconds: length of the training, without the evaluation after it.
        stopped: True when it was stopped before the last epoch.
        resume_state: of a stopped run, the model with the optimizer's state, as bytes of a .keras file.
        mnist_before, mnist_after: score of the parent and of the model on MNIST's test digits; None until they are known.
        mnist_p_value: of McNemar's exact test between the two, 0 to 1; None until it is known.
        personal_before, personal_after: score of both on the user's samples: on the held-out ones, which neither was trained
            on in this run, or where there are none, on all.
        personal_is_held_out: whether those are held-out ones.
        snapshots: what the network looked like at some epochs, as the file of `snapshots.Snapshots`; b"" where that is not known.
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
    snapshots: bytes = b""

    def with_mnist_scores(self, scores: MnistScores) -> "Run":
        """The same run with its scores on MNIST's test digits, and the model's metrics on its card."""
        model = self.model.with_card(self.model.card.with_metrics(scores.metrics))
        return replace(self, model=model, mnist_before=scores.before, mnist_after=scores.after, mnist_p_value=scores.p_value)
