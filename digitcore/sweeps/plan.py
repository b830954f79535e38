"""The plan of a sweep: parameters, seeds and early stopping."""

import reprlib
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from digitcore.errors import ModelError, SettingsError
from digitcore.sweeps import space as parameter_space
from digitcore.sweeps.halving import SuccessiveHalving
from digitcore.sweeps.space import Range, Space
from digitcore.sweeps.trial import HELD_OUT, VALIDATION, Trial
from digitcore.training.recipes import check_network
from digitcore.training.settings import DEFAULTS, TrainSettings

MAX_TRIALS = 100


@dataclass(frozen=True)
class SweepPlan:
    """A plan of the trials of a sweep: the parameters, their values, the seeds and the ranking.

    Attributes:
        space: For each parameter, the values to try, or a range to draw values from.
        base: Settings that are not swept.
        network: Name or JSON of the network that is built with random weights; "" if a given model is trained.
        n_seeds: Number of seeds for each combination, counted from the seed of `base`.
        n_combinations: Number of combinations that are drawn at random with the seed of `base`; `None` if all
            combinations are tried.
        stops_early: Whether poor trials are stopped by `SuccessiveHalving`.
        ranked_by: The score that ranks the trials: `validation` on MNIST's 5,000 validation digits, or `held_out` on the user's
            held-out samples.

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
    stops_early: bool = False
    ranked_by: str = VALIDATION

    def __post_init__(self) -> None:
        if self.ranked_by not in (VALIDATION, HELD_OUT):
            raise SettingsError(f"The ranking score must be {VALIDATION} or {HELD_OUT}, not {reprlib.repr(self.ranked_by)}.")
        if self.stops_early and ("epochs" in self.space or self.base.epochs < 2):
            raise SettingsError(
                "Early stopping needs a fixed number of epochs, at least 2. Set the epochs, or turn off early stopping."
            )
        if not self.space:
            raise SettingsError("The sweep has no parameter. Choose a parameter and its values.")
        parameter_space.check_values(self.space)
        if self.n_combinations is None and parameter_space.n_combinations(self.space) is None:
            raise SettingsError("The sweep has a range. Set the number of combinations to draw.")
        for name, advice in parameter_space.NOT_SWEPT.items():
            if name in self.space:
                raise SettingsError(f"{name} cannot be swept. {advice}")
        for name, values in self.space.items():
            for end in values.ends if isinstance(values, Range) else ():
                self._apply({name: end})
        if not 1 <= self.n_trials <= MAX_TRIALS:
            raise SettingsError(
                f"A sweep has 1 to {MAX_TRIALS} trials, and this sweep has {self.n_trials:,}. Choose fewer values or seeds."
            )

    @property
    def n_drawn(self) -> int:
        """Number of combinations that are tried."""
        total = parameter_space.n_combinations(self.space)
        if total is None:
            return self.n_combinations or 0
        return min(self.n_combinations or total, total)

    @property
    def n_trials(self) -> int:
        """Number of trials: one for each combination and seed."""
        return self.n_drawn * self.n_seeds

    def trials(self) -> list[Trial]:
        """Create one trial for each combination and seed.

        Raises:
            SettingsError, ModelError: If a name or a value is not valid.
        """
        trials = []
        for values in parameter_space.combinations(self.space, self.n_combinations, self.base.seed):
            settings, network = self._apply(values)
            trials += [Trial(values, settings.replace(seed=self.base.seed + seed), network) for seed in range(self.n_seeds)]
        return trials

    def _apply(self, values: Mapping[str, Any]) -> tuple[TrainSettings, str]:
        """Return the settings and the network of a trial. An error message starts with the values."""
        try:
            settings, network = parameter_space.apply(values, self.base, self.network)
            return settings, check_network(network) if network else ""
        except (ModelError, SettingsError) as error:
            raise type(error)(f"{', '.join(f'{name}={value}' for name, value in values.items())}: {error}") from error

    @property
    def halving(self) -> SuccessiveHalving | None:
        """The schedule of early stopping, or `None` without early stopping."""
        return SuccessiveHalving(self.base.epochs, self.n_drawn) if self.stops_early else None

    @property
    def n_rungs(self) -> int:
        """Number of rungs, which is how often the best trials are trained; 1 without early stopping."""
        return self.halving.n_rungs if self.halving else 1

    def epochs(self, trial: Trial, rung: int) -> int:
        """Return the epochs of a trial's training on a rung."""
        return self.halving.epochs_at(rung) if self.halving else trial.settings.epochs

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
        return shlex.join([*parts, *["--stop-early"] * self.stops_early])

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
            values["stops_early"] is True,
            values["ranked_by"],
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
