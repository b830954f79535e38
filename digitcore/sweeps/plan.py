"""What a sweep tries: parameters, seeds, and how many epochs where poor trials are stopped early."""

import math
import shlex
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any, Self

from digitcore.errors import ModelError, SettingsError
from digitcore.jobs.job import JobStatus
from digitcore.sweeps import space as parameter_space
from digitcore.sweeps.space import Range, Space
from digitcore.sweeps.trial import Trial
from digitcore.training.recipes import check_network
from digitcore.training.settings import DEFAULTS, TrainSettings

MAX_TRIALS = 100
MAX_RUNGS = 3
MAX_VALUE_LENGTH = 5_000  # characters of a value: a network's JSON is the longest
PLAIN_TYPES = (str, int, float, bool, type(None))


@dataclass(frozen=True)
class SweepPlan:
    """What a sweep tries.

    Source of the early stop: K. Jamieson, A. Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization",
    AISTATS 2016: successive halving, with the epochs as resource.

    Attributes:
        space: parameter → the values to try, or a range to draw from.
        base: the settings that are not swept.
        network: that is built with random weights, as for `networks.build`; "" trains a given model.
        n_seeds: how many seeds each combination is tried with, from the settings' seed on.
        n_combinations: how many are drawn at random, with the settings' seed; None takes all.
        stops_early: whether the trials begin with fewer epochs and only the better half goes on, twice at most.

    Raises:
        SettingsError, ModelError: when there are too many trials, or none, or an end of a range is no value.
    """

    space: Space
    base: TrainSettings
    network: str = ""
    n_seeds: int = 1
    n_combinations: int | None = None
    stops_early: bool = False

    def __post_init__(self) -> None:
        if self.stops_early and ("epochs" in self.space or self.base.epochs < 2):
            raise SettingsError("Stopping early shortens the epochs: it needs at least 2, and they cannot be swept.")
        if self.n_combinations is None and parameter_space.n_combinations(self.space) is None:
            raise SettingsError("A range has no end of values: say how many combinations shall be drawn.")
        if not self.space:
            raise SettingsError("There is nothing to try: choose a parameter and its values.")
        for name in parameter_space.NOT_SWEPT:
            if name in self.space:
                raise SettingsError(f"{name} cannot be swept. More seeds for each combination tell what is luck.")
        for name, values in self.space.items():
            for end in values.ends if isinstance(values, Range) else ():
                self._apply({name: end})
        if not 1 <= self.n_trials <= MAX_TRIALS:
            raise SettingsError(
                f"A sweep has 1 to {MAX_TRIALS} trainings; this would be {self.n_trials:,}. Choose fewer values or seeds."
            )

    @property
    def n_drawn(self) -> int:
        """Number of combinations."""
        total = parameter_space.n_combinations(self.space)
        if total is None:
            return self.n_combinations or 0
        return min(self.n_combinations or total, total)

    @property
    def n_trials(self) -> int:
        """Number of combinations and seeds."""
        return self.n_drawn * self.n_seeds

    def trials(self) -> list[Trial]:
        """One for each combination and seed.

        Raises:
            SettingsError, ModelError: when a name or a value is wrong.
        """
        trials = []
        for values in parameter_space.combinations(self.space, self.n_combinations, self.base.seed):
            settings, network = self._apply(values)
            trials += [Trial(values, settings.replace(seed=self.base.seed + seed), network) for seed in range(self.n_seeds)]
        return trials

    def _apply(self, values: Mapping[str, Any]) -> tuple[TrainSettings, str]:
        """Settings and network of a trial; an error names the values."""
        try:
            settings, network = parameter_space.apply(values, self.base, self.network)
            return settings, check_network(network) if network else ""
        except (ModelError, SettingsError) as error:
            raise type(error)(f"{', '.join(f'{name}={value}' for name, value in values.items())}: {error}") from error

    @property
    def n_rungs(self) -> int:
        """How many trainings the best trials have: 1 without early stop."""
        if not self.stops_early:
            return 1
        by_epochs, by_combinations = int(math.log2(self.base.epochs)), math.ceil(math.log2(self.n_drawn))
        return 1 + min(MAX_RUNGS - 1, by_epochs, by_combinations)

    def epochs(self, trial: Trial, rung: int) -> int:
        """Of a trial's training on a rung; they double from one rung to the next."""
        return max(1, self.base.epochs >> (self.n_rungs - 1 - rung)) if self.stops_early else trial.settings.epochs

    def promote(self, trials: Sequence[Trial], metric: str) -> None:
        """Let the better half of the combinations that are still in go on to the next rung, and leave the others behind.

        Args:
            trials: all settled.
            metric: the score that ranks them, by its mean over the seeds.
        """
        rung = max(trial.rung for trial in trials)
        if rung + 1 >= self.n_rungs:
            return
        groups: dict[str, list[Trial]] = defaultdict(list)
        for trial in trials:
            if trial.rung == rung and trial.status == JobStatus.DONE:
                groups[str(trial.values)].append(trial)
        ranked = sorted(groups.values(), key=lambda group: -fmean(trial.scores.get(metric, 0.0) for trial in group))
        n_promoted = -(-len(ranked) // 2)
        for trial in (trial for group in ranked[:n_promoted] for trial in group):
            trial.promote()
        for trial in (trial for group in ranked[n_promoted:] for trial in group):
            trial.stopped_early = True

    def command(self, start: str, samples: str = "") -> str:
        """The line for the shell that does the same.

        Args:
            start: name of the model that is trained, where no network is built.
            samples: name of the file with the user's samples; "" where there are none.
        """
        parts = ["digitlab", "sweep", *(["--samples", samples] if samples else [])]
        parts += ["--network", self.network] if self.network else ["--start", start]
        base = asdict(self.base).items()
        changed: Space = {name: [value] for name, value in base if value != DEFAULTS[name] and name not in self.space}
        for name, values in {**changed, **self.space}.items():  # in the order of the space, by which combinations are drawn
            parts += ["--set", f"{name}={parameter_space.to_text(values)}"]
        if self.n_seeds > 1:
            parts += ["--seeds", str(self.n_seeds)]
        if self.n_combinations is not None:
            parts += ["--draws", str(self.n_combinations)]
        return shlex.join([*parts, *["--stop-early"] * self.stops_early])

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        space = {name: asdict(values) if isinstance(values, Range) else list(values) for name, values in self.space.items()}
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {"space": space, "base": asdict(self.base)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read what `to_dict` gave.

        Raises:
            SettingsError, KeyError, TypeError, ValueError, AttributeError: when it is no such thing.
        """
        n_combinations = values.get("n_combinations")
        return cls(
            {str(name): _read_values(found) for name, found in values["space"].items()},
            TrainSettings.from_dict(values["base"]),
            str(read_value(values.get("network", ""))),
            max(1, int(values.get("n_seeds", 1))),
            None if n_combinations is None else int(n_combinations),
            values.get("stops_early") is True,
        )


def read_value(value: Any) -> Any:
    """A parameter's value of a stored sweep.

    Raises:
        TypeError: when it can be none.
    """
    if not isinstance(value, PLAIN_TYPES) or (isinstance(value, str) and len(value) > MAX_VALUE_LENGTH):
        raise TypeError("This is no value of a parameter.")
    return value


def _read_values(values: Any) -> list[Any] | Range:
    if isinstance(values, dict):
        return Range(float(values["low"]), float(values["high"]), values.get("is_integer") is True)
    return [read_value(value) for value in values]
