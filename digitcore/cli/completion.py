"""Shell completion of models, recipes, settings and parameters. Click completes the commands and the options."""

from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem

from digitcore.models import registry
from digitcore.sweeps import space as parameter_space
from digitcore.training.recipes import NETWORKS, RECIPES
from digitcore.training.settings import SETTING_SPECS


def complete_models(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the shipped models that begin with a text, and an item that makes the shell add files.

    Args:
        ctx: Context of the command, which is not used.
        param: Parameter of the command, which is not used.
        incomplete: The text.

    Returns:
        The completions.

    Example:
        >>> [item.value for item in complete_models(None, None, "gen")]
        ['genius', 'gen']
    """
    return [*_items(registry.names(), incomplete), CompletionItem(incomplete, type="file")]


def complete_recipes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the recipes that begin with a text.

    Args:
        ctx: Context of the command, which is not used.
        param: Parameter of the command, which is not used.
        incomplete: The text.

    Returns:
        The completions.

    Example:
        >>> [item.value for item in complete_recipes(None, None, "ml")]
        ['mlp']
    """
    return _items(RECIPES, incomplete)


def complete_settings(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the settings that begin with a text. After the equals sign, return the values of a setting that has choices.

    Args:
        ctx: Context of the command, which is not used.
        param: Parameter of the command, which is not used.
        incomplete: The text.

    Returns:
        The completions.

    Example:
        >>> [item.value for item in complete_settings(None, None, "ep")]
        ['epochs=']
        >>> [item.value for item in complete_settings(None, None, "noise=g")]
        ['noise=gaussian']
    """
    return _items(_pairs(list(SETTING_SPECS), incomplete), incomplete)


def complete_parameters(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the parameters of a sweep that begin with a text. After the equals sign, return the choices of the parameter.

    Args:
        ctx: Context of the command, which is not used.
        param: Parameter of the command, which is not used.
        incomplete: The text.

    Returns:
        The completions.

    Example:
        >>> [item.value for item in complete_parameters(None, None, "net")]
        ['network=']
    """
    names = [*parameter_space.parameters(), parameter_space.NETWORK, parameter_space.ACTIVATION]
    return _items(_pairs(names, incomplete), incomplete)


def _pairs(names: list[str], incomplete: str) -> list[str]:
    name, equals, _ = incomplete.partition("=")
    if not equals:
        return [f"{known}=" for known in names]
    if name == parameter_space.NETWORK:
        return [f"{name}={network}" for network in NETWORKS]
    spec = SETTING_SPECS.get(name)
    return [f"{name}={parameter_space.to_text([choice])}" for choice in (spec.choices if spec else ())]


def _items(values: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(value) for value in values if value.startswith(incomplete)]
