"""The command `digitlab train`."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from digitcore.cli.options import SETTING_HELP, SetCommand, percent, progress_bar, read_network_file
from digitcore.config import load_config
from digitcore.models import registry
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.training import settings_text
from digitcore.training.recipes import MNIST_ONLY, RECIPES, Recipe, get_recipe
from digitcore.training.settings import TrainSettings

if TYPE_CHECKING:
    from digitcore.training.run import Point


@click.command(cls=SetCommand, epilog=f"RECIPE is one of {', '.join(RECIPES)}.")
@click.argument("recipe", default="")
@click.option("--network", type=click.Path(path_type=Path), help="JSON file of a network to train instead of a recipe")
@click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE …", help=SETTING_HELP)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="folder for the model (default: models/RECIPE, or the network's name)",
)
@click.option("--log-dir", type=click.Path(file_okay=False, path_type=Path), help="folder for logs that TensorBoard reads")
def train(recipe: str, network: Path | None, pairs: tuple[str, ...], out: Path | None, log_dir: Path | None) -> None:
    """Train a shipped model, a variant of it, or a network from a JSON file.

    If a training was killed, the same command resumes it.
    """
    from digitcore.evaluation import benchmark
    from digitcore.models import keras_io

    if bool(recipe) == bool(network):
        raise click.UsageError("Give either a recipe or --network FILE.json.")
    if network is None:
        chosen, folder = get_recipe(recipe), out or registry.SHIPPED_FOLDER / recipe
    else:
        chosen, folder = Recipe(read_network_file(network), MNIST_ONLY), out or network.with_suffix("")
    values = {name: settings_text.parse_value(name, text) for name, text in settings_text.parse_values(pairs).items()}
    model = keras_io.random_model(chosen.network)
    if chosen.settings is not None:
        model = _train(model, chosen.settings.replace(**values), folder.name, log_dir)
    model = benchmark.measure(model.with_card(replace(model.card, name=folder.name, recipe=recipe)))
    registry.save(model, folder)
    click.echo(f"Written to {folder}: {percent(model.card.metrics['mnist_accuracy'], 2)} accuracy on MNIST's test digits")


def _train(start: ModelBundle, settings: TrainSettings, name: str, log_dir: Path | None) -> ModelBundle:
    """Train with a progress bar and with checkpoints, whose folder depends on the network, the name and the settings."""
    from digitcore.training.tensorboard import TensorBoardLogger
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
            callbacks=[TensorBoardLogger(log_dir, settings.resolved(start.card.trained))] if log_dir else [],
        )
    return run.model


def _metrics_text(point: "Point") -> str:
    return "  ".join(f"{name} {point[name]:.4f}" for name in ("loss", "accuracy", "val_accuracy") if name in point)
