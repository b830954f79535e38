"""The parameters of a sweep, and their values.

A parameter is a setting of a training or an attribute of a network. Parameters of a network are `network` (a registered name),
`activation`, `rows` (the number of rows that are used, counted from the input), and `blocks.N.FIELD`, where N counts the rows
from 1 and FIELD is an attribute of `network_spec.Block`. The values are a list or a range.

A parameter of a row is conditional: a trial has a value for it only if its network has the row, and a size of a kernel or a
pooling only if the row is a convolution. All rows after a dense row are dense, so the kind of such a row is not a parameter.
"""

import contextlib
import functools
import itertools
import json
import math
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from digitcore.errors import SettingsError
from digitcore.models.network_spec import ACTIVATIONS, KINDS, Block, NetworkSpec, is_spec
from digitcore.training import settings_text
from digitcore.training.settings import SETTING_SPECS, TrainSettings
from digitcore.values import suits_log_scale

NETWORK, ACTIVATION, ROWS, BLOCKS, KIND = "network", "activation", "rows", "blocks", "kind"
CONV, DENSE = KINDS
NOT_SWEPT = {  # setting → advice
    "seed": "For several seeds of each combination, use --seeds N of “digitlab sweep”, or n_seeds=N in Python.",
    "validation_samples": "It affects only the measurement. Choose another parameter.",
}
BLOCK_LABELS = {
    KIND: "kind",
    "kernel_size": "kernel",
    "batch_normalization": "batch normalization",
    "pooling": "pooling",
    "dropout": "dropout",
}
BLOCK_VALUES: dict[str, tuple[Any, ...]] = {
    KIND: KINDS,
    "kernel_size": (3, 5, 7),
    "batch_normalization": (False, True),
    "pooling": (False, True),
    "dropout": (0.0, 0.2, 0.4, 0.6),
}
MAX_VALUE_LENGTH = 5_000  # characters of a value; the longest values are networks in JSON
PLAIN_TYPES = (str, int, float, bool, type(None))
CONV_FIELDS = ("kernel_size", "pooling")  # A dense row does not have these fields.


@dataclass(frozen=True)
class Range:
    """A range of numbers from which a search draws values.

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


Values = list[Any] | Range
Space = Mapping[str, Values]


def parameters(network: str = "") -> list[str]:
    """Return the names of all parameters.

    Args:
        network: JSON of a `NetworkSpec`, whose parameters are included. Any other text, such as the name of a network, adds none.

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
    return [*settings, ACTIVATION, ROWS, *numbers]


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
    if name == ROWS:
        return "Number of rows"
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
    blocks = NetworkSpec.from_json(network).blocks
    if name == ROWS:
        return list(range(1, len(blocks) + 1)) or [0]
    row, field = _split(name)
    size = blocks[row - 1].size
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
    return name == ROWS or name.endswith(("size", "dropout"))


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
    return SETTING_SPECS[name].is_integer if name in SETTING_SPECS else name == ROWS or name.endswith("size")


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
    if name != ROWS and _split(name)[1] == KIND:
        return text
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


def is_conditional(name: str) -> bool:
    """Check whether some trials may have no value of a parameter, because their network has no such row or field.

    Args:
        name: Name of the parameter.

    Returns:
        Whether the parameter belongs to a row of a built network.

    Example:
        >>> is_conditional("blocks.2.size"), is_conditional("epochs")
        (True, False)
    """
    return name.startswith(f"{BLOCKS}.")


def active_names(space: Space, values: Mapping[str, Any], network: str = "") -> list[str]:
    """Return the parameters of which a trial must have a value. The network, its rows and their kinds determine them.

    Args:
        space: For each parameter, a list of values or a range.
        values: The values of the trial. Values of settings are not needed.
        network: Name or JSON of the network of the sweep.

    Returns:
        The names, in an order in which no parameter depends on a later one.

    Example:
        >>> network = '{"blocks": [{"kind": "conv", "size": 8}, {"kind": "dense", "size": 8}]}'
        >>> space = {"blocks.1.pooling": [False, True], "blocks.2.size": [8, 16], "rows": [1, 2]}
        >>> active_names(space, {"rows": 1}, network)
        ['rows', 'blocks.1.pooling']
    """
    return [name for name in ordered(space) if is_active(name, values, network)]


def ordered(space: Space) -> list[str]:
    """Return the parameters in an order in which no parameter depends on a later one.

    Args:
        space: For each parameter, a list of values or a range.

    Returns:
        The names: the network, the number of rows, the kinds of the rows from the input, and all others in the given order.

    Example:
        >>> ordered({"blocks.1.pooling": [False, True], "blocks.1.kind": ["conv", "dense"], "rows": [1, 2]})
        ['rows', 'blocks.1.kind', 'blocks.1.pooling']
    """
    return sorted(space, key=_rank)


def is_active(name: str, values: Mapping[str, Any], network: str = "") -> bool:
    """Check whether a trial must have a value of a parameter.

    Args:
        name: Name of the parameter.
        values: The trial's values of the parameters before this one in the order of `active_names`.
        network: Name or JSON of the network of the sweep.

    Returns:
        Whether the network of the trial has this parameter; True for settings.

    Example:
        >>> is_active("blocks.2.size", {"rows": 1}, '{"blocks": [{"kind": "dense", "size": 8}, {"kind": "dense", "size": 8}]}')
        False
    """
    network = str(values.get(NETWORK, network))
    if not is_conditional(name) or not is_spec(network):
        return True
    row, field = _split(name)
    spec = _spec(network)
    if row > len(spec.blocks):
        return True  # `apply` reports that there is no such row.
    kinds = _kinds(values, spec)
    if row > len(kinds):
        return False
    if field == KIND:
        return DENSE not in kinds[: row - 1]
    return kinds[row - 1] == CONV or field not in CONV_FIELDS


def n_combinations(space: Space, network: str = "") -> int | None:
    """Return the number of different combinations of values.

    Args:
        space: For each parameter, a list of values or a range.
        network: Name or JSON of the network of the sweep.

    Returns:
        The number, or `None` if there is a range of numbers that are not integers.

    Example:
        >>> n_combinations({"epochs": [1, 2], "batch_size": [8, 16]})
        4
        >>> network = '{"blocks": [{"kind": "dense", "size": 8}, {"kind": "dense", "size": 8}]}'
        >>> n_combinations({"rows": [1, 2], "blocks.2.size": [8, 16, 32]}, network)
        4
    """
    counts = {name: _count(values) for name, values in space.items()}
    if None in counts.values():
        return None
    names = [name for name in ordered(space) if _rank(name) != LAST]
    if not any(map(is_conditional, space)) or not names:
        return math.prod(count or 0 for count in counts.values())
    cases = {}
    for one in itertools.product(*(_options(space[name]) for name in names)):
        values = dict(zip(names, one, strict=True))
        active = active_names(space, values, network)
        cases[str([(name, values[name]) for name in active if name in values])] = active
    return sum(math.prod(counts[name] or 0 for name in active if name not in names) for active in cases.values())


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
    spec = _spec(network)
    blocks, activation = list(spec.blocks), numbers.pop(ACTIVATION, spec.activation)
    n_rows = numbers.pop(ROWS, len(blocks))
    if not isinstance(n_rows, int) or isinstance(n_rows, bool) or not 0 <= n_rows <= len(blocks):
        raise SettingsError(f"The number of rows must be a whole number from 0 to {len(blocks)}, not {str(n_rows)[:60]}.")
    for name, value in numbers.items():
        row, field = _split(name)
        if row > len(blocks):
            raise SettingsError(f"{name} does not exist. Number of rows of the network: {len(blocks)}. Choose an existing row.")
        blocks[row - 1] = replace(blocks[row - 1], **{field: value})
    if any(name.endswith(f".{KIND}") for name in numbers):
        blocks = _without_late_convolutions(blocks)
    return settings, NetworkSpec(tuple(blocks[:n_rows]), activation).to_json()


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


LAST = (3, 0)  # the rank of parameters on which no other parameter depends


def _rank(name: str) -> tuple[int, int]:
    """Return a key that sorts the network before the number of rows, and these before the kinds of the rows from the input."""
    if name in (NETWORK, ROWS):
        return ((NETWORK, ROWS).index(name), 0)
    return (2, _split(name)[0]) if is_conditional(name) and name.endswith(f".{KIND}") else LAST


def _count(values: Values) -> int | None:
    if isinstance(values, Range) and not values.is_integer:
        return None
    return len(_options(values))


def _options(values: Values) -> list[Any] | range:
    if isinstance(values, Range):
        low, high = map(round, values.ends)
        return range(low, high + 1)
    return list(dict.fromkeys(values))


@functools.lru_cache(maxsize=8)
def _spec(network: str) -> NetworkSpec:
    return NetworkSpec.from_json(network)


def _kinds(values: Mapping[str, Any], spec: NetworkSpec) -> list[str]:
    """Return the kinds of the rows of a trial's network."""
    kinds: list[str] = []
    for row, block in enumerate(spec.blocks[: values.get(ROWS, len(spec.blocks))], 1):
        kinds.append(DENSE if DENSE in kinds else values.get(f"{BLOCKS}.{row}.{KIND}", block.kind))
    return kinds


def _without_late_convolutions(blocks: list[Block]) -> list[Block]:
    """Make all rows after a dense row dense. Dense rows have no kernel and no pooling."""
    found: list[Block] = []
    for block in blocks:
        if DENSE in (block.kind, *(one.kind for one in found)):
            block = Block(DENSE, block.size, batch_normalization=block.batch_normalization, dropout=block.dropout)
        found.append(block)
    return found


def _fields(block: Block) -> list[str]:
    return [name for name in Block.__dataclass_fields__ if block.kind == CONV or name not in CONV_FIELDS]


def _split(name: str) -> tuple[int, str]:
    """Return the row and the field of a parameter `blocks.N.FIELD`."""
    first, _, rest = name.partition(".")
    row, _, field = rest.partition(".")
    if first != BLOCKS or not row.isascii() or not row.isdigit() or int(row) < 1 or field not in ("size", *BLOCK_VALUES):
        names = ", ".join([*parameters(), NETWORK, ACTIVATION, ROWS])
        raise SettingsError(
            f"There is no parameter called {name[:60]}. Choose one of {names}, and {BLOCKS}.N.FIELD, where N is a row of a built "
            f"network and FIELD is one of {', '.join(('size', *BLOCK_VALUES))}."
        )
    return int(row), field
