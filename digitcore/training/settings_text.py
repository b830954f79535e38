"""Settings as text: on the command line, in a URL and as a table."""

import json
from collections.abc import Iterable
from typing import Any

from digitcore.errors import SettingsError
from digitcore.training.setting_spec import SettingSpec
from digitcore.training.settings import DEFAULTS, SETTING_SPECS


def parse_values(pairs: Iterable[str]) -> dict[str, str]:
    """Split the NAME=VALUE arguments of the command line and check the names.

    Args:
        pairs: Texts such as `epochs=3`.

    Returns:
        Setting name → text of its value.

    Raises:
        SettingsError: If a text is not NAME=VALUE, or no setting has the name.

    Example:
        >>> parse_values(["epochs=3", "noise=gaussian"])
        {'epochs': '3', 'noise': 'gaussian'}
    """
    values = split_pairs(pairs)
    if unknown := set(values) - set(SETTING_SPECS):
        raise SettingsError(f"There is no setting called {', '.join(sorted(unknown))}. “digitlab settings” lists all settings.")
    return values


def split_pairs(pairs: Iterable[str]) -> dict[str, str]:
    """Split NAME=VALUE texts at the first equals sign.

    Args:
        pairs: Texts such as `epochs=3`.

    Returns:
        Name → text of its value.

    Raises:
        SettingsError: If a text is not NAME=VALUE.

    Example:
        >>> split_pairs(["activation=relu,tanh"])
        {'activation': 'relu,tanh'}
    """
    for pair in pairs:
        if "=" not in pair:
            raise SettingsError(f"“{pair}” is not NAME=VALUE. Write a setting as epochs=3.")
    return dict(pair.split("=", 1) for pair in pairs)


def parse_value(name: str, text: str) -> Any:
    """Convert the text of a setting's value to the type of the setting.

    Args:
        name: Name of a setting.
        text: Text from the command line or a URL.

    Returns:
        The value. A text that is not JSON is returned unchanged, so that `TrainSettings` can raise an error for it.

    Example:
        >>> parse_value("epochs", "3")
        3
        >>> parse_value("oversample", "79")
        '79'
    """
    if isinstance(DEFAULTS[name], str):
        return text
    try:
        return json.loads(text, parse_int=int if SETTING_SPECS[name].is_integer else float)
    except ValueError:
        return text


def as_markdown() -> str:
    """Return a Markdown table of all settings with their defaults and ranges.

    Example:
        >>> as_markdown().splitlines()[0]
        '| setting | default | range | meaning |'
    """
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
