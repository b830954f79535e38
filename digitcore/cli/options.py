"""What several commands share: options, files, progress."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from digitcore.errors import ModelError, SampleError
from digitcore.models import registry
from digitcore.models.bundle import ModelBundle
from digitcore.models.network_spec import NetworkSpec, is_spec
from digitcore.samples import SampleSet
from digitcore.training.recipes import NETWORKS, check_network

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


def read_network_file(file: Path) -> str:
    """The checked JSON of a network in a file.

    Raises:
        ModelError: when it cannot be read, or is no network.
    """
    try:
        return NetworkSpec.from_json(file.read_text(encoding="utf-8-sig")).to_json()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"There is no file {file} that can be read.") from error


def read_network(text: str) -> str:
    """A network by its registered name, its JSON or a file of it, as `networks.build` takes it.

    Raises:
        ModelError: when it is none of these.
    """
    return check_network(text) if is_spec(text) or text in NETWORKS else read_network_file(Path(text))


def read_model(text: str) -> ModelBundle:
    """A shipped model by its name, or a model of a .keras file.

    Raises:
        ModelError: when it is neither.
    """
    if not text.endswith(".keras"):
        return registry.load(text)
    from digitcore.models import upload

    try:
        content = Path(text).read_bytes()
    except OSError as error:
        raise ModelError(f"There is no file {text} that can be read.") from error
    return upload.open_checked([upload.check(content)])[0].rename(Path(text).stem)


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
