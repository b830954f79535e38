"""What goes into a training and what comes out: plain data, so that the server needs no Keras to hold it."""

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from digitcore.errors import SettingsError

if TYPE_CHECKING:
    from digitcore.models import ModelBundle

MNIST_TRAINING = 55_000  # digits to choose from: MNIST's training part less the validation digits
SCHEDULES = ("auto", "constant", "cosine", "triangular")
NOISES = ("none", "salt-pepper", "gaussian")

RANGES: dict[str, tuple[float, float]] = {
    "sample_weight": (0.1, 1000),
    "mnist_samples": (0, MNIST_TRAINING),
    "drawn_samples": (0, 100_000),
    "strange_samples": (0, 100_000),
    "epochs": (1, 200),
    "batch_size": (1, 1024),
    "learning_rate": (1e-6, 1.0),
    "beta_2": (0.9, 0.9999),
    "label_smoothing": (0.0, 0.5),
    "gentle": (0.0, 0.95),
    "validation_samples": (100, 5000),
    "seed": (0, 2**31 - 1),
}
_SWITCH = (True, False)
CHOSEN = ("learning_rate", "batch_size", "gentle")  # may be None: chosen by what the training starts from
WHOLE = ("mnist_samples", "drawn_samples", "strange_samples", "epochs", "batch_size", "validation_samples", "seed")
FOR_TRAINED = {"learning_rate": 5e-4, "schedule": "constant", "batch_size": 32, "gentle": 0.3}
FOR_RANDOM = {"learning_rate": 3e-3, "schedule": "cosine", "batch_size": 16, "gentle": 0.0}


@dataclass(frozen=True)
class TrainSettings:
    """How to train. The defaults are for teaching a few drawings to a model that can already read.

    Attributes:
        sample_weight: how many MNIST digits one of the user's samples counts for.
        mnist_samples: random MNIST digits mixed in, so that the lesson does not cost what was known before.
        drawn_samples: digits drawn by code mixed in (see `digitcore.handwriting`).
        strange_samples: pictures that are no digit mixed in, labelled a tenth of each (see `digitcore.nondigits`).
        epochs: how often everything is seen.
        batch_size: digits per step, or None to choose by what is taught: 32 for a trained model, 16 from random weights.
        learning_rate: Adam's step size, or None to choose by what is taught: 5e-4 for a trained model, 3e-3 from random weights.
        schedule: how the step size changes: constant, cosine (falls to 0), triangular (rises for a quarter, then falls),
            or auto: constant for a trained model, cosine from random weights.
        beta_2: Adam's memory of squared gradients.
        label_smoothing: share of each label that is spread over all ten.
        augment: shift, turn, stretch and slant the MNIST and the drawn digits a little, differently in each epoch.
        focus: digits, such as "79", that make up half of the MNIST digits mixed in; "" for no digit in particular.
        gentle: share of the old weights mixed back into the taught ones: forgets less, learns less. None: 0.3 for a trained
            model, 0 from random weights.
        augment_samples: shift, turn and stretch the user's samples a little, differently in each epoch.
        noise: none, or what is added to the MNIST digits, each to a random degree, differently in each epoch.
        validation_samples: digits of MNIST's validation part that are scored after each epoch.
        seed: of everything random.
    """

    sample_weight: float = 50.0
    mnist_samples: int = 500
    drawn_samples: int = 0
    strange_samples: int = 0
    epochs: int = 2
    batch_size: int | None = None
    learning_rate: float | None = None
    schedule: str = "auto"
    beta_2: float = 0.999
    label_smoothing: float = 0.0
    focus: str = ""
    gentle: float | None = None
    augment: bool = False
    augment_samples: bool = False
    noise: str = "none"
    validation_samples: int = 1000
    seed: int = 0

    def __post_init__(self):
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if value is None and name in CHOSEN:
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
                raise SettingsError(f"{name} must lie between {low:g} and {high:g}, not {value!r}.")
            if name in WHOLE and value != int(value):
                raise SettingsError(f"{name} must be a whole number, not {value!r}.")
        for name, choices in (("schedule", SCHEDULES), ("noise", NOISES), ("augment", _SWITCH), ("augment_samples", _SWITCH)):
            if getattr(self, name) not in choices:
                raise SettingsError(f"{name} must be one of {', '.join(map(str, choices))}, not {getattr(self, name)!r}.")

        if not isinstance(self.focus, str) or set(self.focus) - set("0123456789"):
            raise SettingsError(f"focus must be digits such as 79, not {self.focus!r}.")

    def to_json(self) -> str:
        """As a JSON object."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "TrainSettings":
        """Back from JSON; what is left out keeps its default.

        Raises:
            SettingsError: on an unknown name or a value out of range.
        """
        try:
            values = json.loads(text)
        except ValueError as error:
            raise SettingsError(f"These settings are not JSON: {error}.") from error
        return cls.from_dict(values)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TrainSettings":
        """From names and values."""
        if not isinstance(values, dict):
            raise SettingsError("Settings must be a JSON object of names and values.")
        if unknown := set(values) - {field.name for field in fields(cls)}:
            raise SettingsError(f"There is no setting called {', '.join(sorted(unknown))}.")
        return cls(**values)

    def settled(self, trained: bool) -> "TrainSettings":
        """With everything chosen that was left open, by whether the training starts from a trained model."""
        chosen = FOR_TRAINED if trained else FOR_RANDOM
        return self.changed(**{name: value for name, value in chosen.items() if getattr(self, name) in (None, "auto")})

    def changed(self, **values) -> "TrainSettings":
        """The same settings but for these."""
        return replace(self, **values)


Point = dict[str, float]
"""One point of a training's curves: `epoch` (0 is before training, fractions are batches), `seen` (digits), `seconds`,
and of these what is known there: `loss`, `accuracy`, `val_loss`, `val_accuracy`."""


@dataclass(frozen=True)
class Score:
    """How many digits a model reads, and where the true share lies with 95 % confidence (0 to 1)."""

    correct: int
    of: int
    interval: tuple[float, float] = (0.0, 1.0)

    @property
    def share(self) -> float:
        """0 to 1; 0 when nothing was asked."""
        return self.correct / self.of if self.of else 0.0


@dataclass(frozen=True, eq=False)
class Run:
    """One training: settings in, model and curves out.

    Attributes:
        model: what was trained, as a bundle.
        history: the points of its curves, oldest first.
        settings: as asked for.
        parent: name of the model it started from.
        seconds: how long the training took, without the scoring after it.
        stopped: True when it was stopped before the last epoch.
        state: of a stopped run, what it goes on from: the model with the optimizer's state, as bytes of a .keras file.
        before, after: MNIST's test digits read by the parent and by the model.
        yours_before, yours_after: the user's samples read by the parent and by the model: the held-out ones, which neither
            learnt from in this run, or where there are none, those that were learnt.
        on_held_out: whether those are held-out ones.
    """

    model: "ModelBundle"
    history: list[Point]
    settings: TrainSettings
    parent: str
    seconds: float
    stopped: bool = False
    state: bytes | None = None
    before: Score | None = None
    after: Score | None = None
    yours_before: Score | None = None
    yours_after: Score | None = None
    on_held_out: bool = False


def differences(settings: list[TrainSettings]) -> list[str]:
    """The names of the settings in which these are not all the same."""
    return [field.name for field in fields(TrainSettings) if len({getattr(one, field.name) for one in settings}) > 1]
