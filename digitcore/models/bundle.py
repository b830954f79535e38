"""Model bundles: `model.keras`, `model.tflite` and `card.json` in memory."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import Any

from digitcore.errors import ModelError
from digitcore.predictor import Predictor

DEFAULT_CONFIDENCE_THRESHOLD = 0.5  # for models whose threshold was never measured
MAX_NAME = 40  # characters
NAME_PATTERN = rf"[\w.-](?:[\w .-]{{0,{MAX_NAME - 2}}}[\w.-])?"
NAME_HINT = "Use letters, digits, spaces, hyphens and dots."


def is_valid_name(name: object) -> bool:
    """Whether a model or a run may have this name: 1 to 40 letters, digits, spaces and `-_.`, no space at either end."""
    return isinstance(name, str) and re.fullmatch(NAME_PATTERN, name) is not None


@dataclass(frozen=True)
class ModelCard:
    """What is known of a model. Every metric was measured on its own files.

    Attributes:
        name: shown to people.
        network: the architecture's name in `digitcore.models.networks`, or the JSON of a `NetworkSpec`.
        parameters: number of weights.
        recipe: the entry of `digitcore.training.recipes` that it was trained by, or "".
        parent: the model it was trained from, or None.
        trained: False while its weights are random.
        training_data: what it was trained on, in one sentence.
        settings: of its last training.
        history: points of its last training's curves.
        metrics: name → measured value, such as `mnist_accuracy`.
        versions, machine, date, seconds: of its training.
        sha256: file name → hash.
    """

    name: str
    network: str
    parameters: int
    recipe: str = ""
    parent: str | None = None
    trained: bool = False
    training_data: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    metrics: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    machine: str = ""
    date: str = ""
    seconds: float = 0.0
    sha256: dict[str, str] = field(default_factory=dict)

    @property
    def confidence_threshold(self) -> float:
        """The probability below which a prediction counts as unsure, 0 to 1."""
        return float(self.metrics.get("confidence_threshold", DEFAULT_CONFIDENCE_THRESHOLD))

    def with_metrics(self, metrics: dict[str, Any]) -> "ModelCard":
        """The same card with more metrics, which replace those of the same name."""
        return replace(self, metrics=self.metrics | metrics)

    def to_json(self) -> str:
        """An indented JSON object, one point of the history a line."""
        values = asdict(self)
        values["history"] = []
        text = json.dumps(values, indent=2, ensure_ascii=False)
        points = ",\n    ".join(json.dumps(point) for point in self.history)
        return text.replace('"history": []', f'"history": [\n    {points}\n  ]' if points else '"history": []') + "\n"

    @classmethod
    def from_json(cls, text: str) -> "ModelCard":
        """Read JSON; names that this version does not know are ignored.

        Raises:
            ModelError: when it is no card.
        """
        try:
            return cls.from_dict(json.loads(text))
        except (ValueError, TypeError) as error:
            raise ModelError("The model's card.json is damaged.") from error

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ModelCard":
        """Read names and values; names that this version does not know are ignored."""
        return cls(**{f.name: values[f.name] for f in fields(cls) if f.name in values})


@dataclass(frozen=True, eq=False)
class ModelBundle:
    """A model in memory: its card and the bytes of its two files."""

    card: ModelCard
    keras_bytes: bytes
    tflite_bytes: bytes

    @property
    def name(self) -> str:
        """The card's name."""
        return self.card.name

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the .tflite file: models of the same hash predict the same."""
        return hashlib.sha256(self.tflite_bytes).hexdigest()

    @cached_property
    def key(self) -> str:
        """SHA-256 of both files."""
        return hashlib.sha256(self.keras_bytes + self.tflite_bytes).hexdigest()

    def rename(self, name: str) -> "ModelBundle":
        """The same model under another name."""
        return self.with_card(replace(self.card, name=name))

    def with_card(self, card: ModelCard) -> "ModelBundle":
        """The same files with another card."""
        return replace(self, card=card)

    def predictor(self, threads: int = 1) -> Predictor:
        """A predictor for this model. Make it once and keep it."""
        return Predictor.load(self.tflite_bytes, threads)

    def __getstate__(self) -> dict[str, Any]:
        return {"card": self.card, "keras_bytes": self.keras_bytes, "tflite_bytes": self.tflite_bytes}


def checksums(keras_bytes: bytes, tflite_bytes: bytes) -> dict[str, str]:
    """SHA-256 of both files, as the card holds them."""
    return {
        "model.keras": hashlib.sha256(keras_bytes).hexdigest(),
        "model.tflite": hashlib.sha256(tflite_bytes).hexdigest(),
    }
