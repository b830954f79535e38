"""The subject of the checks: the drawings of a lab, one run, and the sweep. Predictions are computed when they are first used."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from digitcore import sanitize
from digitcore.errors import DigitLabError
from digitcore.models import registry
from digitcore.samples import SampleSet
from digitcore.storage import lab_models
from digitcore.storage.snapshot import LabSnapshot, RunRecord
from digitcore.sweeps.runner import Sweep
from digitcore.training.run import Point


@dataclass(frozen=True, eq=False)
class Subject:
    """The subject of the checks.

    Attributes:
        lab: The lab.
        run: The run to check, or `None` if the lab has no run.

    Example:
        >>> Subject(LabSnapshot(), None).sweep is None
        True
    """

    lab: LabSnapshot
    run: RunRecord | None

    @cached_property
    def drawings(self) -> SampleSet:
        """The drawings, without labelled MNIST examples."""
        return self.lab.samples.drawn_part()

    @cached_property
    def genius_probabilities(self) -> np.ndarray:
        """(N, 10) float32, the predictions of the drawings by genius, which has learnt from none of them."""
        return registry.load(registry.DEFAULT_MODEL).predictor().probabilities(self.drawings.digits)

    @cached_property
    def confirmed(self) -> np.ndarray:
        """(N,) bool, whether the user has confirmed a doubtful label."""
        kept = set(sanitize.strings(self.lab.preferences.get("kept_labels")))
        return np.array([identity in kept for identity in self.drawings.identities()], bool)

    @cached_property
    def sweep(self) -> Sweep | None:
        """The sweep of the lab, or `None` without a readable sweep that has a result."""
        return lab_sweep(self.lab)

    @cached_property
    def validated(self) -> list[Point]:
        """The points of the run's curves that have a validation loss, oldest first."""
        return [point for point in self.run.run.history if "val_loss" in point] if self.run else []


def lab_sweep(lab: LabSnapshot) -> Sweep | None:
    """Return the sweep of a lab, or `None` without a readable sweep that has a result.

    Args:
        lab: The lab.

    Example:
        >>> lab_sweep(LabSnapshot()) is None
        True
    """
    if lab.sweep is None:
        return None
    start = lab_models.every_model(lab).get(str(lab.sweep.get("start"))) or registry.load(registry.DEFAULT_MODEL)
    try:
        found = Sweep.from_dict(lab.sweep, start, lab.samples)
    except DigitLabError:
        return None
    return found if found.n_done else None
