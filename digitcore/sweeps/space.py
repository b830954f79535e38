"""The parameters of a sweep, and their values.

A parameter is a setting of a training or an attribute of a network. Parameters of a network are `network` (a registered name),
`activation`, and `blocks.N.FIELD`, where N counts the rows from 1 and FIELD is an attribute of `network_spec.Block`. The
values are a list or a range.
"""

import contextlib
import json
import math
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from digitcore.errors import SettingsError
from digitcore.models.network_spec import ACTIVATIONS, Block, NetworkSpec, is_spec
from digitcore.training import settings_text
from digitcore.training.settings import SETTING_SPECS, TrainSettings
from digitcore.values import suits_log_scale

NETWORK, ACTIVATION, BLOCKS = "network", "activation", "blocks"
NOT_SWEPT = {  # setting → advice
    "seed": "For several seeds of each combination, use --seeds N of “digitlab sweep”, or n_seeds=N in Python.",
    "validation_samples": "It affects only the measurement. Choose another parameter.",
}
BLOCK_LABELS = {
    "kernel_size": "kernel",
    "batch_normalization": "batch normalization",
    "pooling": "pooling",
    "dropout": "dropout",
}
BLOCK_VALUES = {
    "kernel_size": (3, 5, 7),
    "batch_normalization": (False, True),
    "pooling": (False, True),
    "dropout": (0.0, 0.2, 0.4, 0.6),
}
DIGITS = 3  # significant digits of a drawn number
MAX_VALUE_LENGTH = 5_000  # characters of a value; the longest values are networks in JSON
PLAIN_TYPES = (str, int, float, bool, type(None))
DRAWS = 20  # draws for each combination, because some draws give the same combination


@dataclass(frozen=True)
class Range:
    """A range of numbers from which values are drawn at random.

    Attributes:
        low: The smallest number.
        high: The largest number.
        is_integer: Whether only integers are drawn.

    Raises:
        SettingsError: If `low` is not less than `high`.

    Example:
        >>> Range(1e-4, 1e-2).is_log
        True
    """

    low: float
    high: float
    is_integer: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise SettingsError(f"A range must go from a lower to a higher number, not from {self.low:g} to {self.high:g}.")

    @property
    def ends(self) -> tuple[float, float]:
        """The smallest and the largest number that can be drawn."""
        return (round(self.low), round(self.high)) if self.is_integer else (self.low, self.high)

    @property
    def is_log(self) -> bool:
        """Whether numbers are drawn uniformly on a logarithmic scale."""
        return suits_log_scale(self.low, self.high)

    def draw(self, rng: np.random.Generator) -> float:
        """Return a random number of the range."""
        if self.is_log:
            drawn = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        else:
            drawn = rng.uniform(self.low, self.high)
        if self.is_integer:
            return round(drawn)
        return min(max(float(f"{drawn:.{DIGITS}g}"), self.low), self.high)


Values = list[Any] | Range
Space = Mapping[str, Values]


def parameters(network: str = "") -> list[str]:
    """Return the names of all parameters.

    Args:
        network: The JSON of a `NetworkSpec`, whose parameters are added, or another text.

    Returns:
        The names.

    Example:
        >>> "learning_rate" in parameters()
        True
    """
    settings = [name for name in SETTING_SPECS if name not in NOT_SWEPT]
    if not is_spec(network):
        return settings
    rows = enumerate(NetworkSpec.from_json(network).blocks, 1)
    numbers = [f"{BLOCKS}.{row}.{name}" for row, block in rows for name in _fields(block)]
    return [*settings, ACTIVATION, *numbers]


def label(name: str, network: str = "") -> str:
    """Return the label of a parameter.

    Args:
        name: Name of the parameter.
        network: The JSON of the network. The kind of a row determines whether a size is a number of filters or units.

    Returns:
        The label.

    Raises:
        SettingsError: If there is no such parameter.

    Example:
        >>> label("learning_rate")
        'Learning rate'
    """
    if name in SETTING_SPECS:
        return SETTING_SPECS[name].label
    if name in (NETWORK, ACTIVATION):
        return name.capitalize()
    row, field = _split(name)
    blocks = NetworkSpec.from_json(network).blocks if is_spec(network) else ()
    is_dense = row <= len(blocks) and blocks[row - 1].kind == "dense"
    return f"Row {row}: {BLOCK_LABELS.get(field, 'units' if is_dense else 'filters')}"


def usual_values(name: str, network: str = "") -> list[Any]:
    """Return common values of a parameter.

    Args:
        name: Name of the parameter.
        network: The JSON of the network, needed for a parameter of a row.

    Returns:
        The values. Numbers are in ascending order.

    Example:
        >>> usual_values("activation")[0]
        'relu'
    """
    if name in SETTING_SPECS:
        spec = SETTING_SPECS[name]
        return list(spec.sweep_values or spec.choices)
    if name == ACTIVATION:
        return list(ACTIVATIONS)
    row, field = _split(name)
    size = NetworkSpec.from_json(network).blocks[row - 1].size
    return list(BLOCK_VALUES[field]) if field in BLOCK_VALUES else sorted({max(1, size // 2), size, size * 2, size * 4})


def is_numeric(name: str) -> bool:
    """Check whether values of a parameter can be drawn from a range.

    Args:
        name: Name of the parameter.

    Returns:
        Whether the values are numbers.

    Example:
        >>> is_numeric("epochs"), is_numeric("activation")
        (True, False)
    """
    if name in SETTING_SPECS:
        spec = SETTING_SPECS[name]
        return not spec.choices and spec.high > spec.low
    return name.endswith(("size", "dropout"))


def is_integer(name: str) -> bool:
    """Check whether the values of a parameter must be integers.

    Args:
        name: Name of the parameter.

    Returns:
        Whether only integers are valid.

    Example:
        >>> is_integer("epochs"), is_integer("learning_rate")
        (True, False)
    """
    return SETTING_SPECS[name].is_integer if name in SETTING_SPECS else name.endswith("size")


def parse_value(name: str, text: str) -> Any:
    """Parse a value of a parameter.

    Args:
        name: Name of the parameter.
        text: The value as text.

    Returns:
        The value.

    Raises:
        SettingsError: If there is no such parameter.

    Example:
        >>> parse_value("epochs", "3")
        3
    """
    if name in SETTING_SPECS:
        return settings_text.parse_value(name, text)
    if name in (NETWORK, ACTIVATION):
        return text
    _split(name)
    try:
        return json.loads(text)
    except ValueError:
        return text


def parse(name: str, text: str) -> Values:
    """Parse the values of a parameter on the command line.

    Args:
        name: Name of the parameter.
        text: A list, `V1,V2,…`, or a range, `LOW..HIGH`.

    Returns:
        The list or the range.

    Raises:
        SettingsError: If there is no such parameter, or the range is not valid for it.

    Example:
        >>> parse("epochs", "1,2")
        [1, 2]
    """
    low, dots, high = text.partition("..")
    if not dots:
        return [parse_value(name, one) for one in _split_values(text)]
    first, last = (parse_value(name, end) for end in (low, high))
    if not is_numeric(name) or not isinstance(first, int | float) or not isinstance(last, int | float):
        raise SettingsError(f"{name}={text} is not a valid range. Write a list of values, or a range such as 0.001..0.01.")
    return Range(first, last, is_integer(name))


def to_text(values: Values) -> str:
    """Format values in the format of `parse`.

    Args:
        values: A list or a range.

    Returns:
        The text.

    Example:
        >>> to_text([1, 2])
        '1,2'
    """
    if isinstance(values, Range):
        return f"{values.low:.10g}..{values.high:.10g}"
    return ",".join(map(_value_text, values))


def is_plain(value: Any) -> bool:
    """Check whether a parameter can have a value of this type.

    Args:
        value: Any object.

    Returns:
        Whether the value is a number, a short text, a bool or `None`.

    Example:
        >>> is_plain(8), is_plain([8])
        (True, False)
    """
    return isinstance(value, PLAIN_TYPES) and not (isinstance(value, str) and len(value) > MAX_VALUE_LENGTH)


def check_values(space: Space) -> None:
    """Check that each parameter has a list of values or a range.

    Args:
        space: For each parameter, a list of values or a range.

    Raises:
        SettingsError: If the values of a parameter are neither a list nor a range, or a value has a wrong type.

    Example:
        >>> check_values({"epochs": 3})
        Traceback (most recent call last):
        digitcore.errors.SettingsError: The values of epochs must be a list or a Range, not 3. Write {"epochs": [3]}.
    """
    if not isinstance(space, Mapping):
        raise SettingsError(f'A sweep needs a dictionary such as {{"epochs": [1, 2]}}, not {reprlib.repr(space)}.')
    for name, values in space.items():
        if isinstance(values, Range):
            continue
        if isinstance(values, str | bytes) or not isinstance(values, Sequence):
            shown = reprlib.repr(values)
            example = f' Write {{"{name}": [{shown}]}}.' if is_plain(values) else ' Write a list, such as {"epochs": [1, 2]}.'
            raise SettingsError(f"The values of {name} must be a list or a Range, not {shown}.{example}")
        wrong = next((value for value in values if not is_plain(value)), None)
        if wrong is not None:
            raise SettingsError(f"A value of {name} must be a number, a short text, a bool or None, not {reprlib.repr(wrong)}.")


def combinations(space: Space, n: int | None = None, seed: int = 0) -> list[dict[str, Any]]:
    """Return the combinations of values that a sweep tries.

    Args:
        space: For each parameter, a list of values or a range.
        n: Number of different combinations that are drawn at random; `None` for all combinations.
        seed: Seed of the draw.

    Returns:
        The value of each parameter, for each combination.

    Raises:
        SettingsError: If there is a range and `n` is `None`.

    Example:
        >>> combinations({"epochs": [1, 2], "batch_size": [8]})
        [{'epochs': 1, 'batch_size': 8}, {'epochs': 2, 'batch_size': 8}]
    """
    ranges = [name for name, values in space.items() if isinstance(values, Range)]
    if ranges:
        if n is None:
            raise SettingsError(f"{ranges[0]} is a range. Set the number of combinations to draw.")
        rng = np.random.default_rng(seed)
        drawn = [{name: _draw(values, rng) for name, values in space.items()} for _ in range(n * DRAWS)]
        distinct: dict[str, dict[str, Any]] = {}
        for values in drawn:
            distinct.setdefault(str(values), values)
        return list(distinct.values())[:n]
    options = [list(dict.fromkeys(values)) for values in space.values() if not isinstance(values, Range)]
    total = math.prod(map(len, options))
    if not total:
        return []
    chosen = np.sort(np.random.default_rng(seed).choice(total, min(n or total, total), replace=False))
    indices = zip(*np.unravel_index(chosen, [len(values) for values in options]), strict=True)
    return [{name: values[i] for name, values, i in zip(space, options, one, strict=True)} for one in indices]


def n_combinations(space: Space) -> int | None:
    """Return the number of combinations of values.

    Args:
        space: For each parameter, a list of values or a range.

    Returns:
        The number, or `None` if there is a range.

    Example:
        >>> n_combinations({"epochs": [1, 2], "batch_size": [8, 16]})
        4
    """
    if any(isinstance(values, Range) for values in space.values()):
        return None
    return math.prod(len(dict.fromkeys(values)) for values in space.values() if not isinstance(values, Range))


def apply(values: Mapping[str, Any], settings: TrainSettings, network: str = "") -> tuple[TrainSettings, str]:
    """Set the values of parameters in the settings and the network.

    Args:
        values: The value of each parameter.
        settings: Settings of the training.
        network: A registered name, the JSON of a `NetworkSpec`, or "" if a given model is trained.

    Returns:
        The new settings and the new network.

    Raises:
        SettingsError: If there is no such parameter, or the value of a setting is not valid.
        ModelError: If a value of the network is not valid.

    Example:
        >>> settings, network = apply({"epochs": 3}, TrainSettings())
        >>> settings.epochs
        3
    """
    own = {name: value for name, value in values.items() if name in SETTING_SPECS}
    settings = TrainSettings.from_dict({**asdict(settings), **own})
    numbers = {name: value for name, value in values.items() if name not in own}
    network = str(numbers.pop(NETWORK, network))
    if not numbers:
        return settings, network
    if not is_spec(network):
        parameter = next(iter(numbers))
        if parameter != ACTIVATION:
            _split(parameter)
        raise SettingsError(f"The parameter {parameter} exists only in a built network. Give the JSON of the network.")
    spec = NetworkSpec.from_json(network)
    blocks, activation = list(spec.blocks), numbers.pop(ACTIVATION, spec.activation)
    for name, value in numbers.items():
        row, field = _split(name)
        if row > len(blocks):
            raise SettingsError(f"{name} does not exist. Number of rows of the network: {len(blocks)}. Choose an existing row.")
        blocks[row - 1] = replace(blocks[row - 1], **{field: value})
    return settings, NetworkSpec(tuple(blocks), activation).to_json()


def _value_text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    return value if isinstance(value, str) else json.dumps(value)


def _split_values(text: str) -> list[str]:
    """Split at commas outside the JSON of a network."""
    found: list[str] = []
    rest = text
    while True:
        end = rest.find(",")
        if is_spec(rest):
            with contextlib.suppress(ValueError, RecursionError):
                end = rest.find(",", json.JSONDecoder().raw_decode(rest)[1])
        if end < 0:
            return [*found, rest]
        found.append(rest[:end])
        rest = rest[end + 1 :]


def _draw(values: Values, rng: np.random.Generator) -> Any:
    return values.draw(rng) if isinstance(values, Range) else values[int(rng.integers(len(values)))]


def _fields(block: Block) -> list[str]:
    names = [name for name in Block.__dataclass_fields__ if name != "kind"]
    return names if block.kind == "conv" else [name for name in names if name not in ("kernel_size", "pooling")]


def _split(name: str) -> tuple[int, str]:
    """Return the row and the field of a parameter `blocks.N.FIELD`."""
    first, _, rest = name.partition(".")
    row, _, field = rest.partition(".")
    if first != BLOCKS or not row.isascii() or not row.isdigit() or int(row) < 1 or field not in ("size", *BLOCK_VALUES):
        raise SettingsError(
            f"There is no parameter called {name[:60]}. Choose one of {', '.join(parameters())}, {NETWORK}, {ACTIVATION}, and "
            f"{BLOCKS}.N.FIELD, where N is a row of a built network and FIELD is one of {', '.join(('size', *BLOCK_VALUES))}."
        )
    return int(row), field
