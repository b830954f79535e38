"""Training settings. Each field holds its default, range, label and help for forms, the command line and the documentation."""

import json
import reprlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from digitcore.errors import SettingsError
from digitcore.mnist import TRAINING_SIZE, VALIDATION_SIZE
from digitcore.training.setting_spec import SettingSpec

SGD_MOMENTUM = 0.9
SGD_RATE_FACTOR = 10  # SGD needs a higher learning rate than Adam, which divides by the size of the gradients.
ADAMW_DECAY = 0.004  # the default of Keras's AdamW

FINE_TUNE_DEFAULTS: dict[str, Any] = {
    "learning_rate": 5e-4,
    "schedule": "constant",
    "batch_size": 32,
    "weight_interpolation": 0.5,
}
FROM_SCRATCH_DEFAULTS: dict[str, Any] = {
    "learning_rate": 3e-3,
    "schedule": "cosine",
    "batch_size": 16,
    "weight_interpolation": 0.0,
}


def _setting(default: Any, label: str, help: str, **spec: Any) -> Any:
    return field(default=default, metadata={"spec": SettingSpec(label, help, **spec)})


@dataclass(frozen=True, repr=False)
class TrainSettings:
    """The settings of one training. The defaults are for fine-tuning a trained model on a few drawings.

    The object is immutable. Each field is described in `SETTING_SPECS`.

    Raises:
        SettingsError: If a value has the wrong type or is out of range.

    Example:
        >>> TrainSettings(epochs=5, augment=True)
        TrainSettings(epochs=5, augment=True)
        >>> TrainSettings().mnist_samples
        500
    """

    sample_weight: float = _setting(
        50.0,
        "Weight of my drawings",
        "Each drawing counts as much as this number of MNIST digits.",
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
        "MNIST digits added",
        "More MNIST digits keep the model accurate for other people's digits and make the training slower.",
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
        "Number of passes over all training digits; many epochs can overfit your drawings.",
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
        "Step size of the optimizer; auto is 0.0005 when fine-tuning a trained model and 0.003 when training from scratch, and "
        "ten times as much with SGD.",
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
        "Number of digits in a training step; auto is 32 when fine-tuning a trained model and 16 when training from scratch.",
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
        "Share of old weights",
        "Share of the initial weights in the weighted mean that the model ends with; auto is 0.5 when fine-tuning a trained "
        "model and 0 when training from scratch.",
        high=0.95,
        is_optional=True,
        widget="select_slider",
        options=(None, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
        sweep_values=(0.0, 0.3, 0.6),
    )
    optimizer: str = _setting(
        "adam",
        "Optimizer",
        f"Adam, AdamW (Adam with weight decay), or SGD with a momentum of {SGD_MOMENTUM}.",
        choices=("adam", "adamw", "sgd"),
        widget="segmented_control",
    )
    weight_decay: float | None = _setting(
        None,
        "Weight decay",
        f"Share of each weight that a step subtracts, multiplied by the learning rate; auto is {ADAMW_DECAY} with AdamW and 0 "
        "with Adam and SGD.",
        high=1,
        is_optional=True,
        widget="select_slider",
        options=(None, 0.0, 1e-4, 1e-3, 4e-3, 1e-2, 1e-1),
        sweep_values=(0.0, 1e-3, 1e-2),
    )
    early_stopping: int = _setting(
        0,
        "Early stopping",
        "Number of epochs without a lower validation loss after which the training ends; with 0 it trains all epochs.",
        high=100,
        is_integer=True,
        widget="select_slider",
        options=(0, 1, 2, 3, 5, 10),
        sweep_values=(0, 2, 5),
    )
    oversample: str = _setting(
        "",
        "Oversampled digits",
        "Half of the MNIST digits are drawn from these classes, for example 7 and 9 if the model confuses them.",
        widget="pills",
        options=tuple(range(10)),
        sweep_values=("", "79"),
    )
    corrupted_share: float = _setting(
        0.0,
        "Share of corrupted digits",
        "Each epoch corrupts a different random share of all images except my drawings; the model becomes robust, but needs many "
        "digits and epochs.",
        high=1,
        widget="select_slider",
        options=(0.0, 0.1, 0.2, 0.3, 0.5),
        sweep_values=(0.0, 0.1, 0.3),
    )
    noise: str = _setting(
        "none",
        "Noise",
        "Noise added to the MNIST digits, with a random level for each digit in each epoch.",
        choices=("none", "salt-pepper", "gaussian"),
        widget="segmented_control",
    )
    redraws: int = _setting(
        8,
        "Variants of my drawings",
        "Number of variants of each drawing, with random slant, width and brush, that share its weight; all drawings together "
        "get at most 640.",
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
        "Trainings with the same seed use the same MNIST digits in the same order.",
        high=2**31 - 1,
        is_integer=True,
        widget="number_input",
    )
    augment: bool = _setting(
        False,
        "Augmentation",
        "Each epoch applies a different random rotation, shear, scale, shift and elastic distortion to each MNIST digit, "
        "synthetic digit and non-digit.",
        choices=(True, False),
    )
    synthetic_samples: int = _setting(
        0,
        "Synthetic digits",
        "Number of generated digits in an epoch, in handwriting styles that MNIST lacks.",
        high=100_000,
        is_integer=True,
        sweep_values=(0, 1000, 5000),
    )
    pen_samples: int = _setting(
        0,
        "Pen digits",
        "Number of digits in an epoch from the pen drawings of 24 writers, painted with a different random style in each epoch.",
        high=100_000,
        is_integer=True,
        sweep_values=(0, 1000, 5000),
    )
    non_digit_samples: int = _setting(
        0,
        "Non-digits",
        "Number of images in an epoch that show no digit; their target is the same probability for all ten classes.",
        high=100_000,
        is_integer=True,
        sweep_values=(0, 500, 2000),
    )
    schedule: str = _setting(
        "auto",
        "Learning-rate schedule",
        "Course of the learning rate: `cosine` falls to nearly 0, `triangular` rises for a quarter of the steps and then "
        "falls, and `auto` is `constant` when fine-tuning a trained model and `cosine` when training from scratch.",
        choices=("auto", "constant", "cosine", "triangular"),
    )
    beta_2: float = _setting(
        0.999,
        "Adam's beta 2",
        "Decay rate of the second-moment estimate of Adam and AdamW.",
        low=0.9,
        high=0.9999,
        sweep_values=(0.99, 0.999),
    )
    ema_momentum: float = _setting(
        0.0,
        "Weight averaging",
        "Momentum of the exponential moving average of the weights; with 0 the model ends with the last weights.",
        high=0.9999,
        sweep_values=(0.0, 0.9, 0.99),
    )
    label_smoothing: float = _setting(
        0.0,
        "Label smoothing",
        "Share of each target that is spread evenly over all ten classes.",
        high=0.5,
        sweep_values=(0.0, 0.05, 0.1),
    )
    validation_samples: int = _setting(
        1000,
        "Validation digits",
        "Number of MNIST validation digits on which the model is evaluated after each epoch.",
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

    def __repr__(self) -> str:
        """Return the call that makes these settings: only values that differ from the defaults are named."""
        changed = [f"{name}={value!r}" for name, value in asdict(self).items() if value != DEFAULTS[name]]
        return f"TrainSettings({', '.join(changed)})"

    def to_json(self) -> str:
        """Return all settings as a JSON object.

        Example:
            >>> TrainSettings(epochs=5).to_json()[:40]
            '{"sample_weight": 50.0, "mnist_samples":'
        """
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "TrainSettings":
        """Read settings from JSON.

        Args:
            text: A JSON object. A setting that is missing gets its default.

        Returns:
            The settings.

        Raises:
            SettingsError: If the text is not JSON, a name is unknown or a value is out of range.

        Example:
            >>> TrainSettings.from_json('{"epochs": 5}')
            TrainSettings(epochs=5)
        """
        try:
            values = json.loads(text)
        except ValueError as error:
            raise SettingsError(f'The settings are not JSON: {error}. Use a JSON object such as {{"epochs": 3}}.') from error
        return cls.from_dict(values)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TrainSettings":
        """Read settings from a dictionary.

        Args:
            values: Setting name → value. A setting that is missing gets its default.

        Returns:
            The settings.

        Raises:
            SettingsError: If a name is unknown or a value is out of range.

        Example:
            >>> TrainSettings.from_dict({"epochs": 5})
            TrainSettings(epochs=5)
        """
        if not isinstance(values, dict):
            raise SettingsError('Settings must be a JSON object of names and values, such as {"epochs": 3}.')
        if unknown := set(values) - set(SETTING_SPECS):
            raise SettingsError(
                f"There is no setting called {', '.join(sorted(unknown))}. “digitlab settings” lists all settings."
            )
        return cls(**values)

    def resolved(self, is_trained: bool) -> "TrainSettings":
        """Return a copy without None and "auto". Their defaults depend on the initial model and the optimizer.

        Args:
            is_trained: Whether the training starts from a trained model.

        Returns:
            The settings that the training uses.

        Example:
            >>> TrainSettings().resolved(is_trained=True).learning_rate
            0.0005
            >>> TrainSettings().resolved(is_trained=False).learning_rate
            0.003
        """
        defaults = (FINE_TUNE_DEFAULTS if is_trained else FROM_SCRATCH_DEFAULTS) | {
            "weight_decay": ADAMW_DECAY if self.optimizer == "adamw" else 0.0
        }
        if self.optimizer == "sgd":
            defaults["learning_rate"] *= SGD_RATE_FACTOR
        return self.replace(**{name: value for name, value in defaults.items() if getattr(self, name) in (None, "auto")})

    @property
    def n_optimizer_slots(self) -> int:
        """Number of values that the optimizer keeps for each weight.

        Example:
            >>> TrainSettings().n_optimizer_slots, TrainSettings(optimizer="sgd").n_optimizer_slots
            (2, 1)
        """
        return (1 if self.optimizer == "sgd" else 2) + (self.ema_momentum > 0)

    def replace(self, **values: Any) -> "TrainSettings":
        """Return a copy with some settings changed.

        Args:
            **values: Setting name → new value.

        Raises:
            SettingsError: If a value has the wrong type or is out of range.

        Example:
            >>> TrainSettings(epochs=5).replace(seed=1)
            TrainSettings(epochs=5, seed=1)
        """
        return replace(self, **values)


SETTING_SPECS: dict[str, SettingSpec] = {item.name: item.metadata["spec"] for item in fields(TrainSettings)}
DEFAULTS: dict[str, Any] = {item.name: item.default for item in fields(TrainSettings)}


def differing_names(settings: Iterable[TrainSettings]) -> list[str]:
    """Return the names of the settings that differ.

    Args:
        settings: Any number of settings.

    Returns:
        The names in the order of the fields.

    Example:
        >>> differing_names([TrainSettings(), TrainSettings(epochs=5, seed=1)])
        ['epochs', 'seed']
    """
    compared = list(settings)
    return [name for name in SETTING_SPECS if len({getattr(item, name) for item in compared}) > 1]
