"""Successive halving: poor trials are stopped early, and the epochs are the resource."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from digitcore.jobs.job import JobStatus
from digitcore.sweeps.trial import Trial

MAX_RUNGS = 3


@dataclass(frozen=True)
class SuccessiveHalving:
    """A schedule in which all trials start with few epochs, and only the better half continues with twice as many.

    Source: K. Jamieson, A. Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016.

    Attributes:
        epochs: Epochs of a trial on the last rung.
        n_combinations: Number of combinations of values.

    Example:
        >>> halving = SuccessiveHalving(epochs=8, n_combinations=5)
        >>> [halving.epochs_at(rung) for rung in range(halving.n_rungs)]
        [2, 4, 8]
    """

    epochs: int
    n_combinations: int

    @property
    def n_rungs(self) -> int:
        """Number of trainings of the best trials."""
        by_epochs, by_combinations = int(math.log2(self.epochs)), math.ceil(math.log2(self.n_combinations))
        return 1 + min(MAX_RUNGS - 1, by_epochs, by_combinations)

    def epochs_at(self, rung: int) -> int:
        """Return the epochs of a training on a rung. They double from one rung to the next."""
        return max(1, self.epochs >> (self.n_rungs - 1 - rung))

    def promote(self, trials: Sequence[Trial], ranked_by: str) -> None:
        """Promote the better half of the active combinations to the next rung, and stop the rest.

        Args:
            trials: All trials of the sweep. Each is done or has failed.
            ranked_by: The score that ranks the combinations, by its mean over the seeds.
        """
        rung = max(trial.rung for trial in trials)
        if rung + 1 >= self.n_rungs:
            return
        groups: dict[str, list[Trial]] = defaultdict(list)
        for trial in trials:
            if trial.rung == rung and trial.status == JobStatus.DONE:
                groups[str(trial.values)].append(trial)
        ranked = sorted(groups.values(), key=lambda group: -fmean(trial.scores.get(ranked_by, 0.0) for trial in group))
        n_promoted = -(-len(ranked) // 2)
        for trial in (trial for group in ranked[:n_promoted] for trial in group):
            trial.promote()
        for trial in (trial for group in ranked[n_promoted:] for trial in group):
            trial.stop_early()
