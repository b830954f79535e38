"""Successive halving: trials with low scores are stopped early."""

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
    """A schedule of trainings. All trials are trained with few epochs. The better half is trained again with twice as many.

    Each step of the schedule is called a rung.

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
        """Number of rungs, which is how often the best trials are trained."""
        by_epochs, by_combinations = int(math.log2(self.epochs)), math.ceil(math.log2(self.n_combinations))
        return 1 + min(MAX_RUNGS - 1, by_epochs, by_combinations)

    def epochs_at(self, rung: int) -> int:
        """Return the epochs of a training on a rung. Each rung has twice the epochs of the previous rung."""
        return max(1, self.epochs >> (self.n_rungs - 1 - rung))

    def promote(self, trials: Sequence[Trial], ranked_by: str) -> None:
        """Promote the better half of the active combinations to the next rung, and stop the rest.

        Args:
            trials: All trials of the sweep. Each trial is done or has failed.
            ranked_by: The score whose mean over the seeds ranks the combinations.
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
