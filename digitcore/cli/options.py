"""Options, file reading and progress bars that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from digitcore.data import sample_files
from digitcore.errors import LabError, ModelError, SampleError
from digitcore.files import read_bytes
from digitcore.models import reader, registry
from digitcore.models.bundle import ModelBundle
from digitcore.models.network_spec import NetworkSpec, is_spec
from digitcore.models.upload import describe_import
from digitcore.samples import SampleSet
from digitcore.training.recipes import NETWORKS, check_network

if TYPE_CHECKING:
    from rich.progress import Progress

    from digitcore.storage.snapshot import LabSnapshot

SETTING_HELP = "Change settings, such as --set epochs=2 (see “digitlab settings”)."
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
accept_option = click.option("--accept-doubtful", is_flag=True, help="Read samples even if the labels do not fit the pictures.")


class SetCommand(click.Command):
    """A command whose option --set takes several values.

    Example:
        >>> @click.command(cls=SetCommand)
        ... @click.option("--set", "pairs", multiple=True)
        ... def show(pairs):
        ...     print(pairs)
        >>> show(["--set", "a=1", "b=2"], standalone_mode=False)
        ('a=1', 'b=2')
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat the option before each of its values, because Click reads one value for each option."""
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


def read_samples(file: Path | None, *, accept_doubtful: bool = False) -> SampleSet:
    """Read labelled digits from a file of any format that `sample_files.read` knows.

    Args:
        file: Path of the file. If `None`, the result is an empty set.
        accept_doubtful: Whether samples are returned even if their labels do not fit the pictures.

    Returns:
        The samples. A message about rejected entries and changed pictures is written to stderr.

    Raises:
        SampleError: If the file cannot be read.
        DoubtfulSamplesError: If the labels do not fit the pictures and `accept_doubtful` is false.

    Example:
        >>> len(read_samples(None))
        0
    """
    if file is None:
        return SampleSet()
    content, predictor = read_bytes(file, SampleError), registry.load(registry.DEFAULT_MODEL).predictor()
    try:
        result = sample_files.read(content, predictor=predictor, accept_doubtful=accept_doubtful)
    except sample_files.DoubtfulSamplesError as error:
        raise sample_files.DoubtfulSamplesError(f"{error} To import it anyway, add the option --accept-doubtful.") from error
    if result.rejected or result.notes or result.doubt:
        click.echo(f"{file}: {result} {result.doubt}".rstrip(), err=True)
    return result.samples


def read_model(source: str) -> ModelBundle:
    """Read a model that the user names. If it is imported, a message about its inputs is written to stderr.

    Args:
        source: Shipped name, folder or file, as in `models.load`.

    Returns:
        The model.

    Raises:
        ModelError: If there is no such model, or the file cannot be used.

    Example:
        >>> read_model("mlp").name
        'mlp'
    """
    model = reader.load(source)
    if text := describe_import(model):
        click.echo(f"{source}: {text}", err=True)
    return model


def read_lab(file: Path) -> "LabSnapshot":
    """Read a lab from the ZIP file that My lab exports.

    Args:
        file: Path of the file.

    Returns:
        The lab. A message about each part that cannot be read is written to stderr.

    Raises:
        LabError: If the file is not a lab.

    Example:
        >>> read_lab(Path("nowhere.zip"))
        Traceback (most recent call last):
        ...
        digitcore.errors.LabError: There is no file nowhere.zip. Check the path.
    """
    from digitcore.storage import archive

    opened = archive.read(read_bytes(file, LabError))
    for message in opened.skipped:
        click.echo(f"{file}: {message}", err=True)
    return opened.snapshot


def read_network_file(file: Path) -> str:
    """Read and check the JSON file of a network.

    Args:
        file: Path of the file.

    Returns:
        The network as compact JSON.

    Raises:
        ModelError: If the file cannot be read, or is not the JSON of a network.

    Example:
        >>> read_network_file(Path("nowhere.json"))
        Traceback (most recent call last):
        ...
        digitcore.errors.ModelError: There is no file nowhere.json. Check the path.
    """
    try:
        return NetworkSpec.from_json(read_bytes(file, ModelError).decode("utf-8-sig")).to_json()
    except UnicodeDecodeError as error:
        raise ModelError(f"{file} is not a text file. Choose the JSON file of a network.") from error


def read_network(text: str) -> str:
    """Read a network from the command line.

    Args:
        text: Registered name, JSON, or path of a JSON file.

    Returns:
        The name or the compact JSON, which `networks.build` accepts.

    Raises:
        ModelError: If the text is not the name, the JSON or the file of a network.

    Example:
        >>> read_network("mlp")
        'mlp'
    """
    return check_network(text) if is_spec(text) or text in NETWORKS else read_network_file(Path(text))


def progress_bar(unit: str) -> "Progress":
    """Return a progress bar that is written to stderr, because stdout is for results.

    Args:
        unit: Text after the count, for example "epochs".

    Returns:
        The progress bar. Each of its tasks needs the field `metrics`.

    Example:
        >>> with progress_bar("epochs") as bar:
        ...     task = bar.add_task("mlp", total=2, metrics="")
    """
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
