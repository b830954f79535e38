"""Model bundles: the contents of `model.keras`, `model.tflite` and `card.json` in memory."""

import hashlib
import json
import re
import reprlib
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import Any

from digitcore.errors import ModelError
from digitcore.predictor import Predictor

DEFAULT_CONFIDENCE_THRESHOLD = 0.5  # Used for models whose threshold was never measured.
METRICS_OF_SEVERAL_VALUES = ("mnist_interval", "pen_interval", "robustness", "mnist_c", "unsure_non_digits")
MAX_NAME = 40  # characters
NAME_PATTERN = rf"[\w.-](?:[\w .-]{{0,{MAX_NAME - 2}}}[\w.-])?"
NAME_HINT = "Use letters, digits, spaces, hyphens and dots."
MAX_COUNT = 1_000_000_000  # samples of one kind on a card


def is_valid_name(name: object) -> bool:
    """Check whether a model or a run may have this name.

    Args:
        name: Any object, for example a value of an untrusted file.

    Returns:
        True for 1 to 40 letters, digits, spaces and `-_.` without a space at either end.

    Example:
        >>> is_valid_name("run 1"), is_valid_name("a/b")
        (True, False)
    """
    return isinstance(name, str) and re.fullmatch(NAME_PATTERN, name) is not None


@dataclass(frozen=True)
class TrainingData:
    """The number of samples of each kind that a model was trained on.

    All counts are 0 for random weights, and for an imported model, whose training data is unknown.

    Attributes:
        drawings: Number of the user's drawings.
        mnist_digits: Number of MNIST training digits in an epoch.
        synthetic_digits: Number of synthetic digits in an epoch.
        pen_digits: Number of pen digits in an epoch.
        non_digits: Number of images in an epoch that show no digit.
        corrupted_share: Share of all images except the drawings that each epoch corrupts, 0 to 1.
        pupils: Number of pupils of a class who made the drawings, or 0 if the user made them.

    Example:
        >>> TrainingData(drawings=20, mnist_digits=500).n_samples
        520
    """

    drawings: int = 0
    mnist_digits: int = 0
    synthetic_digits: int = 0
    pen_digits: int = 0
    non_digits: int = 0
    corrupted_share: float = 0.0
    pupils: int = 0

    @property
    def n_samples(self) -> int:
        """Number of samples of all kinds."""
        return self.drawings + self.mnist_digits + self.synthetic_digits + self.pen_digits + self.non_digits

    @classmethod
    def from_dict(cls, values: Any) -> "TrainingData":
        """Read the counts of a card, which may be untrusted.

        Args:
            values: A dictionary of the attributes. Unknown names are ignored.

        Returns:
            The counts. A missing count is 0.

        Raises:
            ValueError: If `values` is not a dictionary, or a value has the wrong type or range.

        Example:
            >>> TrainingData.from_dict({"mnist_digits": 500}).mnist_digits
            500
        """
        if not isinstance(values, dict):
            raise ValueError(f"The training data of a card must be a JSON object, not {reprlib.repr(values)}.")
        known = {item.name: values[item.name] for item in fields(cls) if item.name in values}
        share = known.get("corrupted_share", 0.0)
        counts = [value for name, value in known.items() if name != "corrupted_share"]
        if not all(type(count) is int and 0 <= count <= MAX_COUNT for count in counts):
            raise ValueError(f"The counts of the training data must be whole numbers from 0 to {MAX_COUNT:,}.")
        if type(share) not in (int, float) or not 0 <= share <= 1:
            raise ValueError("The corrupted share of the training data must be a number from 0 to 1.")
        return cls(**known)


@dataclass(frozen=True, repr=False)
class ModelCard:
    """The description of a model: its training and its metrics.

    Attributes:
        name: Name of the model, as pages show it.
        network: Name of the architecture in `digitcore.models.networks`, or the JSON of a `NetworkSpec`.
        parameters: Number of weights.
        recipe: Name of the recipe in `digitcore.training.recipes` that trained the model, or "".
        parent: Name of the model that the training started from, or None.
        trained: Whether the model was trained. False for random weights.
        training_data: Number of samples of each kind that the model was trained on.
        settings: Settings of the last training, by name.
        history: Points of the learning curves of the last training.
        metrics: Measured values by name, such as `mnist_accuracy`, measured on the .tflite file.
        versions: Versions of the packages that trained the model, by name. `digitlab` is the version of this program's code.
        machine: Operating system and processor of the training.
        date: Date of the training, as YYYY-MM-DD.
        seconds: Duration of the training, in seconds.
        sha256: SHA-256 of each file, by file name.
        start_sha256: SHA-256 of the `model.keras` that the training started from, or "" if it is unknown.
        sample_hashes: Content hashes of the user's samples in the last training, as `SampleSet.digit_hashes` returns them.

    Example:
        >>> from digitcore import models
        >>> models.load("genius").card
        ModelCard('genius', network='genius', parameters=182826, trained=True, mnist_accuracy=0.9966)
    """

    name: str
    network: str
    parameters: int
    recipe: str = ""
    parent: str | None = None
    trained: bool = False
    training_data: TrainingData = TrainingData()
    settings: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    metrics: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    machine: str = ""
    date: str = ""
    seconds: float = 0.0
    sha256: dict[str, str] = field(default_factory=dict)
    start_sha256: str = ""
    sample_hashes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"ModelCard({self._summary()})"

    def _summary(self) -> str:
        """Return the most important attributes for a `repr` of one line."""
        accuracy = self.metrics.get("mnist_accuracy")
        return (
            f"{reprlib.repr(self.name)}, network={reprlib.repr(self.network)}, parameters={self.parameters}, "
            f"trained={self.trained}, mnist_accuracy={reprlib.repr(accuracy)}"
        )

    @property
    def confidence_threshold(self) -> float:
        """The probability below which a prediction counts as unsure, 0 to 1."""
        return float(self.metrics.get("confidence_threshold", DEFAULT_CONFIDENCE_THRESHOLD))

    def with_metrics(self, metrics: dict[str, Any]) -> "ModelCard":
        """Return a copy of the card with additional metrics.

        Args:
            metrics: Measured values by name. They replace the values of the same name.

        Returns:
            The new card. This card does not change.

        Example:
            >>> ModelCard("mine", "mlp", 238510).with_metrics({"mnist_errors": 200}).metrics
            {'mnist_errors': 200}
        """
        return replace(self, metrics=self.metrics | metrics)

    def to_json(self) -> str:
        """Return the card as an indented JSON object, with one line for each point of the history.

        Example:
            >>> ModelCard.from_json(ModelCard("mine", "mlp", 238510).to_json()).name
            'mine'
        """
        values = asdict(self)
        values["history"] = []
        text = json.dumps(values, indent=2, ensure_ascii=False)
        points = ",\n    ".join(json.dumps(point) for point in self.history)
        return text.replace('"history": []', f'"history": [\n    {points}\n  ]' if points else '"history": []') + "\n"

    @classmethod
    def from_json(cls, text: str) -> "ModelCard":
        """Read a card from JSON.

        Args:
            text: The content of a `card.json`. Unknown names are ignored.

        Returns:
            The card.

        Raises:
            ModelError: If the text is not the JSON of a card.

        Example:
            >>> ModelCard.from_json('{"name": "mine", "network": "mlp", "parameters": 238510}').network
            'mlp'
        """
        try:
            return cls.from_dict(json.loads(text))
        except (ValueError, TypeError, RecursionError) as error:
            raise ModelError("The model's card.json is damaged. Export or download the model again.") from error

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ModelCard":
        """Read a card from a dictionary of its attributes.

        Args:
            values: The attributes by name. Unknown names are ignored.

        Returns:
            The card.

        Raises:
            TypeError: If an attribute without a default is missing.
            ValueError: If the training data is malformed.

        Example:
            >>> ModelCard.from_dict({"name": "mine", "network": "mlp", "parameters": 238510}).trained
            False
        """
        known = {item.name: values[item.name] for item in fields(cls) if item.name in values}
        if "training_data" in known:
            known["training_data"] = TrainingData.from_dict(known["training_data"])
        return cls(**known)


@dataclass(frozen=True, eq=False, repr=False)
class ModelBundle:
    """A model in memory: its card and the contents of its two files.

    Attributes:
        card: Description of the model.
        keras_bytes: Content of `model.keras`, which Keras can train.
        tflite_bytes: Content of `model.tflite`, which predicts without Keras.

    Example:
        >>> from digitcore import models
        >>> models.load("mlp")
        ModelBundle('mlp', network='mlp', parameters=238510, trained=True, mnist_accuracy=0.9809)
    """

    card: ModelCard
    keras_bytes: bytes
    tflite_bytes: bytes

    def __repr__(self) -> str:
        return f"ModelBundle({self.card._summary()})"

    @property
    def name(self) -> str:
        """The name on the card."""
        return self.card.name

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the .tflite file. Models with the same hash give the same predictions."""
        return hashlib.sha256(self.tflite_bytes).hexdigest()

    @cached_property
    def key(self) -> str:
        """SHA-256 of both files together. It identifies the model under any name."""
        return hashlib.sha256(self.keras_bytes + self.tflite_bytes).hexdigest()

    def rename(self, name: str) -> "ModelBundle":
        """Return the same model under another name.

        Args:
            name: The new name.

        Returns:
            A bundle with the same files.

        Example:
            >>> from digitcore import models
            >>> models.load("mlp").rename("mine").name
            'mine'
        """
        return self.with_card(replace(self.card, name=name))

    def with_card(self, card: ModelCard) -> "ModelBundle":
        """Return the same files with another card.

        Args:
            card: The new card.

        Returns:
            A bundle with the same files.

        Example:
            >>> from digitcore import models
            >>> mlp = models.load("mlp")
            >>> mlp.with_card(mlp.card.with_metrics({"mnist_errors": 0})).card.metrics["mnist_errors"]
            0
        """
        return replace(self, card=card)

    def predictor(self, threads: int = 1) -> Predictor:
        """Load the .tflite file into a predictor, which takes a few milliseconds. Keep the predictor for further calls.

        Args:
            threads: Number of threads of a prediction.

        Returns:
            A predictor of this model.

        Raises:
            ModelError: If the .tflite file is damaged.

        Example:
            >>> import numpy as np
            >>> from digitcore import models
            >>> models.load("mlp").predictor().probabilities(np.zeros((3, 28, 28), np.uint8)).shape
            (3, 10)
        """
        return Predictor.load(self.tflite_bytes, threads)

    def __getstate__(self) -> dict[str, Any]:
        # The cached hashes are not sent to the worker.
        return {"card": self.card, "keras_bytes": self.keras_bytes, "tflite_bytes": self.tflite_bytes}


def checksums(keras_bytes: bytes, tflite_bytes: bytes) -> dict[str, str]:
    """Return the SHA-256 of both files of a model.

    Args:
        keras_bytes: Content of `model.keras`.
        tflite_bytes: Content of `model.tflite`.

    Returns:
        Hexadecimal SHA-256 by file name, as a card holds them.

    Example:
        >>> from digitcore import models
        >>> mlp = models.load("mlp")
        >>> checksums(mlp.keras_bytes, mlp.tflite_bytes) == mlp.card.sha256
        True
    """
    return {
        "model.keras": hashlib.sha256(keras_bytes).hexdigest(),
        "model.tflite": hashlib.sha256(tflite_bytes).hexdigest(),
    }
