"""The command line `digitlab`, with one module for each command."""

import contextlib
import os
import sys
from typing import NoReturn

import click

import digitcore
from digitcore import native_messages
from digitcore.cli.check import check
from digitcore.cli.data import data
from digitcore.cli.evaluate import evaluate
from digitcore.cli.export import export
from digitcore.cli.labels import labels
from digitcore.cli.log import log
from digitcore.cli.predict import predict
from digitcore.cli.report import report
from digitcore.cli.settings import settings
from digitcore.cli.sweep import sweep
from digitcore.cli.train import train
from digitcore.config import load_config
from digitcore.errors import DigitLabError

INTERRUPTED = 130  # exit status after Ctrl-C
COMMANDS = (data, train, evaluate, sweep, labels, predict, export, check, report, log, settings)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(digitcore.__version__, prog_name="digitlab")
def cli() -> None:
    """Train, evaluate and use the models of Digit Lab."""
    load_config()


for command in COMMANDS:
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status.

    Args:
        arguments: Arguments of the command line. If None, they are read from `sys.argv`.

    Returns:
        0 on success, 1 after an error of the library, 2 after a wrong option, 130 after an interrupt. An error message is
        written to stderr.

    Example:
        >>> main(["settings"])  # doctest: +ELLIPSIS
        | setting | default | range | meaning |
        ...
        0
    """
    native_messages.set_environment()
    try:
        cli.main(arguments, prog_name="digitlab", standalone_mode=False)
    except DigitLabError as error:
        click.echo(error, err=True)
        return 1
    except ModuleNotFoundError as error:
        if not error.name or error.name.partition(".")[0] == "digitcore":
            raise
        click.echo(f'This command needs {error.name}, which is not installed. Run pip install "digitlab[train]".', err=True)
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort as interrupt:
        click.echo(str(interrupt) or "Interrupted. Run the same command again.", err=True)
        return INTERRUPTED
    except OSError as error:
        where = f" {error.filename}" if error.filename else " the output"
        click.echo(f"Cannot write{where} ({error.strerror}). Check the disk and its permissions.", err=True)
        return 1
    return 0


def run() -> NoReturn:
    """Run the command of `sys.argv` and end this process.

    After an interrupt, the process ends immediately, because a training may still run on another thread.

    Example:
        >>> run()  # doctest: +SKIP
    """
    status = main()
    try:
        sys.stdout.flush()
    except OSError:  # The message was written. The interpreter must not fail again when it flushes the output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        status = status or 1
    if status == INTERRUPTED:
        with contextlib.suppress(OSError):
            sys.stderr.flush()
        os._exit(status)
    sys.exit(status)
