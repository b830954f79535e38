"""Checkpoints: the state from which an interrupted training is resumed."""

import io
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from digitcore.training import history
from digitcore.training.run import Point

MODEL, OPTIMIZER, SNAPSHOT = "model", "optimizer", "snapshot"
Arrays = list[np.ndarray]


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state of a training after a number of batches.

    The order of the digits and their augmentation depend only on the seed and the epoch, so they are not part of the state.

    Attributes:
        step: Number of batches since the start of the training.
        points: Points of the curves, oldest first.
        model: Values of all variables of the model, also of the generators of random numbers.
        optimizer: Values of all variables of the optimizer: number of steps, moments, average of the weights.
        snapshots: State of the `SnapshotRecorder`, by name.

    Example:
        >>> checkpoint = Checkpoint(8, [history.START], [np.zeros(3)], [np.array(8)])
        >>> Checkpoint.from_bytes(checkpoint.to_bytes()).step
        8
    """

    step: int
    points: list[Point]
    model: Arrays
    optimizer: Arrays
    snapshots: dict[str, np.ndarray] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the bytes of an .npz file, which `from_bytes` can read.

        Example:
            >>> Checkpoint(0, [history.START], [], []).to_bytes()[:2]
            b'PK'
        """
        text = json.dumps({"step": self.step, "points": self.points})
        arrays: dict[str, Any] = {
            "text": np.frombuffer(text.encode(), np.uint8),
            **{f"{MODEL}.{number:04d}": value for number, value in enumerate(self.model)},
            **{f"{OPTIMIZER}.{number:04d}": value for number, value in enumerate(self.optimizer)},
            **{f"{SNAPSHOT}.{name}": value for name, value in self.snapshots.items()},
        }
        file = io.BytesIO()
        np.savez(file, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes | None) -> Self | None:
        """Read the bytes of an .npz file that `to_bytes` made.

        Returns:
            The checkpoint, or None if the file is damaged or not a checkpoint.

        Example:
            >>> Checkpoint.from_bytes(b"no such file") is None
            True
        """
        try:
            with np.load(io.BytesIO(content or b""), allow_pickle=False) as arrays:
                values = json.loads(arrays["text"].tobytes())
                model, optimizer = (
                    [arrays[name] for name in sorted(arrays) if name.startswith(f"{kind}.")] for kind in (MODEL, OPTIMIZER)
                )
                snapshots = {name.partition(".")[2]: arrays[name] for name in arrays if name.startswith(f"{SNAPSHOT}.")}
            points = history.from_json(values["points"])
            return cls(int(values["step"]), points, model, optimizer, snapshots) if points else None
        except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile, zlib.error):
            return None

    def save(self, file: Path) -> None:
        """Write the checkpoint to a file. If the process is killed meanwhile, the file holds the previous checkpoint.

        Args:
            file: Path of the file. Its folder is created.
        """
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as written:
            written.write(self.to_bytes())
        os.replace(written.name, file)

    @classmethod
    def load(cls, file: Path) -> Self | None:
        """Read a file that `save` wrote. Return None if the file is missing or damaged."""
        try:
            return cls.from_bytes(file.read_bytes())
        except OSError:
            return None

    def fits(self, model: Sequence[np.ndarray], optimizer: Sequence[np.ndarray]) -> bool:
        """Check whether the state has the shapes of the variables of a model and its optimizer.

        Args:
            model: Variables of the model.
            optimizer: Variables of the optimizer.

        Returns:
            True if all shapes agree.
        """
        pairs = ((self.model, model), (self.optimizer, optimizer))
        return all([value.shape for value in kept] == [tuple(one.shape) for one in known] for kept, known in pairs)
