"""Parameter experiments: one training for each combination of values and seeds, as patient jobs in the fair line."""

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from digitcore.errors import JobError, SettingsError
from digitcore.jobs import DONE, FAILED, WAITING, Job, JobService
from digitcore.models import ModelBundle
from digitcore.runs import TrainSettings
from digitcore.samples import SampleSet

if TYPE_CHECKING:
    import pandas as pd

MOST = 100  # points in one sweep
SCORES = ["your_hand", "your_hand_before", "mnist", "mnist_before", "mnist_errors_more", "seconds"]


@dataclass
class Point:
    """One combination of values with one seed.

    Attributes:
        values: setting → value.
        settings: complete.
        state: waiting, running, done or failed; waiting also before it is submitted and after it was stopped.
        scores: once done, the figures named in `SCORES`.
        error: why it failed, in one sentence.
    """

    values: dict[str, Any]
    settings: TrainSettings
    state: str = "waiting"
    scores: dict[str, float] = field(default_factory=dict)
    error: str = ""
    job: Job | None = None

    def look(self) -> None:
        """Take over what the job has reached; a run's model is not kept."""
        if self.job is None:
            return
        self.state = self.job.state
        if not self.job.over:
            return
        if self.job.stopping:
            self.state = WAITING
        elif self.state == DONE:
            self.scores = _scores(self.job.result)
        else:
            self.error = self.job.error
        self.job = None


class Sweep:
    """Trainings from one start on the same samples, which differ in the chosen settings and in the seed.

    Args:
        service: where they run.
        start: where each begins.
        samples: the user's; those held out give the personal score.
        base: the settings that are not swept.
        grid: setting → the values to try.
        seeds: how many seeds each combination is tried with, from the base's seed on.
        draws: how many combinations are drawn at random, with the base's seed; None takes all.
        owner: whose jobs they are.

    Raises:
        SettingsError: when a name or a value is wrong, or the points are too many.
    """

    def __init__(
        self,
        service: JobService,
        start: ModelBundle,
        samples: SampleSet,
        base: TrainSettings,
        grid: dict[str, list[Any]],
        seeds: int = 1,
        owner: str = "",
        draws: int | None = None,
    ):
        self.service, self.start, self.samples, self.owner = service, start, samples, owner
        self.grid = {name: list(dict.fromkeys(values)) for name, values in grid.items()}
        combinations = int(np.prod([len(values) for values in self.grid.values()]))
        drawn = min(draws or combinations, combinations)
        count = drawn * seeds
        if not 1 <= count <= MOST:
            raise SettingsError(f"A sweep has 1 to {MOST} trainings; this would be {count:,}. Choose fewer values or seeds.")
        chosen = set(np.random.default_rng(base.seed).choice(combinations, drawn, replace=False).tolist())
        self.points = [
            self._point(base, dict(zip(self.grid, values, strict=True)), base.seed + seed)
            for number, values in enumerate(itertools.product(*self.grid.values()))
            if number in chosen
            for seed in range(seeds)
        ]

    def go(self) -> None:
        """Submit what is not done and not on its way: all at first, the rest after a stop."""
        for point in self.points:
            if point.job is None and point.state != DONE:
                self._submit(point)

    def _submit(self, point):
        point.state, point.error = "waiting", ""
        owner = f"{self.owner}/sweep" if self.owner else ""
        try:
            point.job = self.service.train(self.start, self.samples, point.settings, owner=owner, patient=True)
        except JobError as error:
            point.state, point.error = FAILED, str(error)

    def stop(self) -> None:
        """Withdraw what waits and stop what runs; what is done stays."""
        for point in self.points:
            if point.job:
                point.job.stop()

    @property
    def stopping(self) -> bool:
        """True while what runs has been asked to stop."""
        return any(point.job is not None and point.job.stopping for point in self.points)

    def look(self) -> None:
        """Take over what has come since the last look."""
        for point in self.points:
            point.look()

    @property
    def over(self) -> bool:
        """True when nothing is on its way."""
        return all(point.job is None for point in self.points)

    @property
    def done(self) -> int:
        """How many points have their figures."""
        return sum(point.state == DONE for point in self.points)

    def table(self) -> "pd.DataFrame":
        """One row a point: the swept values, the seed, its state, the scores (shares from 0 to 1), the error."""
        import pandas as pd  # half a second that the first page need not wait for

        rows = [
            {**point.values, "seed": point.settings.seed, "state": point.state, **point.scores, "error": point.error}
            for point in self.points
        ]
        return pd.DataFrame(rows, columns=[*self.grid, "seed", "state", *SCORES, "error"])

    def means(self) -> "pd.DataFrame":
        """One row a combination: the mean of each score over its seeds, and the spread of the personal score."""
        done = self.table().query("state == @DONE")
        if done.empty:
            return done.reindex(columns=[*self.grid, *SCORES, "your_hand_spread", "seeds"])
        grouped = done.groupby(list(self.grid), as_index=False, sort=False)
        means = grouped[SCORES].mean()
        means["your_hand_spread"] = grouped["your_hand"].agg(lambda scores: scores.max() - scores.min())["your_hand"]
        means["seeds"] = grouped["seed"].count()["seed"]
        return means

    def best(self) -> dict[str, Any] | None:
        """The values with the best mean personal score, then the best on MNIST; None while nothing is done."""
        means = self.means()
        if means.empty:
            return None
        first = means.sort_values(["your_hand", "mnist"], ascending=False).iloc[0]
        return {name: _plain(first[name]) for name in self.grid}

    def _point(self, base, values, seed):
        settings = TrainSettings.from_dict({**base.__dict__, **values, "seed": seed})
        return Point(values, settings)


def _scores(run):
    yours_before, yours, before, after = run.yours_before, run.yours_after, run.before, run.after
    return {
        "your_hand": yours.share,
        "your_hand_before": yours_before.share,
        "mnist": after.share,
        "mnist_before": before.share,
        "mnist_errors_more": before.correct - after.correct,
        "seconds": run.seconds,
    }


def _plain(value):
    """NumPy's numbers as Python's."""
    return value.item() if isinstance(value, np.generic) else value
