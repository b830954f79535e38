"""Model bundles: `model.keras`, `model.tflite` and `card.json`, on disk and in memory."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from digitcore.errors import ModelError
from digitcore.predictor import Predictor
from digitcore.samples import SampleSet

FOLDER = Path(__file__).resolve().parent.parent / "models"
UNSURE = 0.5  # for models whose threshold was never measured


@dataclass(frozen=True)
class ModelCard:
    """What is known of a model. Every figure was measured on its own files.

    Attributes:
        name: shown to people.
        network: the architecture's name in `digitcore.networks`.
        parameters: numbers that the network holds.
        recipe: the entry of `digitcore.recipes` that it was made by, or "".
        parent: the model it was trained from, or None.
        trained: False while its weights are random.
        lesson: what it was trained on, in one sentence.
        settings: of its last training.
        history: points of its last training's curves.
        figures: name → measured value, such as `mnist_accuracy`.
        versions, machine, date, seconds: of its training.
    """

    name: str
    network: str
    parameters: int
    recipe: str = ""
    parent: str | None = None
    trained: bool = False
    lesson: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    machine: str = ""
    date: str = ""
    seconds: float = 0.0
    sha256: dict[str, str] = field(default_factory=dict)

    @property
    def unsure_below(self) -> float:
        """The probability below which a best guess counts as unsure, 0 to 1."""
        return self.figures.get("unsure_below", UNSURE)

    def to_json(self) -> str:
        """As an indented JSON object, one point of the history a line."""
        values = asdict(self)
        values["history"] = []
        text = json.dumps(values, indent=2, ensure_ascii=False)
        points = ",\n    ".join(json.dumps(point) for point in self.history)
        return text.replace('"history": []', f'"history": [\n    {points}\n  ]' if points else '"history": []') + "\n"

    @classmethod
    def from_json(cls, text: str) -> "ModelCard":
        """Back from JSON; names that this version does not know are passed over.

        Raises:
            ModelError: when it is no card.
        """
        try:
            return cls.from_dict(json.loads(text))
        except (ValueError, TypeError) as error:
            raise ModelError("The model's card.json is damaged.") from error

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ModelCard":
        """From names and values; names that this version does not know are passed over."""
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
        """Tells models apart by what they answer: SHA-256 of the served file."""
        return hashlib.sha256(self.tflite_bytes).hexdigest()

    @cached_property
    def key(self) -> str:
        """Tells models apart by their files: SHA-256 of both."""
        return hashlib.sha256(self.keras_bytes + self.tflite_bytes).hexdigest()

    def renamed(self, name: str) -> "ModelBundle":
        """The same under another name."""
        return replace(self, card=replace(self.card, name=name))

    def predictor(self, threads: int = 1) -> Predictor:
        """Ready to answer. Make it once and keep it."""
        return Predictor.load(self.tflite_bytes, threads)

    def __getstate__(self):
        return {"card": self.card, "keras_bytes": self.keras_bytes, "tflite_bytes": self.tflite_bytes}


def names(folder: Path = FOLDER) -> list[str]:
    """The shipped models, in alphabetical order."""
    return sorted(card.parent.name for card in folder.glob("*/card.json"))


def load(name: str, folder: Path = FOLDER) -> ModelBundle:
    """A shipped model, its files checked against the card.

    Raises:
        ModelError: when there is no such model, or a file is missing or changed.
    """
    if name not in names(folder):
        raise ModelError(f"There is no model called “{name}”. There are: {', '.join(names(folder)) or 'none'}.")
    place = folder / name
    try:
        card = ModelCard.from_json((place / "card.json").read_text(encoding="utf-8"))
        keras_bytes, tflite_bytes = (place / "model.keras").read_bytes(), (place / "model.tflite").read_bytes()
    except OSError as error:
        raise ModelError(f"A file of the model “{name}” is missing. Fetch the project again.") from error
    if card.sha256 != sums(keras_bytes, tflite_bytes):
        raise ModelError(f"The files of the model “{name}” do not match its card. Fetch the project again.")
    return ModelBundle(card, keras_bytes, tflite_bytes)


def save(bundle: ModelBundle, place: Path) -> None:
    """Write a bundle's three files into a folder, which is made when missing."""
    place.mkdir(parents=True, exist_ok=True)
    (place / "model.keras").write_bytes(bundle.keras_bytes)
    (place / "model.tflite").write_bytes(bundle.tflite_bytes)
    (place / "card.json").write_text(bundle.card.to_json(), encoding="utf-8")


def sums(keras_bytes: bytes, tflite_bytes: bytes) -> dict[str, str]:
    """SHA-256 of both files, as the card holds them."""
    return {
        "model.keras": hashlib.sha256(keras_bytes).hexdigest(),
        "model.tflite": hashlib.sha256(tflite_bytes).hexdigest(),
    }


def better(first: ModelBundle, second: ModelBundle, samples: SampleSet) -> tuple[ModelBundle, str]:
    """The model that reads more of the user's samples; where that is a draw, more of MNIST's test digits.

    Returns:
        The better one, and the figures that decided, in one sentence.
    """
    right = [reads(bundle, samples) for bundle in (first, second)]
    if right[0] != right[1]:
        winner = first if right[0] > right[1] else second
        return winner, f"“{winner.name}”: it reads {max(right)} of your {len(samples)} drawings, the other {min(right)}."
    scores = [bundle.card.figures.get("mnist_accuracy", 0.0) for bundle in (first, second)]
    winner = first if scores[0] > scores[1] else second
    return winner, f"“{winner.name}”: {max(scores):.2%} of MNIST's test digits, the other {min(scores):.2%}."


def reads(bundle: ModelBundle, samples: SampleSet) -> int:
    """How many of the samples a model reads."""
    return int((bundle.predictor().probabilities(samples.digits).argmax(1) == samples.labels).sum())
