"""Hyperparameter sweeps: one training for each combination of values and seeds, as jobs of low priority."""

import itertools
import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from digitcore.errors import JobError, SettingsError
from digitcore.jobs.job import Job, JobStatus, Priority
from digitcore.jobs.service import JobService
from digitcore.jobs.tasks import TrainTask
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.training.settings import TrainSettings

if TYPE_CHECKING:
    import pandas as pd

    from digitcore.training.run import Run

MAX_TRIALS = 100
SCORES = ["personal", "personal_before", "mnist", "mnist_before", "added_mnist_errors", "seconds"]


@dataclass
class Trial:
    """One combination of values with one seed.

    Attributes:
        values: setting → value.
        settings: complete.
        status: WAITING also before it is submitted and after it was stopped.
        scores: once done, the values named in `SCORES`.
        error: why it failed, in one sentence.
        job: while it waits in the queue or runs.
    """

    values: dict[str, Any]
    settings: TrainSettings
    status: JobStatus = JobStatus.WAITING
    scores: dict[str, float] = field(default_factory=dict)
    error: str = ""
    job: "Job[Run] | None" = None

    def poll(self) -> None:
        """Take over the job's status and scores; a run's model is not kept."""
        if self.job is None:
            return
        self.status = self.job.status
        if not self.job.done:
            return
        if self.job.is_stopping:
            self.status = JobStatus.WAITING
        elif self.status == JobStatus.DONE and self.job.result:
            self.scores = _scores(self.job.result)
        else:
            self.error = self.job.error
        self.job = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it; a trial that runs is one that waits."""
        status = JobStatus.WAITING if self.status == JobStatus.RUNNING else self.status
        return {
            "values": self.values,
            "settings": asdict(self.settings),
            "status": str(status),
            "scores": self.scores,
            "error": self.error,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Trial":
        """Read what `to_dict` gave.

        Raises:
            SettingsError, KeyError, TypeError, ValueError: when it is no such thing.
        """
        settings = TrainSettings.from_dict(values["settings"])
        return cls(
            {name: asdict(settings)[name] for name in values["values"]},
            settings,
            JobStatus(values["status"]),
            {name: float(values["scores"][name]) for name in SCORES if name in values["scores"]},
            str(values["error"]),
        )


class Sweep:
    """Trainings from one start on the same samples, which differ in the swept settings and in the seed.

    Args:
        start: the initial model of each.
        samples: the user's; those held out give the personal score.
        grid: setting → the values to try.
        trials: one for each combination and seed; see `create`.
    """

    def __init__(self, start: ModelBundle, samples: SampleSet, grid: dict[str, list[Any]], trials: list[Trial]):
        self.start, self.samples, self.grid, self.trials = start, samples, grid, trials

    @classmethod
    def create(
        cls,
        start: ModelBundle,
        samples: SampleSet,
        base: TrainSettings,
        grid: dict[str, list[Any]],
        n_seeds: int = 1,
        n_combinations: int | None = None,
    ) -> "Sweep":
        """Plan a sweep.

        Args:
            start, samples, grid: as above.
            base: the settings that are not swept.
            n_seeds: how many seeds each combination is tried with, from the base's seed on.
            n_combinations: how many are drawn at random, with the base's seed; None takes all.

        Raises:
            SettingsError: when a name or a value is wrong, or there are too many trials.
        """
        grid = {name: list(dict.fromkeys(values)) for name, values in grid.items()}
        total = math.prod(len(values) for values in grid.values())
        drawn = min(n_combinations or total, total)
        n_trials = drawn * n_seeds
        if not 1 <= n_trials <= MAX_TRIALS:
            raise SettingsError(
                f"A sweep has 1 to {MAX_TRIALS} trainings; this would be {n_trials:,}. Choose fewer values or seeds."
            )
        chosen = set(np.random.default_rng(base.seed).choice(total, drawn, replace=False).tolist())
        trials = [
            _trial(base, dict(zip(grid, values, strict=True)), base.seed + seed)
            for number, values in enumerate(itertools.product(*grid.values()))
            if number in chosen
            for seed in range(n_seeds)
        ]
        return cls(start, samples, grid, trials)

    def to_dict(self) -> dict[str, Any]:
        """Grid and trials as JSON can hold them; the model and the samples are the lab's."""
        return {"start": self.start.name, "grid": self.grid, "trials": [trial.to_dict() for trial in self.trials]}

    @classmethod
    def from_dict(cls, values: dict[str, Any], start: ModelBundle, samples: SampleSet) -> "Sweep":
        """Read what `to_dict` gave.

        Raises:
            SettingsError: when it is no such thing.
        """
        try:
            trials = [Trial.from_dict(trial) for trial in values["trials"][:MAX_TRIALS]]
            grid = {str(name): list(dict.fromkeys(trial.values[name] for trial in trials)) for name in values["grid"]}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SettingsError("The sweep of this lab is damaged.") from error
        if not trials or not grid:
            raise SettingsError("The sweep of this lab is empty.")
        return cls(start, samples, grid, trials)

    def submit_pending(self, service: JobService, owner: str = "") -> None:
        """Submit the trials that are neither done nor submitted: all at first, the rest after a stop."""
        for trial in self.trials:
            if trial.job is None and trial.status != JobStatus.DONE:
                self._submit(trial, service, owner)

    def _submit(self, trial: Trial, service: JobService, owner: str) -> None:
        trial.status, trial.error = JobStatus.WAITING, ""
        task = TrainTask(self.start, self.samples, trial.settings)
        try:
            trial.job = service.submit(task, owner=f"{owner}/sweep" if owner else "", priority=Priority.LOW)
        except JobError as error:
            trial.status, trial.error = JobStatus.FAILED, str(error)

    def stop(self) -> None:
        """Withdraw the trials that wait and stop those that run; what is done stays."""
        for job in self.jobs():
            job.stop()

    def poll(self) -> None:
        """Take over what has changed since the last call."""
        for trial in self.trials:
            trial.poll()

    def jobs(self) -> "list[Job[Run]]":
        """The jobs that wait or run."""
        return [trial.job for trial in self.trials if trial.job is not None]

    @property
    def is_stopping(self) -> bool:
        """Whether what runs has been asked to stop."""
        return any(job.is_stopping for job in self.jobs())

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits or runs."""
        return not self.jobs()

    @property
    def n_done(self) -> int:
        """Number of trials with scores."""
        return sum(trial.status == JobStatus.DONE for trial in self.trials)

    def table(self) -> "pd.DataFrame":
        """One row a trial: the swept values, the seed, its status, the scores (shares from 0 to 1), the error."""
        import pandas as pd  # half a second that the first page need not wait for

        rows = [
            {**trial.values, "seed": trial.settings.seed, "status": str(trial.status), **trial.scores, "error": trial.error}
            for trial in self.trials
        ]
        return pd.DataFrame(rows, columns=[*self.grid, "seed", "status", *SCORES, "error"])

    def means(self) -> "pd.DataFrame":
        """One row a combination: the mean of each score over its seeds, and the range of the personal score."""
        table = self.table()
        done = table[table["status"] == JobStatus.DONE]
        if done.empty:
            return done.reindex(columns=[*self.grid, *SCORES, "personal_range", "seeds"])
        grouped = done.groupby(list(self.grid), as_index=False, sort=False)
        means = grouped[SCORES].mean()
        means["personal_range"] = grouped["personal"].agg(lambda scores: scores.max() - scores.min())["personal"]
        means["seeds"] = grouped["seed"].count()["seed"]
        return means

    def best(self) -> dict[str, Any] | None:
        """The values with the best mean personal score, then the best on MNIST; None while nothing is done."""
        means = self.means()
        if means.empty:
            return None
        first = means.sort_values(["personal", "mnist"], ascending=False).iloc[0]
        return {name: next(value for value in values if value == first[name]) for name, values in self.grid.items()}


def _trial(base: TrainSettings, values: dict[str, Any], seed: int) -> Trial:
    return Trial(values, TrainSettings.from_dict({**asdict(base), **values, "seed": seed}))


def _scores(run: "Run") -> dict[str, float]:
    personal_before, personal, before, after = run.personal_before, run.personal_after, run.mnist_before, run.mnist_after
    assert personal_before and personal and before and after, "a run of the worker has its scores"
    return {
        "personal": personal.accuracy,
        "personal_before": personal_before.accuracy,
        "mnist": after.accuracy,
        "mnist_before": before.accuracy,
        "added_mnist_errors": before.correct - after.correct,
        "seconds": run.seconds,
    }
