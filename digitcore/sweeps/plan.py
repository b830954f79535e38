"""The plan of a sweep: parameters, search, seeds and early stopping."""

import math
import reprlib
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from digitcore.errors import ModelError, SettingsError
from digitcore.sweeps import space as parameter_space
from digitcore.sweeps.search import GRID, HALVING, PRUNERS, RANDOM, SEARCHES, TPE, WILCOXON, Search
from digitcore.sweeps.space import Range, Space
from digitcore.sweeps.trial import HELD_OUT, VALIDATION, Trial
from digitcore.training.recipes import check_network
from digitcore.training.settings import DEFAULTS, TrainSettings

MAX_TRIALS = 100
MAX_RUNGS = 3
MIN_WILCOXON_SEEDS = 5  # With fewer seeds, no p value is small enough before the last seed.


@dataclass(frozen=True)
class SweepPlan:
    """A plan of the trials of a sweep: the parameters, their values, the search, the seeds and the ranking.

    With successive halving, each combination is trained with few epochs first. It is trained again with twice as many epochs
    only if it is among the better half of the combinations that have been trained with as many epochs so far. Each of these
    steps is called a rung.

    Attributes:
        space: For each parameter, the values to try, or a range of values.
        base: Settings that are not swept.
        network: Name or JSON of the network that is built with random weights; "" if a given model is trained.
        n_seeds: Number of seeds for each combination, counted from the seed of `base`.
        n_combinations: Number of combinations; `None` if a grid search tries all combinations.
        pruner: How poor combinations are stopped: `halving` (successive halving of the number of combinations while the epochs
            double), `wilcoxon` (Wilcoxon's signed-rank test against the best combination after each seed), or "" (not stopped).
        ranked_by: The score that ranks the trials: `validation` on MNIST's 5,000 validation digits, or `held_out` on the user's
            held-out samples.
        search: How combinations are chosen: `grid` (lists of values), `random`, `tpe` (from the results so far), or "", which
            becomes `random` if there is a range, otherwise `grid`. The seed of `base` determines the choice.

    Raises:
        SettingsError: If the number of trials is not allowed, or a parameter or the end of a range is not valid.
        ModelError: If a value of the network is not valid.

    Example:
        >>> plan = SweepPlan({"batch_size": [8, 16]}, TrainSettings(), n_seeds=3)
        >>> plan.n_trials
        6
    """

    space: Space
    base: TrainSettings
    network: str = ""
    n_seeds: int = 1
    n_combinations: int | None = None
    pruner: str = ""
    ranked_by: str = VALIDATION
    search: str = ""

    def __post_init__(self) -> None:
        parameter_space.check_values(self.space)
        has_range = any(isinstance(values, Range) for values in self.space.values())
        object.__setattr__(self, "search", self.search or (RANDOM if has_range else GRID))
        self._check_search(has_range)
        if self.ranked_by not in (VALIDATION, HELD_OUT):
            raise SettingsError(f"The ranking score must be {VALIDATION} or {HELD_OUT}, not {reprlib.repr(self.ranked_by)}.")
        if not self.space:
            raise SettingsError("The sweep has no parameter. Choose a parameter and its values.")
        if self.n_combinations is None and parameter_space.n_combinations(self.space) is None:
            raise SettingsError("The sweep has a range. Set the number of combinations to draw.")
        for name, advice in parameter_space.NOT_SWEPT.items():
            if name in self.space:
                raise SettingsError(f"{name} cannot be swept. {advice}")
        for name, values in self.space.items():
            for value in values.ends if isinstance(values, Range) else values:
                self._apply({name: value})
        if not 1 <= self.n_trials <= MAX_TRIALS:
            raise SettingsError(
                f"A sweep has 1 to {MAX_TRIALS} trials, and this sweep has {self.n_trials:,}. Choose fewer values or seeds."
            )

    def _check_search(self, has_range: bool) -> None:
        if self.search not in SEARCHES:
            raise SettingsError(f"The search must be {', '.join(SEARCHES[:-1])} or {TPE}, not {reprlib.repr(self.search)}.")
        if self.search == GRID and has_range:
            raise SettingsError(f"A grid search needs lists of values. Choose the search {RANDOM} or {TPE} for a range.")
        if self.search != GRID and self.n_combinations is None:
            reason = "The sweep has a range" if has_range else f"The search is {self.search}"
            raise SettingsError(f"{reason}. Set the number of combinations to draw.")
        if self.pruner not in ("", *PRUNERS):
            raise SettingsError(f"The pruner must be {HALVING} or {WILCOXON}, not {reprlib.repr(self.pruner)}.")
        if self.pruner == HALVING and ("epochs" in self.space or self.base.epochs < 2):
            raise SettingsError(
                "Successive halving needs a fixed number of epochs, at least 2. Set the epochs, or turn off early stopping."
            )
        if self.pruner == WILCOXON and self.n_seeds < MIN_WILCOXON_SEEDS:
            raise SettingsError(
                f"Wilcoxon's test needs at least {MIN_WILCOXON_SEEDS} seeds for each combination. Set more seeds, or turn off "
                "early stopping."
            )

    @property
    def is_sequential(self) -> bool:
        """Whether later trials depend on earlier results, so that only as many trials are submitted as can run."""
        return self.search == TPE or self.pruner == WILCOXON

    @property
    def n_drawn(self) -> int:
        """Number of combinations that are tried."""
        total = parameter_space.n_combinations(self.space, self.network)
        if total is None:
            return self.n_combinations or 0
        return min(self.n_combinations or total, total)

    @property
    def n_trials(self) -> int:
        """Number of trials: one for each combination and seed."""
        return self.n_drawn * self.n_seeds

    def trials(self) -> list[Trial]:
        """Create one trial for each combination and seed. With TPE, only the trials of the first combination are created.

        Raises:
            SettingsError, ModelError: If a name or a value is not valid.
        """
        search = Search(self)
        found = [search.propose()] if self.search == TPE else search.propose_all()
        return [trial for values in found if values is not None for trial in self.combination(values)]

    def combination(self, values: Mapping[str, Any]) -> list[Trial]:
        """Create the trials of a combination, one for each seed.

        Args:
            values: The value of each active parameter.

        Raises:
            SettingsError, ModelError: If a value is not valid.
        """
        settings, network = self._apply(values)
        return [Trial(dict(values), settings.replace(seed=self.base.seed + seed), network) for seed in range(self.n_seeds)]

    def check(self, values: Mapping[str, Any]) -> None:
        """Check the values of a combination.

        Args:
            values: The value of each active parameter.

        Raises:
            SettingsError, ModelError: If a value is not valid.
        """
        self._apply(values)

    def _apply(self, values: Mapping[str, Any]) -> tuple[TrainSettings, str]:
        """Return the settings and the network of a trial. An error message starts with the values."""
        try:
            settings, network = parameter_space.apply(values, self.base, self.network)
            return settings, check_network(network) if network else ""
        except (ModelError, SettingsError) as error:
            raise type(error)(f"{', '.join(f'{name}={value}' for name, value in values.items())}: {error}") from error

    @property
    def n_rungs(self) -> int:
        """Number of rungs, which is how often the best trials are trained; 1 without successive halving."""
        if self.pruner != HALVING:
            return 1
        by_epochs, by_combinations = int(math.log2(self.base.epochs)), math.ceil(math.log2(max(1, self.n_drawn)))
        return 1 + min(MAX_RUNGS - 1, by_epochs, by_combinations)

    def epochs(self, trial: Trial, rung: int) -> int:
        """Return the epochs of a trial's training on a rung. Each rung has twice the epochs of the previous rung."""
        return max(1, trial.settings.epochs >> (self.n_rungs - 1 - rung))

    def command(self, start: str, samples: str = "") -> str:
        """Return the shell command that runs the same sweep.

        Args:
            start: Name of the initial model, used if no network is built.
            samples: Name of the file with the user's samples; "" if there are none.
        """
        parts = ["digitlab", "sweep", *(["--samples", samples] if samples else [])]
        parts += ["--network", self.network] if self.network else ["--start", start]
        base = asdict(self.base).items()
        changed: Space = {name: [value] for name, value in base if value != DEFAULTS[name] and name not in self.space}
        for name, values in {**changed, **self.space}.items():  # The drawn combinations depend on the order of the space.
            parts += ["--set", f"{name}={parameter_space.to_text(values)}"]
        if self.n_seeds > 1:
            parts += ["--seeds", str(self.n_seeds)]
        if self.n_combinations is not None:
            parts += ["--draws", str(self.n_combinations)]
        if self.ranked_by != VALIDATION:
            parts += ["--rank-by", self.ranked_by]
        if self.search != (RANDOM if any(isinstance(values, Range) for values in self.space.values()) else GRID):
            parts += ["--search", self.search]
        return shlex.join([*parts, *(["--stop-early", self.pruner] if self.pruner else [])])

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-serializable state."""
        space = {name: asdict(values) if isinstance(values, Range) else list(values) for name, values in self.space.items()}
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {"space": space, "base": asdict(self.base)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Create a plan from the state that `to_dict` returned.

        Args:
            values: The state.

        Returns:
            The plan.

        Raises:
            SettingsError, KeyError, TypeError, ValueError, AttributeError: If the values are not the state of a plan.
        """
        n_combinations = values["n_combinations"]
        return cls(
            {str(name): _read_values(found) for name, found in values["space"].items()},
            TrainSettings.from_dict(values["base"]),
            str(read_value(values["network"])),
            max(1, int(values["n_seeds"])),
            None if n_combinations is None else int(n_combinations),
            values["pruner"],
            values["ranked_by"],
            values["search"],
        )


def read_value(value: Any) -> Any:
    """Check the stored value of a parameter, and return the value.

    Args:
        value: Any object that was parsed from JSON.

    Returns:
        The same value.

    Raises:
        TypeError: If a parameter cannot have this value.

    Example:
        >>> read_value(8)
        8
    """
    if not parameter_space.is_plain(value):
        raise TypeError("The value of a parameter must be a number, a short text, true, false or null.")
    return value


def _read_values(values: Any) -> list[Any] | Range:
    if isinstance(values, dict):
        return Range(float(values["low"]), float(values["high"]), values.get("is_integer") is True)
    return [read_value(value) for value in values]
