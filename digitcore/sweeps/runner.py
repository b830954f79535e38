"""Hyperparameter sweeps: one training for each combination of values and seeds, as jobs of low priority."""

import threading
from typing import TYPE_CHECKING, Any

from digitcore.errors import JobError, ModelError, SettingsError
from digitcore.jobs.job import Job, JobStatus, Priority
from digitcore.jobs.service import JobService
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.sweeps import space as parameter_space
from digitcore.sweeps.plan import MAX_TRIALS, SweepPlan, read_value
from digitcore.sweeps.trial import SCORES, Trial, TrialResult, TrialTask

if TYPE_CHECKING:
    import pandas as pd

PERSONAL, MNIST = "personal", "mnist"  # the scores by which the best is chosen
STOPPED_EARLY = "stopped early"


class Sweep:
    """Trainings on the same samples, which differ in the swept parameters and in the seed.

    Args:
        start: the initial model of each, where the plan names no network.
        samples: the user's; those held out give the personal score.
        plan: what is tried.
        trials: of the plan; None makes them.

    Attributes:
        is_running: whether trials are submitted as their turn comes; set by `resume` and `stop`.
        owner: whose jobs they are.

    Raises:
        SettingsError, ModelError: when a name or a value of the plan is wrong.
    """

    def __init__(self, start: ModelBundle, samples: SampleSet, plan: SweepPlan, trials: list[Trial] | None = None):
        self.start, self.samples, self.plan = start, samples, plan
        self.trials = plan.trials() if trials is None else trials
        self.is_running, self.owner = False, ""
        self._lock = threading.RLock()

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold of it; the model and the samples are the lab's."""
        return {
            "start": self.start.name,
            "plan": self.plan.to_dict(),
            "is_running": self.is_running,
            "trials": [trial.to_dict() for trial in self.trials],
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any], start: ModelBundle, samples: SampleSet) -> "Sweep":
        """Read what `to_dict` gave. It does not run; `was_running` tells whether it did.

        Raises:
            SettingsError: when it is no such thing.
        """
        try:
            first_version = {"space": values.get("grid"), "base": values["trials"][0]["settings"] if values["trials"] else {}}
            plan = SweepPlan.from_dict(values.get("plan") or first_version)
            trials = [Trial.from_dict(trial) for trial in values["trials"][:MAX_TRIALS]]
            for trial in trials:
                trial.values = {name: read_value(trial.values[name]) for name in plan.space}
                settings, trial.network = parameter_space.apply(trial.values, plan.base, plan.network)
                trial.settings = settings.replace(seed=trial.settings.seed)
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError, ModelError, SettingsError) as error:
            raise SettingsError("The sweep of this lab is damaged.") from error
        if not trials:
            raise SettingsError("The sweep of this lab is empty.")
        return cls(start, samples, plan, trials)

    def resume(self, service: JobService, owner: str = "") -> None:
        """Submit the trials that are neither done nor submitted: all at first, the rest after a stop."""
        with self._lock:
            self.is_running, self.owner = True, owner
            for trial in self.trials:
                trial.retry()
            self.advance(service)

    def stop(self) -> None:
        """Withdraw the trials that wait and stop those that run; what is done stays."""
        with self._lock:
            self.is_running = False
            for job in self.jobs():
                job.stop()

    def advance(self, service: JobService) -> None:
        """Take over what has changed since the last call, and submit what is to run next."""
        with self._lock:
            self.poll()
            if self.is_running and not service.is_closed:
                if all(trial.is_settled for trial in self.trials):
                    self.plan.promote(self.trials, self.metric)
                for trial in self.trials:
                    if trial.job is None and trial.status == JobStatus.WAITING:
                        self._submit(trial, service)
                self.is_running = not self.is_idle

    def poll(self) -> None:
        """Take over what has changed since the last call."""
        with self._lock:
            for trial in self.trials:
                trial.poll()

    @property
    def n_ended(self) -> int:
        """Number of trainings that have ended, those of earlier rungs too."""
        return sum(trial.rung + trial.is_settled for trial in self.trials)

    def _submit(self, trial: Trial, service: JobService) -> None:
        settings = trial.settings.replace(epochs=self.plan.epochs(trial, trial.rung))
        task = TrialTask(trial.network or self.start, self.samples, settings)
        try:
            trial.job = service.submit(task, owner=f"{self.owner}/sweep" if self.owner else "", priority=Priority.LOW)
        except JobError as error:
            trial.status, trial.error = JobStatus.FAILED, str(error)

    def adopt(self, owner: str) -> None:
        """Let another session own what runs."""
        with self._lock:
            self.owner = owner
            for job in self.jobs():
                job.owner = f"{owner}/sweep"

    def jobs(self) -> "list[Job[TrialResult]]":
        """The jobs that wait or run."""
        return [job for trial in self.trials if (job := trial.job) is not None]

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
        """Number of trials with the scores of the last training that they get."""
        last = self.plan.n_rungs - 1
        return sum(trial.status == JobStatus.DONE and (trial.rung == last or trial.stopped_early) for trial in self.trials)

    @property
    def metric(self) -> str:
        """The score by which the best is chosen: on the user's samples, or without any on MNIST."""
        return PERSONAL if len(self.samples) else MNIST

    def table(self) -> "pd.DataFrame":
        """One row a trial: the swept values, the seed, its epochs and status, the scores (shares from 0 to 1), the error."""
        return self._table([(trial.scored_rung, trial.scores) for trial in self.trials])

    def first_rung_table(self) -> "pd.DataFrame":
        """The rows of `table` after as many epochs as all trials have had, where they have scores.

        Those that do well have more later, so that their last scores compare epochs beside values.
        """
        table = self._table([(0, trial.first_scores or trial.scores) for trial in self.trials])
        return table[table[MNIST].notna()]

    def _table(self, scores: list[tuple[int, dict[str, float]]]) -> "pd.DataFrame":
        import pandas as pd  # half a second that the first page need not wait for

        rows = [
            {
                **trial.values,
                "seed": trial.settings.seed,
                "trained_epochs": self.plan.epochs(trial, rung),
                "status": STOPPED_EARLY if trial.stopped_early else str(trial.status),
                **found,
                "error": trial.error,
            }
            for trial, (rung, found) in zip(self.trials, scores, strict=True)
        ]
        return pd.DataFrame(rows, columns=[*self.plan.space, "seed", "trained_epochs", "status", *SCORES, "error"])

    def done_table(self) -> "pd.DataFrame":
        """The rows of `table` with scores."""
        table = self.table()
        return table[table[MNIST].notna()]

    def means(self) -> "pd.DataFrame":
        """One row a combination: the mean of each score over its seeds, and the range of the score that chooses the best."""
        done, names = self.done_table(), list(self.plan.space)
        if done.empty:
            return done.reindex(columns=[*names, "trained_epochs", *SCORES, "range", "seeds"])
        grouped = done.groupby(names, as_index=False, sort=False, dropna=False)
        means = grouped[["trained_epochs", *SCORES]].mean()
        means["range"] = grouped[self.metric].agg(lambda scores: scores.max() - scores.min())[self.metric]
        means["seeds"] = grouped["seed"].count()["seed"]
        return means

    def best(self) -> dict[str, Any] | None:
        """The values with the best mean score, then the best on MNIST; with an early stop of those that were trained longest.

        None while nothing is done.
        """
        means = self.means()
        if means.empty:
            return None
        order = ["trained_epochs"] * self.plan.stops_early + [self.metric, MNIST]
        first = means.sort_values(order, ascending=False).iloc[0]
        is_first = (all(_is_same(value, first[name]) for name, value in trial.values.items()) for trial in self.trials)
        return next(trial.values for trial, found in zip(self.trials, is_first, strict=True) if found)

    def command(self, samples: str = "my-drawings.npz") -> str:
        """The line for the shell that does the same, with the samples in a file of this name."""
        return self.plan.command(self.start.name, samples if len(self.samples) else "")


def was_running(values: dict[str, Any] | None) -> bool:
    """Whether a sweep ran when `Sweep.to_dict` gave these values."""
    return values is not None and values.get("is_running") is True


def _is_same(value: object, other: Any) -> bool:
    """Whether a value is that of a table, where None may have become NaN."""
    return bool(value == other or (value is None and other != other))
