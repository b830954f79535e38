"""Commands for MNIST and the shipped models: data, train, evaluate, settings."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from digitcore import mnist
from digitcore.cli.options import SETTING_HELP, SetCommand, json_option, progress_bar, read_network_file
from digitcore.config import load_config
from digitcore.models import registry
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.training import settings_text
from digitcore.training.recipes import MNIST_ONLY, RECIPES, Recipe, get_recipe
from digitcore.training.settings import TrainSettings

if TYPE_CHECKING:
    from digitcore.training.run import Point


@click.command()
@click.option("--path", type=click.Path(), help="mnist.npz, or a folder with MNIST's four IDX files")
def data(path: str | None) -> None:
    """Find or download MNIST, verify it, and keep it in the cache."""
    found, source = mnist.find(path, report=lambda line: click.echo(line, err=True))
    click.echo(
        f"MNIST from {source}: {len(found.train_labels):,} training and {len(found.test_labels):,} test digits, "
        f"verified by SHA-256, kept in {mnist.cache_file()}"
    )


@click.command(cls=SetCommand, epilog=f"RECIPE is one of {', '.join(RECIPES)}.")
@click.argument("recipe", default="")
@click.option("--network", type=click.Path(path_type=Path), help="JSON file of a network to train instead of RECIPE")
@click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE …", help=SETTING_HELP)
@click.option("--out", type=click.Path(path_type=Path), help="folder for the model (default: models/RECIPE, or FILE’s name)")
def train(recipe: str, network: Path | None, pairs: tuple[str, ...], out: Path | None) -> None:
    """Train a shipped model again, a variant of it, or a network of one's own; a killed training resumes where it was."""
    from digitcore.evaluation import benchmark
    from digitcore.models import keras_io
    from digitcore.training.calibration import calibrate

    if bool(recipe) == bool(network):
        raise click.UsageError("Name either a recipe or --network FILE.json.")
    if network is None:
        chosen, folder = get_recipe(recipe), out or registry.SHIPPED_FOLDER / recipe
    else:
        chosen, folder = Recipe(read_network_file(network), MNIST_ONLY), out or network.with_suffix("")
    values = {name: settings_text.parse_value(name, text) for name, text in settings_text.parse_values(pairs).items()}
    model = keras_io.random_model(chosen.network)
    if chosen.settings is not None:
        model = calibrate(_train(model, chosen.settings.replace(**values), folder.name))
    model = benchmark.measure(model.with_card(replace(model.card, name=folder.name, recipe=recipe)))
    registry.save(model, folder)
    click.echo(f"Written to {folder}: {model.card.metrics['mnist_accuracy']:.2%} of MNIST's test digits")


def _train(start: ModelBundle, settings: TrainSettings, name: str) -> ModelBundle:
    from digitcore.training.trainer import train

    key = hashlib.sha256((start.card.network + name + settings.to_json()).encode()).hexdigest()[:16]
    with progress_bar("epochs") as bar:
        task = bar.add_task(name, total=settings.epochs, metrics="")
        run = train(
            start,
            SampleSet(),
            settings,
            on_progress=lambda point: bar.update(task, completed=point["epoch"], metrics=_metrics_text(point)),
            checkpoints=load_config().cache_folder / "checkpoints" / key,
        )
    return run.model


def _metrics_text(point: "Point") -> str:
    return "  ".join(f"{name} {point[name]:.4f}" for name in ("loss", "accuracy", "val_accuracy") if name in point)


@click.command()
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


@click.command()
def settings() -> None:
    """List the training settings with their defaults and ranges, as a Markdown table."""
    click.echo(settings_text.as_markdown())
