"""The description of a training setting: its texts, its range and how a form shows it."""

import reprlib
from dataclasses import dataclass
from typing import Any, Literal

from digitcore.errors import SettingsError

Widget = Literal["select_slider", "slider", "pills", "segmented_control", "toggle", "number_input"]


@dataclass(frozen=True)
class SettingSpec:
    """The description of one setting, from which forms, the command line and the documentation are made.

    Attributes:
        label: Noun that the form shows.
        help: One sentence that explains the setting.
        low: Lowest valid number.
        high: Highest valid number.
        choices: The only valid values. If empty, the range holds.
        is_integer: Whether only whole numbers are valid.
        is_optional: Whether None is valid. None is replaced by a default that depends on the initial model.
        widget: Widget of the form. None hides the setting from the form; recipes and the command line can still use it.
        options: Values that the form offers.
        unit: Text that follows the value in the form.
        is_advanced: Whether the form hides the setting at first.
        sweep_values: Values that a sweep offers. If empty, a sweep offers the choices.

    Example:
        >>> SettingSpec("Epochs", "Number of passes over the training set.", low=1, high=200, is_integer=True).is_optional
        False
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
        """Check that a value is valid.

        Args:
            name: Name of the setting, for the message.
            value: Any object.

        Raises:
            SettingsError: If the value has the wrong type or is out of range.

        Example:
            >>> SettingSpec("Epochs", "Number of passes.", low=1, high=200, is_integer=True).check("epochs", 0)
            Traceback (most recent call last):
            ...
            digitcore.errors.SettingsError: epochs must lie between 1 and 200, not 0.
        """
        if value is None and self.is_optional:
            return
        if self.choices:
            if not any(value is choice or (value == choice and type(value) is type(choice)) for choice in self.choices):
                raise SettingsError(f"{name} must be one of {', '.join(map(str, self.choices))}, not {reprlib.repr(value)}.")
            return
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not self.low <= value <= self.high:
            raise SettingsError(f"{name} must lie between {self.low:,g} and {self.high:,.10g}, not {reprlib.repr(value)}.")
        if self.is_integer and value != int(value):
            raise SettingsError(f"{name} must be a whole number, not {reprlib.repr(value)}.")
