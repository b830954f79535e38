"""The results that a report shows: evaluations of the compared models, on MNIST and on the user's drawings."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digitcore import mnist
from digitcore.evaluation import robustness
from digitcore.evaluation.comparison import PairedComparison
from digitcore.evaluation.metrics import Evaluation
from digitcore.jobs import mnist_evaluation
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.storage import lab_models, learnt
from digitcore.storage.snapshot import LabSnapshot

if TYPE_CHECKING:
    import pandas as pd

ReportShare = Callable[[float], None]
ShouldStop = Callable[[], bool]


@dataclass(frozen=True, eq=False)
class Results:
    """The evaluations of the compared models of a lab.

    Attributes:
        lab: The lab.
        models: The compared models by name: baseline, candidate, then further models.
        mnist: Evaluation of each model on MNIST's test digits; empty if MNIST is not on this machine.
        robustness: Table of `robustness_table` on the first 1,000 test digits for each model; empty without MNIST.
        drawings: Evaluation of each model on `tested`.
        tested: The drawings on which the models are compared.
        is_unseen: Whether no model has learnt from these drawings.

    Example:
        >>> measure(LabSnapshot(), ["mlp", "genius"]).comparison.net_gain  # doctest: +SKIP
        163
    """

    lab: LabSnapshot
    models: dict[str, ModelBundle]
    mnist: dict[str, Evaluation]
    robustness: "dict[str, pd.DataFrame]"
    drawings: dict[str, Evaluation]
    tested: SampleSet
    is_unseen: bool

    @property
    def colors(self) -> dict[str, str]:
        """The colors of the compared models by name."""
        return lab_models.colors(self.models, self.lab.runs, self.lab.uploads)

    @property
    def pair(self) -> tuple[str, str]:
        """Names of baseline and candidate."""
        baseline, candidate = list(self.models)[:2]
        return baseline, candidate

    @property
    def comparison(self) -> PairedComparison | None:
        """The comparison on MNIST's test digits, or `None` without MNIST."""
        return PairedComparison(*(self.mnist[name] for name in self.pair)) if self.mnist else None

    @property
    def drawings_comparison(self) -> PairedComparison | None:
        """The comparison on the tested drawings, or `None` if there are no drawings."""
        return PairedComparison(*(self.drawings[name] for name in self.pair)) if len(self.tested) else None

    def changed(self) -> list[tuple[np.ndarray, int, int, int]]:
        """Return the drawings that only one of the pair predicts correctly: digit, label, and both predictions."""
        samples = self.lab.samples.drawn_part()
        if not len(samples):
            return []
        before, after = (self.models[name].predictor().probabilities(samples.digits).argmax(1) for name in self.pair)
        indices = np.flatnonzero((before == samples.labels) != (after == samples.labels))[::-1]
        return [(samples.digits[i], int(samples.labels[i]), int(before[i]), int(after[i])) for i in indices]

    def n_learnt(self, name: str) -> int:
        """Return the number of drawings of the lab that a model may have learnt from."""
        samples = self.lab.samples.drawn_part()
        return int(np.sum(~learnt.unseen(samples, [lab_models.learnt_from(self.lab, self.models[name])])))


def measure(
    lab: LabSnapshot,
    names: "list[str] | tuple[str, ...]" = (),
    on_progress: ReportShare = lambda share: None,
    should_stop: ShouldStop = lambda: False,
) -> Results:
    """Evaluate the compared models of a lab. Without cached results, a model takes some seconds.

    Args:
        lab: The lab.
        names: Names of the models, as in `lab_models.compared`.
        on_progress: Called with the completed share, 0 to 1.
        should_stop: Called before each part. The work is cancelled if it returns true.

    Returns:
        The results.

    Raises:
        ModelError: If the lab has no model of a name.
        CancelledError: If `should_stop` returned true.

    Example:
        >>> measure(LabSnapshot(), ["mlp", "plain"]).pair  # doctest: +SKIP
        ('mlp', 'plain')
    """
    models = lab_models.compared(lab, names)
    tested, is_unseen = learnt.tested_drawings(lab.samples, [lab_models.learnt_from(lab, model) for model in models.values()])
    drawings = {
        name: Evaluation.from_probabilities(tested.labels, model.predictor().probabilities(tested.digits))
        for name, model in models.items()
    }
    evaluations: dict[str, Evaluation] = {}
    tables: dict[str, pd.DataFrame] = {}
    for number, (name, model) in enumerate(models.items() if mnist.is_available() else ()):

        def share(done: float, number: int = number) -> None:
            on_progress((number + done) / len(models))

        evaluations[name] = mnist_evaluation.evaluate(model, lambda done: share(done / 2), should_stop)
        tables[name] = _robustness(model, evaluations[name], lambda done: share(0.5 + done / 2), should_stop)
    return Results(lab, models, evaluations, tables, drawings, tested, is_unseen)


def _robustness(model: ModelBundle, clean: Evaluation, on_progress: ReportShare, should_stop: ShouldStop) -> "pd.DataFrame":
    """Return the robustness from the model's card, or measure it."""
    if on_card := model.card.metrics.get("robustness"):
        return robustness.from_card(on_card, float(clean.is_correct[: robustness.CARD_DIGITS].mean()))
    return robustness.robustness_table(model.predictor(), on_progress=on_progress, should_stop=should_stop)
