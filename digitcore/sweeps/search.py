"""The search of a sweep: an Optuna study proposes combinations of values and stops poor combinations.

The study is in memory. `Search` builds it from the stored trials, so a sweep needs no storage of Optuna. Optuna is imported only
here, when a search is created.
"""

import json
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from digitcore.errors import ModelError, SettingsError
from digitcore.jobs.job import JobStatus
from digitcore.sweeps import space as parameter_space
from digitcore.sweeps.space import Range, Values
from digitcore.sweeps.trial import Trial

if TYPE_CHECKING:
    import optuna

    from digitcore.sweeps.plan import SweepPlan

GRID, RANDOM, TPE = "grid", "random", "tpe"
SEARCHES = (GRID, RANDOM, TPE)
HALVING, WILCOXON = "halving", "wilcoxon"
PRUNERS = (HALVING, WILCOXON)
REDUCTION = 2  # Successive halving trains about half of the combinations further.
WILCOXON_P = 0.1  # A combination stops if it is worse than the best combination with a smaller p value.
MAX_STARTUP = 10  # maximum number of random combinations before TPE uses the results
STARTUP_SHARE = 4  # TPE starts with at most one quarter of all combinations.
DIGITS = 3  # significant digits of a proposed number
# Beginnings of warnings of Optuna: a value that only few combinations have; a seed that the best combination has not trained yet.
EXPECTED_WARNINGS = ("Some regimes for parameter", "WilcoxonPruner finds steps")
TRIES = 20  # proposals for each combination, because some proposals are repetitions or not valid


class Search:
    """The Optuna study of a sweep.

    The next combination depends only on the plan and on the results so far. Therefore a resumed sweep gives the same result as a
    sweep that was not interrupted.

    Sources: T. Akiba et al., "Optuna: A next-generation hyperparameter optimization framework", KDD 2019; J. Bergstra et al.,
    "Algorithms for hyper-parameter optimization", NeurIPS 2011 (TPE); L. Li et al., "A system for massively parallel
    hyperparameter tuning", MLSys 2020 (asynchronous successive halving).

    Args:
        plan: The plan of the sweep.
        trials: The trials so far, from which the study is rebuilt.

    Attributes:
        study: The Optuna study. Lists of values are stored as indices.

    Example:
        >>> from digitcore.sweeps import SweepPlan
        >>> from digitcore.training import TrainSettings
        >>> search = Search(SweepPlan({"batch_size": [8, 16]}, TrainSettings()))
        >>> sorted(search.propose()["batch_size"] for _ in range(2)), search.propose()
        ([8, 16], None)
    """

    def __init__(self, plan: "SweepPlan", trials: Iterable[Trial] = ()):
        prepare_optuna()
        import optuna

        self._plan = plan
        self._asked: dict[str, optuna.Trial] = {}  # key of the combination → trial of the study
        self._told: set[str] = set()
        self._reported: set[tuple[int, int]] = set()  # number of a trial of the study, and step of a reported score
        self.study = optuna.create_study(direction="maximize", sampler=self._sampler(RANDOM, 0), pruner=self._pruner())
        for group in combinations(trials):
            self.should_stop(group)

    def propose(self) -> dict[str, Any] | None:
        """Propose the next combination.

        Returns:
            The value of each active parameter, or `None` if all combinations of the plan have been proposed.

        Raises:
            SettingsError, ModelError: If no proposal is a valid network.
        """
        error: ModelError | SettingsError | None = None
        for sampler in self._samplers():
            self.study.sampler = sampler
            for _ in range(TRIES):
                if len(self._asked) >= self._plan.n_drawn:
                    return None
                trial = self.study.ask()
                values = self._suggest(trial)
                key = _key(values)
                if key not in self._asked:
                    try:
                        self._plan.check(values)
                        self._asked[key] = trial
                        return values
                    except (ModelError, SettingsError) as found:
                        if self._plan.search == GRID:
                            raise
                        error = found
                self._tell(trial)
                self.study.sampler = sampler
        if error is not None and not self._asked:
            raise error
        return None

    def propose_all(self) -> list[dict[str, Any]]:
        """Propose all combinations of a plan whose search does not depend on results.

        Returns:
            The combinations. Without a pruner, a grid is in the order of its values. With a pruner, the order is random, because
            each combination is compared with the combinations before it.

        Raises:
            SettingsError, ModelError: If a value is not valid.
        """
        found = list(iter(self.propose, None))
        if self._plan.search == GRID and not self._plan.pruner:
            found.sort(key=self._position)
        return found

    def should_stop(self, group: Sequence[Trial]) -> bool:
        """Report the scores of a combination to the study, and ask the pruner.

        Args:
            group: The trials of a combination, one for each seed.

        Returns:
            Whether the pruner stops the combination now.
        """
        key = _key(group[0].values)
        if key in self._told:
            return False
        trial = self._trial(group[0].values)
        stops = self._report(trial, group)
        is_stopped = stops or any(one.stopped_early for one in group)
        scores = [one.scores[self._plan.ranked_by] for one in group if _is_scored(one, self._plan.ranked_by)]
        is_over = all(one.is_settled for one in group) and (_rung(group) + 1 >= self._plan.n_rungs or not scores)
        if is_stopped or is_over:
            self._told.add(key)
            self._tell(trial, fmean(scores) if scores else None, is_pruned=is_stopped and self._plan.pruner == HALVING)
        return stops

    def _report(self, trial: "optuna.Trial", group: Sequence[Trial]) -> bool:
        """Report the new scores of a combination, and return whether the pruner stops it."""
        score, stops = self._plan.ranked_by, False
        if self._plan.pruner == WILCOXON:
            for one in group:
                if _is_scored(one, score):
                    self._report_once(trial, one.scores[score], one.settings.seed - self._plan.base.seed)
            return not all(one.is_settled for one in group) and trial.should_prune()
        if self._plan.pruner == HALVING:
            scores = _rung_scores(group, score)
            for rung, found in enumerate(scores[: self._plan.n_rungs - 1]):
                self._report_once(trial, found, REDUCTION**rung)
                stops = trial.should_prune()
            is_new = len(scores) == _rung(group) + 1 < self._plan.n_rungs
            return stops and is_new  # An earlier rung of a stored combination was already decided.
        return False

    def _report_once(self, trial: "optuna.Trial", score: float, step: int) -> None:
        """Report a score, unless the study knows it: Optuna warns of a second score for a step, and ignores it."""
        if (trial.number, step) not in self._reported:
            self._reported.add((trial.number, step))
            trial.report(score, step)

    def tell(self, values: Mapping[str, Any], score: float) -> None:
        """Report the final score of a combination.

        Args:
            values: The value of each active parameter.
            score: The mean score over the seeds.
        """
        self._tell(self._trial(values), score)

    def _trial(self, values: Mapping[str, Any]) -> "optuna.Trial":
        """Return the study's trial of a combination. A trial of a stored combination is created."""
        key = _key(values)
        if key not in self._asked:
            self.study.enqueue_trial({name: _to_study(self._plan.space[name], value) for name, value in values.items()})
            trial = self.study.ask()
            self._suggest(trial)
            self._asked[key] = trial
        return self._asked[key]

    def _tell(self, trial: "optuna.Trial", score: float | None = None, *, is_pruned: bool = False) -> None:
        """Finish a trial of the study. A trial without a score has failed."""
        from optuna.samplers import RandomSampler
        from optuna.trial import TrialState

        self.study.sampler = RandomSampler(0)  # A brute-force sampler stops a study that it finds complete.
        if score is None:
            self.study.tell(trial, state=TrialState.FAIL)
        elif is_pruned:
            self.study.tell(trial, state=TrialState.PRUNED)
        else:
            self.study.tell(trial, score)

    def _suggest(self, trial: "optuna.Trial") -> dict[str, Any]:
        """Return the values of a trial of the study in the order of the plan's parameters."""
        values: dict[str, Any] = {}
        for name in parameter_space.ordered(self._plan.space):
            if parameter_space.is_active(name, values, self._plan.network):
                values[name] = _suggest(trial, name, self._plan.space[name])
        return {name: values[name] for name in self._plan.space if name in values}

    def _samplers(self) -> Iterator["optuna.samplers.BaseSampler"]:
        """Return the sampler of the next combination, and then a sampler that finds a new combination if there is one."""
        plan = self._plan
        seed = int(np.random.SeedSequence([plan.base.seed, len(self._asked)]).generate_state(1)[0])
        if plan.search != GRID:
            yield self._sampler(plan.search, seed)
        yield self._sampler(RANDOM if parameter_space.n_combinations(plan.space, plan.network) is None else GRID, seed)

    def _sampler(self, search: str, seed: int) -> "optuna.samplers.BaseSampler":
        from optuna import samplers

        plan = self._plan
        if search == RANDOM:
            return samplers.RandomSampler(seed)
        if search == GRID:
            return samplers.BruteForceSampler(seed)
        n_startup = max(1, min(MAX_STARTUP, plan.n_drawn // STARTUP_SHARE))
        is_conditional = any(map(parameter_space.is_conditional, plan.space))
        return samplers.TPESampler(seed=seed, n_startup_trials=n_startup, multivariate=True, group=is_conditional)

    def _pruner(self) -> "optuna.pruners.BasePruner":
        from optuna import pruners

        if self._plan.pruner == HALVING:
            return pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=REDUCTION)
        if self._plan.pruner == WILCOXON:
            return pruners.WilcoxonPruner(p_threshold=WILCOXON_P)
        return pruners.NopPruner()

    def _position(self, values: Mapping[str, Any]) -> list[int]:
        lists = {name: list(found) for name, found in self._plan.space.items() if not isinstance(found, Range)}
        return [found.index(values[name]) if name in values else -1 for name, found in lists.items()]


def prepare_optuna() -> None:
    """Hide Optuna's messages, and its warnings that a class is experimental or that a parameter has few values.

    Example:
        >>> prepare_optuna()
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    for message in EXPECTED_WARNINGS:
        warnings.filterwarnings("ignore", message)


def study_of(plan: "SweepPlan", means: Iterable[tuple[Mapping[str, Any], float]]) -> "optuna.Study":
    """Create a study of completed combinations.

    Args:
        plan: The plan of the sweep.
        means: The values and the mean score of each combination.

    Returns:
        The study.

    Example:
        >>> from digitcore.sweeps import SweepPlan
        >>> from digitcore.training import TrainSettings
        >>> plan = SweepPlan({"batch_size": [8, 16]}, TrainSettings())
        >>> study_of(plan, [({"batch_size": 8}, 0.9), ({"batch_size": 16}, 0.8)]).best_value
        0.9
    """
    search = Search(plan)
    for values, score in means:
        search.tell(values, score)
    return search.study


def combinations(trials: Iterable[Trial]) -> list[list[Trial]]:
    """Return the trials of each combination, in the order of their first trials.

    Args:
        trials: Trials of a sweep.

    Returns:
        A list of the trials for each combination.

    Example:
        >>> from digitcore.sweeps import SweepPlan
        >>> from digitcore.training import TrainSettings
        >>> plan = SweepPlan({"batch_size": [8, 16]}, TrainSettings(), n_seeds=3)
        >>> [len(group) for group in combinations(plan.trials())]
        [3, 3]
    """
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(_key(trial.values), []).append(trial)
    return list(groups.values())


def _key(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True)


def _rung(group: Sequence[Trial]) -> int:
    return max(one.rung for one in group)


def _is_scored(trial: Trial, score: str) -> bool:
    return trial.status == JobStatus.DONE and score in trial.scores


def _rung_scores(group: Sequence[Trial], score: str) -> list[float]:
    """Return the mean score over the seeds on each rung that all trials have completed."""
    means: list[float] = []
    for rung in range(_rung(group) + (all(one.is_settled for one in group))):
        found = [scores[score] for one in group if score in (scores := one.scores_at(rung))]
        if found:
            means.append(fmean(found))
    return means


def _choices(values: list[Any]) -> list[Any]:
    """Return the different values of a list. Numbers are in ascending order, so that the study knows which are neighbours."""
    found = list(dict.fromkeys(values))
    return sorted(found) if _is_ordinal(values) else found


def _is_ordinal(values: list[Any]) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _suggest(trial: "optuna.Trial", name: str, values: Values) -> Any:
    """Let the sampler choose a value. Of a list, it chooses the index."""
    if not isinstance(values, Range):
        choices = _choices(values)
        if _is_ordinal(values):
            return choices[trial.suggest_int(name, 0, len(choices) - 1)]
        return choices[trial.suggest_categorical(name, range(len(choices)))]
    low, high = values.ends
    if values.is_integer:
        return trial.suggest_int(name, int(low), int(high), log=values.is_log and low >= 1)
    return min(max(float(f"{trial.suggest_float(name, low, high, log=values.is_log):.{DIGITS}g}"), low), high)


def _to_study(values: Values, value: Any) -> Any:
    return value if isinstance(values, Range) else _choices(values).index(value)
