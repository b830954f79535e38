"""The class that submits the trials of a sweep as jobs of low priority and collects their scores."""

import contextlib
import threading
from statistics import fmean
from typing import TYPE_CHECKING, Any

from digitcore.errors import JobError, ModelError, QueueFullError, SettingsError
from digitcore.jobs.job import Job, JobStatus
from digitcore.jobs.service import TaskRunner
from digitcore.mnist import VALIDATION_SIZE
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.sweeps import space as parameter_space
from digitcore.sweeps.plan import MAX_TRIALS, SweepPlan, read_value
from digitcore.sweeps.search import HALVING, TPE, Search, combinations
from digitcore.sweeps.trial import HELD_OUT, SCORES, VALIDATION, Trial, TrialResult, TrialTask

if TYPE_CHECKING:
    import pandas as pd

STOPPED_EARLY = "stopped early"


class Sweep:
    """A set of trials on the same samples that differ in the swept parameters and the seed. All methods are thread-safe.

    Args:
        start: The initial model of each trial, used if the plan names no network.
        samples: The user's samples. The held-out samples are scored and not used for training.
        plan: The plan.
        trials: Trials of the plan. If `None`, the plan creates the trials.

    Attributes:
        is_running: Whether the sweep submits trials. It changes through `resume`, `advance` and `stop`.
        owner: Identifier of the session that owns the jobs. It changes through `resume` and `adopt`.
        keeps_models: Whether the trials keep their trained models.

    Raises:
        SettingsError, ModelError: If a name or a value of the plan is not valid, or the plan ranks a new sweep by held-out
            samples and no sample is held out.

    Example:
        >>> from digitcore import models
        >>> from digitcore.training import TrainSettings
        >>> plan = SweepPlan({"batch_size": [8, 16]}, TrainSettings())
        >>> sweep = Sweep(models.load("genius"), SampleSet(), plan)
        >>> len(sweep.trials), sweep.best()
        (2, None)
    """

    def __init__(self, start: ModelBundle, samples: SampleSet, plan: SweepPlan, trials: list[Trial] | None = None):
        if trials is None and plan.ranked_by == HELD_OUT and not samples.held_out.any():
            raise SettingsError(
                "No drawing is held out, so the trials cannot be ranked by held-out drawings. Label four drawings of a digit, or "
                "rank the trials by validation digits."
            )
        self.start, self.samples, self.plan = start, samples, plan
        self.trials = plan.trials() if trials is None else trials
        self.is_running, self.owner = False, ""
        self.keeps_models = False
        self._search: Search | None = None  # built from the trials when it is first needed
        self._lock = threading.RLock()

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-serializable state. The state does not contain the model and the samples, which belong to the lab."""
        return {
            "start": self.start.name,
            "plan": self.plan.to_dict(),
            "is_running": self.is_running,
            "trials": [trial.to_dict() for trial in self.trials],
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any], start: ModelBundle, samples: SampleSet) -> "Sweep":
        """Create a sweep from the state that `to_dict` returned. The new sweep is not running.

        Args:
            values: The state.
            start: The initial model of each trial.
            samples: The user's samples.

        Returns:
            The sweep. Use `was_running` to check whether the stored sweep was running.

        Raises:
            SettingsError: If the values are not the state of a sweep.
        """
        try:
            plan = SweepPlan.from_dict(values["plan"])
            trials = [Trial.from_dict(trial) for trial in values["trials"][:MAX_TRIALS]]
            for trial in trials:
                names = parameter_space.active_names(plan.space, trial.values, plan.network)
                trial.values = {name: read_value(trial.values[name]) for name in plan.space if name in names}
                settings, trial.network = parameter_space.apply(trial.values, plan.base, plan.network)
                trial.settings = settings.replace(seed=trial.settings.seed)
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError, ModelError, SettingsError) as error:
            raise SettingsError("The stored sweep is damaged. Start a new sweep.") from error
        if not trials:
            raise SettingsError("The stored sweep has no trials. Start a new sweep.")
        return cls(start, samples, plan, trials)

    def resume(self, service: TaskRunner, owner: str = "") -> None:
        """Submit the trials that are neither done nor submitted. Failed trials are submitted again.

        Args:
            service: The service that runs the trials.
            owner: Identifier of the session that waits for the results.
        """
        with self._lock:
            self.is_running, self.owner, self._search = True, owner, None
            for trial in self.trials:
                trial.retry()
            self.advance(service)

    def stop(self) -> None:
        """Withdraw the waiting trials and stop the running trials. Results of completed trials are kept."""
        with self._lock:
            self.is_running = False
            for job in self.jobs():
                job.stop()

    def advance(self, service: TaskRunner) -> None:
        """Collect new results and submit the next trials. Trials wait while the queue of the service is full.

        Args:
            service: The service that runs the trials.
        """
        with self._lock:
            self.poll()
            if self.is_running and not service.is_closed:
                if self.plan.pruner or self.plan.search == TPE:
                    self._decide()
                with contextlib.suppress(QueueFullError):
                    self._submit_next(service)
                self.is_running = not self.is_idle

    def _decide(self) -> None:
        """Report new results to the search, stop poor combinations, and promote all others whose rung is complete."""
        if self._search is None:
            self._search = Search(self.plan, self.trials)
        for group in combinations(self.trials):
            if any(trial.stopped_early for trial in group):
                continue
            if self._search.should_stop(group):
                for trial in group:
                    trial.stop_early()
            elif self.plan.pruner == HALVING and all(trial.is_settled for trial in group):
                for trial in group:
                    if trial.status == JobStatus.DONE and trial.rung + 1 < self.plan.n_rungs:
                        trial.promote()

    def _submit_next(self, service: TaskRunner) -> None:
        """Submit the waiting trials. If later trials depend on results, submit only as many as run at the same time."""
        limit = service.capacity if self.plan.is_sequential else len(self.trials)
        for trial in self.trials:
            if trial.is_waiting and len(self.jobs()) < limit:
                self._submit(trial, service)
        while self.plan.search == TPE and len(self.jobs()) < limit and not any(trial.is_waiting for trial in self.trials):
            assert self._search is not None
            values = self._search.propose()
            if values is None:
                return
            self.trials += (proposed := self.plan.combination(values))
            for trial in proposed:
                if len(self.jobs()) < limit:
                    self._submit(trial, service)

    def poll(self) -> None:
        """Collect new results."""
        with self._lock:
            for trial in self.trials:
                trial.poll()

    @property
    def n_ended(self) -> int:
        """Number of trainings that have ended, including trainings on earlier rungs."""
        return sum(trial.rung + trial.is_settled for trial in self.trials)

    def _submit(self, trial: Trial, service: TaskRunner) -> None:
        settings = trial.settings.replace(epochs=self.plan.epochs(trial, trial.rung))
        task = TrialTask(trial.network or self.start, self.samples, settings, keeps_model=self.keeps_models)
        try:
            trial.job = service.submit(task, owner=self.owner)
        except QueueFullError:
            raise
        except JobError as error:
            trial.fail(str(error))

    def adopt(self, owner: str) -> None:
        """Set another session as the owner of the jobs."""
        with self._lock:
            self.owner = owner
            for job in self.jobs():
                job.owner = owner

    def jobs(self) -> "list[Job[TrialResult]]":
        """Return the waiting and running jobs."""
        return [job for trial in self.trials if (job := trial.job) is not None]

    @property
    def is_stopping(self) -> bool:
        """Whether running jobs were asked to stop."""
        return any(job.is_stopping for job in self.jobs())

    @property
    def is_idle(self) -> bool:
        """Whether no job waits or runs, and no trial waits for a place in the queue."""
        return not (self.jobs() or (self.is_running and any(trial.is_waiting for trial in self.trials)))

    @property
    def n_planned(self) -> int:
        """Number of trials of the complete sweep. With TPE, `trials` has only the trials that have been proposed."""
        return self.plan.n_trials if self.plan.search == TPE else len(self.trials)

    @property
    def n_done(self) -> int:
        """Number of trials that have completed their last training or were stopped early."""
        last = self.plan.n_rungs - 1
        return sum(trial.stopped_early or (trial.status == JobStatus.DONE and trial.rung == last) for trial in self.trials)

    @property
    def is_complete(self) -> bool:
        """Whether no trial is open: each trial is done or has failed."""
        return self.n_done + sum(trial.status == JobStatus.FAILED for trial in self.trials) == self.n_planned

    def n_scored(self, score: str) -> int:
        """Return the number of digits on which the trials are scored.

        Args:
            score: `validation` or `held_out`.
        """
        return VALIDATION_SIZE if score == VALIDATION else int(self.samples.held_out.sum())

    def has_score(self, score: str) -> bool:
        """Return whether a trial has a score.

        Args:
            score: `validation` or `held_out`.
        """
        return any(score in trial.scores for trial in self.trials)

    def table(self) -> "pd.DataFrame":
        """Return one row for each trial: swept values, seed, epochs, status, scores (0 to 1) and error."""
        return self._table([(trial.scored_rung, trial.scores) for trial in self.trials])

    def first_rung_table(self) -> "pd.DataFrame":
        """Return the trials with scores as in `table`, but with the scores of the first rung.

        On later rungs, the scores also depend on the number of epochs.
        """
        table = self._table([(0, [*trial.earlier_scores, trial.scores][0]) for trial in self.trials])
        return table[table[VALIDATION].notna()]

    def first_rung_means(self, score: str) -> list[tuple[dict[str, Any], float]]:
        """Return the values of each combination, and the mean over its seeds of a score on the first rung.

        Args:
            score: `validation` or `held_out`.
        """
        found = []
        for group in combinations(self.trials):
            scores = [first[score] for trial in group if score in (first := trial.scores_at(0))]
            if scores:
                found.append((group[0].values, fmean(scores)))
        return found

    def _table(self, scores: list[tuple[int, dict[str, float]]]) -> "pd.DataFrame":
        import pandas as pd  # The import takes half a second, and the first page does not need pandas.

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
        """Return the rows of `table` that have scores."""
        table = self.table()
        return table[table[VALIDATION].notna()]

    def means(self) -> "pd.DataFrame":
        """Return one row for each combination: the mean of each score over the seeds, and the range of the ranking score.

        The range is missing if a combination has only one seed.
        """
        done, names = self.done_table(), list(self.plan.space)
        if done.empty:
            return done.reindex(columns=[*names, "trained_epochs", *SCORES, "range", "seeds"])
        grouped = done.groupby(names, as_index=False, sort=False, dropna=False)
        means = grouped[["trained_epochs", *SCORES]].mean()
        ranking = self.plan.ranked_by
        means["seeds"] = grouped["seed"].count()["seed"]
        ranges = grouped[ranking].agg(lambda scores: scores.max() - scores.min())[ranking]
        means.insert(len(means.columns) - 1, "range", ranges.where(means["seeds"] > 1))
        return means

    def best(self) -> dict[str, Any] | None:
        """Return the values with the highest mean of the ranking score, or `None` while no trial is done.

        The score on MNIST's validation digits decides a tie. With successive halving, only the combinations with the most
        epochs are ranked.
        """
        means = self.means()
        if means.empty:
            return None
        order = ["trained_epochs"] * (self.plan.pruner == HALVING) + [self.plan.ranked_by, VALIDATION]
        first = means.sort_values(order, ascending=False).iloc[0]
        is_first = (all(_is_same(trial.values.get(name), first[name]) for name in self.plan.space) for trial in self.trials)
        return next(trial.values for trial, found in zip(self.trials, is_first, strict=True) if found)

    def command(self, samples: str = "my-drawings.npz") -> str:
        """Return the shell command that runs the same sweep.

        Args:
            samples: Name of the file with the user's samples.
        """
        return self.plan.command(self.start.name, samples if len(self.samples) else "")


def was_running(values: dict[str, Any] | None) -> bool:
    """Check whether a sweep was running when its state was stored.

    Args:
        values: The state that `Sweep.to_dict` returned, or `None` if no sweep was stored.

    Returns:
        Whether the sweep was running.

    Example:
        >>> was_running(None)
        False
    """
    return values is not None and values.get("is_running") is True


def _is_same(value: object, other: Any) -> bool:
    """Check whether a value equals the value of a table, in which `None` may have become NaN."""
    return bool(value == other or (value is None and other != other))
