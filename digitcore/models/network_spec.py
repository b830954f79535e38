"""User-defined networks: a list of blocks as plain JSON, which is checked without Keras.

    {"activation": "relu", "blocks": [{"kind": "conv", "size": 32, "pooling": true}, {"kind": "dense", "size": 64}]}

`networks.build` builds the Keras model.
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
MAX_SIZE = 1024  # filters or units of a block
MAX_DROPOUT = 0.9
MAX_PARAMETERS = 2_000_000
MAX_MULTIPLICATIONS = 50_000_000  # for one digit
MAX_TEXT = 100_000  # characters of JSON
BYTES = 4  # size of a float32
EXAMPLE = '{"blocks": [{"kind": "conv", "size": 32}, {"kind": "dense", "size": 64}]}'
NO_JSON = f"The network cannot be read. A network is JSON such as {EXAMPLE}."


@dataclass(frozen=True)
class Block:
    """One row of a network: a layer with its activation and options.

    Attributes:
        kind: "conv" for a convolution that keeps the image size, or "dense".
        size: Number of filters or units, 1 to `MAX_SIZE`.
        kernel_size: Side of a convolution's kernel in px, 1 to the side of its input.
        batch_normalization: Whether batch normalization precedes the activation.
        pooling: Whether 2 × 2 max pooling follows a convolution, before batch normalization and activation.
        dropout: Share of the outputs that dropout sets to 0 during training, 0 to 0.9. Dropout follows the activation.

    Example:
        >>> Block("dense", 64).dropout
        0.0
    """

    kind: str
    size: int
    kernel_size: int = 3
    batch_normalization: bool = False
    pooling: bool = False
    dropout: float = 0.0


DEFAULTS = {item.name: item.default for item in fields(Block)}  # The kind and the size have no default.


class LayerShape(NamedTuple):
    """The output shape and the cost of one block.

    Attributes:
        name: Description of the block, as pages show it.
        output: Shape of the output, (side, side, filters) or (units,).
        parameters: Number of weights, including the moving statistics of batch normalization.
        multiplications: Number of multiplications for one digit.
        statistics: Number of the weights that are moving statistics, which have no gradient.
        outputs: Number of outputs of all layers of the block for one digit.

    Example:
        >>> NetworkSpec().shapes()[0].output
        (10,)
    """

    name: str
    output: tuple[int, ...]
    parameters: int
    multiplications: int
    statistics: int
    outputs: int


@dataclass(frozen=True, repr=False)
class NetworkSpec:
    """A user-defined network: the layers between the rescaled image and the ten outputs.

    Attributes:
        blocks: Convolutions first, then dense layers. If empty, the network is a softmax regression.
        activation: Activation of every block, one of `ACTIVATIONS`.

    Raises:
        ModelError: If a value is invalid, or the network is too large. The message names the row.

    Example:
        >>> spec = NetworkSpec((Block("conv", 8, pooling=True), Block("dense", 32)))
        >>> spec
        NetworkSpec('conv 8, dense 32', activation='relu')
        >>> spec.parameters
        50618
    """

    blocks: tuple[Block, ...] = ()
    activation: str = "relu"

    def __repr__(self) -> str:
        blocks = ", ".join(f"{block.kind} {block.size}" for block in self.blocks)
        return f"NetworkSpec({blocks!r}, activation={self.activation!r})"

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise ModelError(f"The activation must be one of {', '.join(ACTIVATIONS)}.")
        if len(self.blocks) > MAX_BLOCKS:
            raise ModelError(f"The network has {len(self.blocks)} rows. Use at most {MAX_BLOCKS} rows.")
        for row, block in enumerate(self.blocks, 1):
            _check_values(row, block)
        shapes = self.shapes()
        for total, most, what in (
            (sum(one.parameters for one in shapes), MAX_PARAMETERS, "parameters"),
            (sum(one.multiplications for one in shapes), MAX_MULTIPLICATIONS, "multiplications for one digit"),
        ):
            if total > most:
                raise ModelError(f"The network has {total:,} {what}, more than the limit of {most:,}. Make a row smaller.")

    @classmethod
    def from_json(cls, text: str) -> "NetworkSpec":
        """Read a network from JSON.

        Args:
            text: JSON, possibly untrusted.

        Returns:
            The network.

        Raises:
            ModelError: If the text is not the JSON of a network, or a value is invalid.

        Example:
            >>> NetworkSpec.from_json('{"blocks": [{"kind": "dense", "size": 64}]}')
            NetworkSpec('dense 64', activation='relu')
        """
        try:
            if len(text) > MAX_TEXT:
                raise ValueError(len(text))
            values = json.loads(text)
            if unknown := values.keys() - {"activation", "blocks"}:
                raise ModelError(f"A network has no {reprlib.repr(min(unknown))}. Use “blocks” and “activation”.")
            return cls(tuple(_block(row, one) for row, one in enumerate(values["blocks"], 1)), values.get("activation", "relu"))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ModelError(NO_JSON) from error

    def to_json(self) -> str:
        """Return compact JSON without default values. Equal networks have equal JSON.

        Example:
            >>> NetworkSpec((Block("dense", 64),)).to_json()
            '{"activation":"relu","blocks":[{"kind":"dense","size":64}]}'
        """
        blocks = [{name: value for name, value in asdict(one).items() if value != DEFAULTS.get(name)} for one in self.blocks]
        return json.dumps({"activation": self.activation, "blocks": blocks}, separators=(",", ":"))

    def shapes(self) -> list[LayerShape]:
        """Return the shape and the cost of each block, and of the output layer.

        Raises:
            ModelError: If a convolution or a pooling does not fit its input.

        Example:
            >>> [shape.output for shape in NetworkSpec((Block("conv", 8, pooling=True),)).shapes()]
            [(14, 14, 8), (10,)]
        """
        return list(self._shapes())

    def _shapes(self) -> Iterator[LayerShape]:
        side, channels, is_flat = SIDE, 1, False
        output: tuple[int, ...]
        for row, block in enumerate(self.blocks, 1):
            if block.kind == "conv":
                _check_fit(row, block, side, is_flat)
                weights = block.kernel_size**2 * channels * block.size
                multiplications, outputs = side**2 * weights, side**2 * block.size
                side = side // 2 if block.pooling else side
                channels, output = block.size, (side, side, block.size)
            else:
                n_inputs = channels if is_flat else side**2 * channels
                weights = multiplications = n_inputs * block.size
                outputs = block.size
                channels, is_flat, output = block.size, True, (block.size,)
            others = block.size * (4 if block.batch_normalization else 1)
            n_layers = block.pooling * (block.kind == "conv") + block.batch_normalization + 1 + (block.dropout > 0)
            outputs += n_layers * math.prod(output)  # The last 1 is the activation.
            statistics = 2 * block.size * block.batch_normalization
            yield LayerShape(_describe(block), output, weights + others, multiplications, statistics, outputs)
        n_inputs = channels if is_flat else side**2 * channels
        weights = n_inputs * N_CLASSES
        yield LayerShape("10 outputs, softmax", (N_CLASSES,), weights + N_CLASSES, weights, 0, N_CLASSES)

    @property
    def parameters(self) -> int:
        """Number of weights of the network."""
        return sum(one.parameters for one in self.shapes())

    def training_bytes(self, batch_size: int, n_slots: int = 2) -> int:
        """Estimate the memory that a training needs for the network and one batch.

        A training holds the weights, and for each trainable weight its gradient and the slots of the optimizer. For each digit of
        the batch, it holds the rescaled image and the output of every layer, each with its gradient. A flatten layer needs no
        memory.

        Args:
            batch_size: Number of samples in a batch.
            n_slots: Number of values that the optimizer keeps for a weight: 2 for Adam, 1 for SGD with momentum, and 1 more if
                the weights are averaged. `TrainSettings.n_optimizer_slots` returns it.

        Returns:
            The estimate in bytes.

        Example:
            >>> NetworkSpec().training_bytes(batch_size=64)
            532128
        """
        shapes = self.shapes()
        n_trainable = sum(shape.parameters - shape.statistics for shape in shapes)
        n_outputs = SIDE**2 + sum(shape.outputs for shape in shapes)
        return BYTES * (self.parameters + (1 + n_slots) * n_trainable + 2 * batch_size * n_outputs)


def is_spec(network: str) -> bool:
    """Check whether a card's network is the JSON of a `NetworkSpec`.

    Args:
        network: The network of a card.

    Returns:
        True for JSON, False for a registered name.

    Example:
        >>> is_spec("genius"), is_spec(NetworkSpec().to_json())
        (False, True)
    """
    return network.startswith("{")


def _block(row: int, values: Any) -> Block:
    known = {item.name for item in fields(Block)}
    if not isinstance(values, dict) or not {"kind", "size"} <= values.keys() <= known:
        raise ModelError(f"Row {row} must have a kind and a size. It may have {', '.join(sorted(known - {'kind', 'size'}))}.")
    return Block(**values)


def _check_values(row: int, block: Block) -> None:
    if block.kind not in KINDS:
        raise ModelError(f"Row {row}: the kind must be one of {', '.join(KINDS)}.")
    for name, value, low, high in (
        ("filters" if block.kind == "conv" else "units", block.size, 1, MAX_SIZE),
        ("pixels of the kernel", block.kernel_size, 1, SIDE),
    ):
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ModelError(f"Row {row}: the number of {name} must be a whole number from {low} to {high:,}.")
    dropout = block.dropout
    if not isinstance(dropout, int | float) or isinstance(dropout, bool) or not 0 <= dropout <= MAX_DROPOUT:
        raise ModelError(f"Row {row}: dropout must be a number from 0 to {MAX_DROPOUT}.")
    if not isinstance(block.pooling, bool) or not isinstance(block.batch_normalization, bool):
        raise ModelError(f"Row {row}: pooling and batch_normalization must be true or false.")


def _check_fit(row: int, block: Block, side: int, is_flat: bool) -> None:
    if is_flat:
        raise ModelError(f"Row {row}: a convolution cannot follow a dense layer. Move the convolution up.")
    if block.kernel_size > side:
        raise ModelError(
            f"Row {row}: a kernel of {block.kernel_size} px does not fit an input of {side} px. Choose a smaller kernel."
        )
    if block.pooling and side < 2:
        raise ModelError(f"Row {row}: an input of one pixel cannot be pooled. Turn off the pooling of this row.")


def _describe(block: Block) -> str:
    what = f"{block.size} filters of {block.kernel_size} × {block.kernel_size}" if block.kind == "conv" else f"{block.size} units"
    extras = [
        "pooling" * block.pooling,
        "batch normalization" * block.batch_normalization,
        f"dropout {block.dropout:g}" if block.dropout else "",
    ]
    return ", ".join(filter(None, [what, *extras]))
