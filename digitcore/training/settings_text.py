"""Settings as text: on the command line and in addresses."""

import json
from collections.abc import Iterable
from typing import Any

from digitcore.errors import SettingsError
from digitcore.training.settings import DEFAULTS, SETTING_SPECS


def parse_values(pairs: Iterable[str]) -> dict[str, str]:
    """Split NAME=VALUE texts of the command line.

    Raises:
        SettingsError: when one is no such pair, or its name is no setting's.
    """
    values = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or name not in SETTING_SPECS:
            raise SettingsError(f"“{pair}” is not NAME=VALUE with a setting's name.")
        values[name] = value
    return values


def parse_value(name: str, text: str) -> Any:
    """A setting's value from the command line or an address: JSON, or else text."""
    if isinstance(DEFAULTS[name], str):
        return text
    try:
        return json.loads(text, parse_int=int if SETTING_SPECS[name].is_integer else float)
    except ValueError:
        return text
