"""Networks that a person builds: a list of blocks as plain JSON, checked without Keras.

    {"activation": "relu", "blocks": [{"kind": "conv", "size": 32, "pooling": true}, {"kind": "dense", "size": 64}]}

`networks.build` makes the Keras model.
"""

import json
import math
import reprlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple

from digitcore.errors import ModelError
from digitcore.images import SIDE

ACTIVATIONS = ("relu", "elu", "gelu", "tanh", "sigmoid", "linear")
KINDS = ("conv", "dense")
N_CLASSES = 10
MAX_BLOCKS = 12
MAX_SIZE = 1024  # filters or units
MAX_DROPOUT = 0.9
MAX_PARAMETERS = 2_000_000
MAX_MULTIPLICATIONS = 50_000_000  # for one digit
MAX_TEXT = 100_000  # characters of JSON
BYTES = 4  # of a number
COPIES = 4  # of each weight while it is trained: itself, its gradient, and two averages of Adam
NO_JSON = 'A network is JSON such as {"blocks": [{"kind": "conv", "size": 32}, {"kind": "dense", "size": 64}]}.'


@dataclass(frozen=True)
class Block:
    """One row of a network.

    Attributes:
        kind: "conv", a convolution that keeps the picture's size, or "dense".
        size: its filters or units, 1 to `MAX_SIZE`.
        kernel_size: of a convolution, in px, 1 to the side of the picture that it gets.
        batch_normalization: after the layer and before its activation.
        pooling: after a convolution: the picture's side is halved.
        dropout: share of the outputs that a training leaves out, 0 to 0.9.
    """

    kind: str
    size: int
    kernel_size: int = 3
    batch_normalization: bool = False
    pooling: bool = False
    dropout: float = 0.0


DEFAULTS = {item.name: item.default for item in fields(Block)}  # of a block's kind and size, which have none, no JSON value


class LayerShape(NamedTuple):
    """What a block makes of its input.

    Attributes:
        name: in words.
        output: its shape, (side, side, filters) or (units,).
        parameters: number of weights.
        multiplications: for one digit.
    """

    name: str
    output: tuple[int, ...]
    parameters: int
    multiplications: int


@dataclass(frozen=True)
class NetworkSpec:
    """A network that was built, between the rescaled picture and the ten outputs.

    Attributes:
        blocks: convolutions first, then dense layers; none is a softmax regression.
        activation: of every block, of `ACTIVATIONS`.

    Raises:
        ModelError: when a value is wrong, or the network is too large; the message names the row.
    """

    blocks: tuple[Block, ...] = ()
    activation: str = "relu"

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise ModelError(f"The activation must be one of {', '.join(ACTIVATIONS)}.")
        if len(self.blocks) > MAX_BLOCKS:
            raise ModelError(f"A network has at most {MAX_BLOCKS} rows; this one has {len(self.blocks)}.")
        for row, block in enumerate(self.blocks, 1):
            _check_values(row, block)
        shapes = self.shapes()
        for total, most, what in (
            (sum(one.parameters for one in shapes), MAX_PARAMETERS, "parameters"),
            (sum(one.multiplications for one in shapes), MAX_MULTIPLICATIONS, "multiplications for one digit"),
        ):
            if total > most:
                raise ModelError(f"This network has {total:,} {what}; at most {most:,} can be trained here. Make a row smaller.")

    @classmethod
    def from_json(cls, text: str) -> "NetworkSpec":
        """Read JSON.

        Raises:
            ModelError: when it is no such thing.
        """
        try:
            if len(text) > MAX_TEXT:
                raise ValueError(len(text))
            values = json.loads(text)
            if unknown := values.keys() - {"activation", "blocks"}:
                raise ModelError(f"A network has blocks and an activation, and no {reprlib.repr(min(unknown))}.")
            return cls(tuple(_block(row, one) for row, one in enumerate(values["blocks"], 1)), values.get("activation", "relu"))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ModelError(NO_JSON) from error

    def to_json(self) -> str:
        """Compact JSON, the same for the same network; what is as by default is left out."""
        blocks = [{name: value for name, value in asdict(one).items() if value != DEFAULTS.get(name)} for one in self.blocks]
        return json.dumps({"activation": self.activation, "blocks": blocks}, separators=(",", ":"))

    def shapes(self) -> list[LayerShape]:
        """One for each block, and one for the outputs.

        Raises:
            ModelError: when a convolution or a pooling does not fit the picture that it gets.
        """
        return list(self._shapes())

    def _shapes(self) -> Iterator[LayerShape]:
        side, channels, is_flat = SIDE, 1, False
        output: tuple[int, ...]
        for row, block in enumerate(self.blocks, 1):
            if block.kind == "conv":
                _check_fit(row, block, side, is_flat)
                weights = block.kernel_size**2 * channels * block.size
                multiplications = side**2 * weights
                side = side // 2 if block.pooling else side
                channels, output = block.size, (side, side, block.size)
            else:
                n_inputs = channels if is_flat else side**2 * channels
                weights = multiplications = n_inputs * block.size
                channels, is_flat, output = block.size, True, (block.size,)
            others = block.size * (4 if block.batch_normalization else 1)
            yield LayerShape(_describe(block), output, weights + others, multiplications)
        n_inputs = channels if is_flat else side**2 * channels
        yield LayerShape("10 outputs, softmax", (N_CLASSES,), n_inputs * N_CLASSES + N_CLASSES, n_inputs * N_CLASSES)

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(one.parameters for one in self.shapes())

    def training_bytes(self, batch_size: int) -> int:
        """About how much memory the weights and the activations of one batch take while it is trained."""
        n_activations = sum(math.prod(shape.output) for shape in self.shapes())
        return BYTES * (COPIES * self.parameters + 2 * batch_size * n_activations)


def is_spec(network: str) -> bool:
    """Whether a card's network is JSON of a built one, rather than a registered name."""
    return network.startswith("{")


def _block(row: int, values: Any) -> Block:
    known = {item.name for item in fields(Block)}
    if not isinstance(values, dict) or not {"kind", "size"} <= values.keys() <= known:
        raise ModelError(f"Row {row} must have a kind and a size, and may have {', '.join(sorted(known - {'kind', 'size'}))}.")
    return Block(**values)


def _check_values(row: int, block: Block) -> None:
    if block.kind not in KINDS:
        raise ModelError(f"Row {row} must be one of {', '.join(KINDS)}.")
    for name, value, low, high in (
        ("filters" if block.kind == "conv" else "units", block.size, 1, MAX_SIZE),
        ("pixels of the kernel", block.kernel_size, 1, SIDE),
    ):
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ModelError(f"Row {row}: the number of {name} must be a whole number from {low} to {high:,}.")
    dropout = block.dropout
    if not isinstance(dropout, int | float) or isinstance(dropout, bool) or not 0 <= dropout <= MAX_DROPOUT:
        raise ModelError(f"Row {row}: dropout must lie between 0 and {MAX_DROPOUT}.")
    if not isinstance(block.pooling, bool) or not isinstance(block.batch_normalization, bool):
        raise ModelError(f"Row {row}: pooling and batch_normalization are true or false.")


def _check_fit(row: int, block: Block, side: int, is_flat: bool) -> None:
    if is_flat:
        raise ModelError(f"Row {row}: a convolution cannot follow a dense layer. Move it up.")
    if block.kernel_size > side:
        raise ModelError(f"Row {row}: a kernel of {block.kernel_size} px is larger than the picture, which has {side} there.")
    if block.pooling and side < 2:
        raise ModelError(f"Row {row}: the picture has one pixel there and cannot be pooled.")


def _describe(block: Block) -> str:
    what = f"{block.size} filters of {block.kernel_size} × {block.kernel_size}" if block.kind == "conv" else f"{block.size} units"
    extras = [
        "batch normalization" * block.batch_normalization,
        "pooling" * block.pooling,
        f"dropout {block.dropout:g}" if block.dropout else "",
    ]
    return ", ".join(filter(None, [what, *extras]))
