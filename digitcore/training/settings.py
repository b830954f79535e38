"""Training settings. Each field carries its default, range, label and help: forms, the command line and docs read them here."""

import json
import reprlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from digitcore.errors import SettingsError
from digitcore.mnist import TRAINING_SIZE, VALIDATION_SIZE
from digitcore.training.setting_spec import SettingSpec

FINE_TUNE_DEFAULTS: dict[str, Any] = {
    "learning_rate": 5e-4,
    "schedule": "constant",
    "batch_size": 32,
    "weight_interpolation": 0.3,
}
FROM_SCRATCH_DEFAULTS: dict[str, Any] = {
    "learning_rate": 3e-3,
    "schedule": "cosine",
    "batch_size": 16,
    "weight_interpolation": 0.0,
}


def _setting(default: Any, label: str, help: str, **spec: Any) -> Any:
    return field(default=default, metadata={"spec": SettingSpec(label, help, **spec)})


@dataclass(frozen=True)
class TrainSettings:
    """How to train. The defaults are for fine-tuning a trained model on a few drawings.

    Raises:
        SettingsError: when a value is of the wrong type or out of range.
    """

    sample_weight: float = _setting(
        50.0,
        "Weight of my drawings",
        "At 1 × a drawing of yours counts as much as one MNIST digit; at 100 × it outweighs a hundred of them.",
        low=0.1,
        high=1000,
        widget="select_slider",
        options=(1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0),
        unit=" ×",
        is_advanced=False,
        sweep_values=(1.0, 5.0, 20.0, 50.0, 100.0),
    )
    mnist_samples: int = _setting(
        500,
        "MNIST examples added",
        "With 0 the network learns your hand alone and forgets others; with 55,000 it forgets little and takes minutes.",
        high=TRAINING_SIZE,
        is_integer=True,
        widget="select_slider",
        options=(0, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, TRAINING_SIZE),
        is_advanced=False,
        sweep_values=(0, 200, 500, 1000, 5000),
    )
    epochs: int = _setting(
        2,
        "Epochs",
        "How often everything is seen. 1 is quick and shallow; 20 learns your drawings by heart.",
        low=1,
        high=200,
        is_integer=True,
        widget="slider",
        options=tuple(range(1, 21)),
        is_advanced=False,
        sweep_values=(1, 2, 4, 8),
    )
    learning_rate: float | None = _setting(
        None,
        "Learning rate",
        "The size of a step. Too small learns nothing, too large forgets everything. Auto: 0.0005 for a model that can "
        "read, 0.003 falling to 0 from random weights.",
        low=1e-6,
        high=1.0,
        is_optional=True,
        widget="select_slider",
        options=(None, 1e-4, 2e-4, 5e-4, 1e-3, 3e-3, 1e-2),
        sweep_values=(1e-4, 5e-4, 1e-3, 3e-3),
    )
    batch_size: int | None = _setting(
        None,
        "Batch size",
        "Digits per step. Small: more, noisier steps. Auto: 32 for a model that can read, 16 from random weights.",
        low=1,
        high=1024,
        is_integer=True,
        is_optional=True,
        widget="select_slider",
        options=(None, 8, 16, 32, 64, 128, 256),
        sweep_values=(16, 32, 128),
    )
    weight_interpolation: float | None = _setting(
        None,
        "Keep old weights (share)",
        "Share of the old weights mixed back in at the end: 0 learns most, 0.9 hardly changes anything. "
        "Auto: 0.3 for a model that can read, 0 from random weights.",
        high=0.95,
        is_optional=True,
        widget="select_slider",
        options=(None, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
        sweep_values=(0.0, 0.3, 0.6),
    )
    oversample: str = _setting(
        "",
        "Oversample digits",
        "They make up half of the MNIST digits: 7 and 9, say, where those are confused.",
        widget="pills",
        options=tuple(range(10)),
        sweep_values=("", "79"),
    )
    corrupted_share: float = _setting(
        0.0,
        "Corrupt MNIST digits (share)",
        "So many are noisy, blurred, half hidden, pale, crossed by a line or turned, others in each epoch. Helps with poor "
        "pictures; needs many digits and epochs.",
        high=1,
        widget="select_slider",
        options=(0.0, 0.1, 0.2, 0.3, 0.5),
        sweep_values=(0.0, 0.1, 0.3),
    )
    noise: str = _setting(
        "none",
        "Noise",
        "Added to every MNIST digit, to a different degree in each epoch.",
        choices=("none", "salt-pepper", "gaussian"),
    )
    redraws: int = _setting(
        8,
        "Redraw my drawings",
        "Each is learnt in so many variants, drawn anew from its strokes with another slant, width and brush, that together "
        "have its weight. 1 learns the drawing alone; at most 640 are drawn for all drawings together.",
        low=1,
        high=32,
        is_integer=True,
        widget="select_slider",
        options=(1, 4, 8, 16),
        sweep_values=(1, 4, 8, 16),
    )
    seed: int = _setting(
        0,
        "Seed",
        "The same seed draws the same MNIST digits in the same order.",
        high=2**31 - 1,
        is_integer=True,
        widget="number_input",
    )
    augment: bool = _setting(
        False,
        "Augment MNIST and synthetic digits",
        "Random rotation, shear, scale, shift and elastic distortion, different in each epoch.",
        choices=(True, False),
    )
    synthetic_samples: int = _setting(
        0,
        "Synthetic digits",
        "Digits drawn by code in the forms that MNIST lacks.",
        high=100_000,
        is_integer=True,
        sweep_values=(0, 1000, 5000),
    )
    non_digit_samples: int = _setting(
        0,
        "Non-digits",
        "Images of no digit, whose target is a tenth of each class.",
        high=100_000,
        is_integer=True,
        sweep_values=(0, 500, 2000),
    )
    schedule: str = _setting(
        "auto",
        "Learning-rate schedule",
        "constant, cosine (falls to 0), triangular (rises for a quarter of the steps, then falls), or auto: constant for "
        "a trained model, cosine from random weights.",
        choices=("auto", "constant", "cosine", "triangular"),
    )
    beta_2: float = _setting(
        0.999,
        "Adam's beta 2",
        "Decay rate of the second-moment estimate.",
        low=0.9,
        high=0.9999,
        sweep_values=(0.99, 0.999),
    )
    ema_momentum: float = _setting(
        0.0,
        "Weight averaging",
        "Momentum of the exponential moving average of the weights that the model ends with; 0 takes the last weights.",
        high=0.9999,
        sweep_values=(0.0, 0.9, 0.99),
    )
    label_smoothing: float = _setting(
        0.0,
        "Label smoothing",
        "Share of each target that is spread over all ten classes.",
        high=0.5,
        sweep_values=(0.0, 0.05, 0.1),
    )
    validation_samples: int = _setting(
        1000,
        "Validation digits",
        "Digits of MNIST's validation part that are evaluated after each epoch.",
        low=100,
        high=VALIDATION_SIZE,
        is_integer=True,
    )

    def __post_init__(self) -> None:
        for name, spec in SETTING_SPECS.items():
            if name != "oversample":
                spec.check(name, getattr(self, name))
        if not isinstance(self.oversample, str) or set(self.oversample) - set("0123456789"):
            raise SettingsError(f"oversample must be digits such as 79, not {reprlib.repr(self.oversample)}.")

    def to_json(self) -> str:
        """A JSON object."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "TrainSettings":
        """Read JSON; what is left out keeps its default.

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
        """Read names and values; what is left out keeps its default.

        Raises:
            SettingsError: on an unknown name or a value out of range.
        """
        if not isinstance(values, dict):
            raise SettingsError("Settings must be a JSON object of names and values.")
        if unknown := set(values) - set(SETTING_SPECS):
            raise SettingsError(f"There is no setting called {', '.join(sorted(unknown))}.")
        return cls(**values)

    def resolved(self, is_trained: bool) -> "TrainSettings":
        """Fill None and "auto" with defaults, by whether the training starts from a trained model."""
        defaults = FINE_TUNE_DEFAULTS if is_trained else FROM_SCRATCH_DEFAULTS
        return self.replace(**{name: value for name, value in defaults.items() if getattr(self, name) in (None, "auto")})

    def replace(self, **values: Any) -> "TrainSettings":
        """The same settings but for these."""
        return replace(self, **values)


SETTING_SPECS: dict[str, SettingSpec] = {item.name: item.metadata["spec"] for item in fields(TrainSettings)}
DEFAULTS: dict[str, Any] = {item.name: item.default for item in fields(TrainSettings)}


def differing_names(settings: Iterable[TrainSettings]) -> list[str]:
    """The names of the settings in which these are not all the same."""
    every = list(settings)
    return [name for name in SETTING_SPECS if len({getattr(one, name) for one in every}) > 1]
