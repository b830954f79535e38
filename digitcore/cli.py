"""The command line: `digitlab data | train | evaluate | sweep | predict | settings`."""

import hashlib
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from digitcore import mnist
from digitcore.config import load_config
from digitcore.errors import DigitLabError, ImageError, SampleError
from digitcore.models import registry
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.training import settings_text
from digitcore.training.recipes import RECIPES, get_recipe
from digitcore.training.settings import SETTING_SPECS, TrainSettings

if TYPE_CHECKING:
    from rich.progress import Progress

    from digitcore.images import FoundDigit
    from digitcore.training.run import Point

MAX_EPOCHS, MAX_SAMPLES, MAX_SECONDS = int(SETTING_SPECS["epochs"].high), 100_000, 24 * 3600  # of a sweep's trainings
POLL_INTERVAL = 0.2  # s
TABLE_SUFFIXES = (".csv", ".parquet")
SETTING_HELP = "settings to change, such as --set epochs=2; “digitlab settings” lists them"
json_option = click.option("--json", "as_json", is_flag=True, help="print JSON")


class _Command(click.Command):
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


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Digit Lab from the shell."""
    load_config()


@cli.command()
@click.option("--path", type=click.Path(), help="mnist.npz, or a folder with MNIST's four IDX files")
def data(path: str | None) -> None:
    """Find or download MNIST, verify it, and keep it in the cache."""
    found, source = mnist.find(path, report=lambda line: click.echo(line, err=True))
    click.echo(
        f"MNIST from {source}: {len(found.train_labels):,} training and {len(found.test_labels):,} test digits, "
        f"verified by SHA-256, kept in {mnist.cache_file()}"
    )


@cli.command(cls=_Command, epilog=f"RECIPE is one of {', '.join(RECIPES)}.")
@click.argument("recipe")
@click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE …", help=SETTING_HELP)
@click.option("--out", type=click.Path(path_type=Path), help="folder for the model (default: models/RECIPE)")
def train(recipe: str, pairs: tuple[str, ...], out: Path | None) -> None:
    """Train a shipped model again, or a variant of it; a killed training resumes where it was."""
    from digitcore.evaluation import benchmark
    from digitcore.models import keras_io
    from digitcore.training.calibration import calibrate

    chosen = get_recipe(recipe)
    folder = out or registry.SHIPPED_FOLDER / recipe
    values = {name: settings_text.parse_value(name, text) for name, text in settings_text.parse_values(pairs).items()}
    model = keras_io.random_model(chosen.network)
    if chosen.settings is not None:
        model = calibrate(_train(model, chosen.settings.replace(**values), recipe))
    model = benchmark.measure(model.with_card(replace(model.card, name=folder.name, recipe=recipe)))
    registry.save(model, folder)
    click.echo(f"Written to {folder}: {model.card.metrics['mnist_accuracy']:.2%} of MNIST's test digits")


def _train(start: ModelBundle, settings: TrainSettings, name: str) -> ModelBundle:
    from digitcore.training.trainer import train

    key = hashlib.sha256((name + settings.to_json()).encode()).hexdigest()[:16]
    with _progress_bar("epochs") as bar:
        task = bar.add_task(name, total=settings.epochs, metrics="")
        run = train(
            start,
            SampleSet(),
            settings,
            on_progress=lambda point: bar.update(task, completed=point["epoch"], metrics=_metrics_text(point)),
            checkpoints=load_config().cache_folder / "checkpoints" / key,
        )
    return run.model


@cli.command()
@click.argument("names", nargs=-1)
@click.option("--write", is_flag=True, help="write models/README.md from the cards")
@json_option
def evaluate(names: tuple[str, ...], write: bool, as_json: bool) -> None:
    """Measure models (default: all) again from their files; --write brings models/README.md up to date."""
    from digitcore.evaluation import benchmark, model_readme

    if write:
        model_readme.write()
        click.echo(f"Written to {registry.SHIPPED_FOLDER / 'README.md'}")
        return
    rows = []
    for name in names or registry.names():
        card = benchmark.measure(registry.load(name)).card
        rows.append({"name": name, "network": card.network, "parameters": card.parameters, **card.metrics})
        if not as_json:
            click.echo(_metrics_row(rows[-1]))
    if as_json:
        click.echo(json.dumps(rows, indent=2))


def _metrics_row(row: dict[str, Any]) -> str:
    from digitcore.evaluation import robustness

    low, high = row["mnist_interval"]
    return (
        f"{row['name']:14}{row['parameters']:>9,} parameters{row['bytes'] / 1e3:>7,.0f} kB{row['milliseconds']:>7.2f} ms  "
        f"MNIST {row['mnist_accuracy']:.2%} ({low:.2%} to {high:.2%})  loss {row['mnist_loss']:.4f}  "
        f"ECE {row['calibration_error']:.2%}  robustness {robustness.mean_accuracy(row['robustness']):.1%}  "
        f"non-digits unsure {row['unsure_non_digits']['all']:.0%}"
    )


def _check_table_file(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    if value is not None and value.suffix not in TABLE_SUFFIXES:
        raise click.BadParameter("the file's name must end in .csv or .parquet")
    return value


@cli.command(cls=_Command)
@click.option("--set", "pairs", multiple=True, required=True, metavar="NAME=V1,V2 …", help="settings and the values to try")
@click.option("--samples", type=click.Path(path_type=Path), help="npz file with digits (N, 28, 28) and labels (N,)")
@click.option("--start", default="genius", show_default=True, help="a shipped model")
@click.option("--seeds", type=click.IntRange(1), default=1, help="seeds for each combination")
@click.option("--draws", type=click.IntRange(1), help="combinations drawn at random (default: all)")
@click.option("--workers", type=click.IntRange(1), default=1, help="worker processes to start")
@click.option("--out", type=click.Path(path_type=Path), callback=_check_table_file, help="file for the table, .csv or .parquet")
@json_option
def sweep(
    pairs: tuple[str, ...],
    samples: Path | None,
    start: str,
    seeds: int,
    draws: int | None,
    workers: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Try combinations of settings on labelled drawings, as --set sample_weight=1,20 mnist_samples=200,1000."""
    from digitcore.jobs.limits import Limits
    from digitcore.jobs.service import JobService
    from digitcore.jobs.sweep import Sweep

    grid = {
        name: [settings_text.parse_value(name, value) for value in texts.split(",")]
        for name, texts in settings_text.parse_values(pairs).items()
    }
    found = Sweep.create(registry.load(start), _read_samples(samples), TrainSettings(), grid, seeds, draws)
    service = JobService(n_workers=workers, limits=Limits(epochs=MAX_EPOCHS, samples=MAX_SAMPLES, seconds=MAX_SECONDS))
    try:
        found.submit_pending(service)
        with _progress_bar("trainings") as bar:
            task = bar.add_task("sweep", total=len(found.trials), metrics="")
            while not found.is_idle:
                time.sleep(POLL_INTERVAL)
                found.poll()
                bar.update(task, completed=len(found.trials) - len(found.jobs()))
    finally:
        service.close()
    table = found.table()
    if out:
        if out.suffix == ".csv":
            table.to_csv(out, index=False)
        else:
            table.to_parquet(out, index=False)
    click.echo(table.to_json(orient="records", indent=2) if as_json else found.means().to_string(index=False))


@cli.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
@click.option("--model", "name", default="genius", show_default=True, help="a shipped model")
@click.option("--all", "reads_all", is_flag=True, help="every digit of each image, with its box in px")
@json_option
def predict(files: tuple[Path, ...], name: str, reads_all: bool, as_json: bool) -> None:
    """Predict the digit in each image; of a photograph with several, the largest."""
    model = registry.load(name)
    predictor, threshold = model.predictor(), model.card.confidence_threshold
    rows, problems = [], []
    for file in files:
        try:
            found = _find_digits(file, reads_all)
        except ImageError as error:
            problems.append(str(error))
            continue
        for one in found:
            probabilities = predictor.probabilities(one.digit[None])[0]
            rows.append(
                {
                    "file": str(file),
                    "digit": int(probabilities.argmax()),
                    "unsure": bool(probabilities.max() < threshold),
                    "probabilities": probabilities.round(5).tolist(),
                    "box": one.box,
                    "digits_found": one.n_found,
                }
            )
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    for row in () if as_json else rows:
        where = f" at {row['box']}" if reads_all else f", the largest of {row['digits_found']}" * (row["digits_found"] > 1)
        click.echo(f"{row['file']}: {row['digit']} ({max(row['probabilities']):.1%}){', unsure' * row['unsure']}{where}")
    if problems:
        raise ImageError("\n".join(problems))


@cli.command()
def settings() -> None:
    """List the training settings with their defaults and ranges, as a Markdown table."""
    click.echo(settings_text.as_markdown())


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


def _find_digits(file: Path, every: bool) -> "list[FoundDigit]":
    from digitcore import images

    try:
        found = images.ink_from_file(file.read_bytes()).digits(every=every)
    except OSError as error:
        raise ImageError(f"There is no file {file} that can be read.") from error
    except ImageError as error:
        raise ImageError(f"{file}: {error}") from error
    if not found:
        raise ImageError(f"{file} is blank: nothing stands out from its background.")
    return found


def _read_samples(file: Path | None) -> SampleSet:
    """A file's samples; none without a file."""
    if file is None:
        return SampleSet()
    try:
        return SampleSet.from_npz(file.read_bytes())
    except OSError as error:
        raise SampleError(f"There is no file {file} that can be read.") from error


def _progress_bar(unit: str) -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
        TextColumn("{task.fields[metrics]}"),
        console=Console(stderr=True),  # stdout is for what was asked for
    )


def _metrics_text(point: "Point") -> str:
    return "  ".join(f"{name} {point[name]:.4f}" for name in ("loss", "accuracy", "val_accuracy") if name in point)
