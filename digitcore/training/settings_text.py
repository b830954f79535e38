"""Settings as text: on the command line, in addresses and as a table."""

import json
from collections.abc import Iterable
from typing import Any

from digitcore.errors import SettingsError
from digitcore.training.setting_spec import SettingSpec
from digitcore.training.settings import DEFAULTS, SETTING_SPECS


def parse_values(pairs: Iterable[str]) -> dict[str, str]:
    """Split NAME=VALUE texts of the command line.

    Raises:
        SettingsError: when one is no such pair, or its name is no setting's.
    """
    values = split_pairs(pairs)
    if unknown := set(values) - set(SETTING_SPECS):
        raise SettingsError(f"There is no setting called {', '.join(sorted(unknown))}. “digitlab settings” lists them.")
    return values


def split_pairs(pairs: Iterable[str]) -> dict[str, str]:
    """Names and values of NAME=VALUE texts.

    Raises:
        SettingsError: when one is no such pair.
    """
    for pair in pairs:
        if "=" not in pair:
            raise SettingsError(f"“{pair}” is not NAME=VALUE.")
    return dict(pair.split("=", 1) for pair in pairs)


def parse_value(name: str, text: str) -> Any:
    """A setting's value from the command line or an address: JSON, or else text."""
    if isinstance(DEFAULTS[name], str):
        return text
    try:
        return json.loads(text, parse_int=int if SETTING_SPECS[name].is_integer else float)
    except ValueError:
        return text


def as_markdown() -> str:
    """A table of the settings with their defaults and ranges."""
    rows = [
        f"| `{name}` | `{DEFAULTS[name]!r}` | {_describe_range(spec)} | {spec.label}. {spec.help} |"
        for name, spec in SETTING_SPECS.items()
    ]
    return "\n".join(["| setting | default | range | meaning |", "| --- | --- | --- | --- |", *rows])


def _describe_range(spec: SettingSpec) -> str:
    if spec.choices:
        return ", ".join(map(str, spec.choices))
    if spec.widget == "pills":
        return "digits, such as `79`"
    return f"{spec.low:,g} to {spec.high:,.10g}{' or None' * spec.is_optional}"
