"""The command `digitlab settings`."""

import click

from digitcore.training import settings_text


@click.command()
def settings() -> None:
    """Print a Markdown table of the training settings with their defaults and ranges."""
    click.echo(settings_text.as_markdown())
