"""The command `digitlab settings`."""

import click

from digitcore.training import settings_text


@click.command()
def settings() -> None:
    """Print the training settings as a Markdown table."""
    click.echo(settings_text.as_markdown())
