"""The command line: `digitlab data | train | evaluate | sweep | labels | predict | settings`."""

import os

import click

from digitcore.cli.data import data
from digitcore.cli.evaluate import evaluate
from digitcore.cli.labels import labels
from digitcore.cli.predict import predict
from digitcore.cli.settings import settings
from digitcore.cli.sweep import sweep
from digitcore.cli.train import train
from digitcore.config import load_config
from digitcore.errors import DigitLabError

COMMANDS = (data, train, evaluate, sweep, labels, predict, settings)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Digit Lab from the shell."""
    load_config()


for command in COMMANDS:
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; an error of the library is one sentence and exit status 1."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        cli.main(arguments, prog_name="digitlab", standalone_mode=False)
    except DigitLabError as error:
        click.echo(error, err=True)
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130
    return 0
