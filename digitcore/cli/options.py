"""What several commands share: options, files, progress."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from digitcore.errors import SampleError
from digitcore.samples import SampleSet

if TYPE_CHECKING:
    from rich.progress import Progress

SETTING_HELP = "settings to change, such as --set epochs=2; “digitlab settings” lists them"
json_option = click.option("--json", "as_json", is_flag=True, help="print JSON")


class SetCommand(click.Command):
    """A command of which an option may be followed by several values: --set a=1 b=2."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        expanded: list[str] = []
        option = None
        for arg in args:
            if arg.startswith("-"):
                option = arg if arg == "--set" else None
                expanded.append(arg)
            elif option and expanded[-1] != option:
                expanded += [option, arg]
            else:
                expanded.append(arg)
        return super().parse_args(ctx, expanded)


def read_samples(file: Path | None) -> SampleSet:
    """A file's samples; none without a file.

    Raises:
        SampleError: when it cannot be read.
    """
    if file is None:
        return SampleSet()
    try:
        return SampleSet.from_npz(file.read_bytes())
    except OSError as error:
        raise SampleError(f"There is no file {file} that can be read.") from error


def progress_bar(unit: str) -> "Progress":
    """A bar on stderr that counts units: stdout is for what was asked for."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
        TextColumn("{task.fields[metrics]}"),
        console=Console(stderr=True),
    )
