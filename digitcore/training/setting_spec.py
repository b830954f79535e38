"""What is known of a training setting beside its value."""

import reprlib
from dataclasses import dataclass
from typing import Any, Literal

from digitcore.errors import SettingsError

Widget = Literal["select_slider", "slider", "pills", "segmented_control", "toggle", "number_input"]


@dataclass(frozen=True)
class SettingSpec:
    """What is known of a setting beside its value.

    Attributes:
        label: shown to people.
        help: one or two sentences.
        low, high: range of a number, both included.
        choices: the only values; empty where a range holds.
        is_integer: whether only whole numbers are valid.
        is_optional: whether None is valid: resolved by what the training starts from.
        widget: of the form; None for a setting that only recipes and the command line use.
        options: the values that the form offers.
        unit: follows the value in the form.
        is_advanced: whether the form hides it at first.
        sweep_values: the values that a sweep offers; empty where it offers the choices.
    """

    label: str
    help: str
    low: float = 0
    high: float = 0
    choices: tuple[Any, ...] = ()
    is_integer: bool = False
    is_optional: bool = False
    widget: Widget | None = None
    options: tuple[Any, ...] = ()
    unit: str = ""
    is_advanced: bool = True
    sweep_values: tuple[Any, ...] = ()

    def check(self, name: str, value: object) -> None:
        """Validate a value.

        Raises:
            SettingsError: when it is of the wrong type or out of range.
        """
        if value is None and self.is_optional:
            return
        if self.choices:
            if not any(value is choice or (value == choice and type(value) is type(choice)) for choice in self.choices):
                raise SettingsError(f"{name} must be one of {', '.join(map(str, self.choices))}, not {reprlib.repr(value)}.")
            return
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not self.low <= value <= self.high:
            raise SettingsError(f"{name} must lie between {self.low:g} and {self.high:g}, not {reprlib.repr(value)}.")
        if self.is_integer and value != int(value):
            raise SettingsError(f"{name} must be a whole number, not {reprlib.repr(value)}.")
