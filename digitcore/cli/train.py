"""The command `digitlab train`."""

import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path

import click

from digitcore.cli.completion import complete_models, complete_recipes, complete_settings
from digitcore.cli.options import SETTING_HELP, SetCommand, accept_option, progress_bar, read_model, read_network, read_samples
from digitcore.config import load_config
from digitcore.errors import ModelError, SettingsError
from digitcore.models import reader, registry
from digitcore.models.bundle import ModelBundle
from digitcore.models.network_spec import is_spec
from digitcore.samples import SampleSet
from digitcore.training import settings_text
from digitcore.training.recipes import RECIPES, Recipe, get_recipe
from digitcore.training.run import NEAR_CHANCE, Point
from digitcore.training.settings import TrainSettings
from digitcore.values import percent, plural

TIME_CONSTANTS = 3  # After three time constants, a moving average of the weights has lost 95 % of the initial weights.


@click.command(cls=SetCommand, epilog=f"RECIPE is one of {', '.join(RECIPES)}.")
@click.argument("recipe", default="", shell_complete=complete_recipes)
@click.option("--network", default="", help="Train a network from scratch, given by its name, its JSON or a JSON file.")
@click.option(
    "--start",
    default="",
    help="Train a model further: a shipped model, a folder of a model, or a .keras file.",
    shell_complete=complete_models,
)
@click.option(
    "--samples", type=click.Path(path_type=Path), help="Also train on the labelled digits of a file that are not held out."
)
@click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE …", help=SETTING_HELP, shell_complete=complete_settings)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write the model to this folder instead of ./RECIPE, ./START-trained or the network's file without its suffix.",
)
@click.option("--force", is_flag=True, help="Replace the model in an existing folder.")
@click.option("--write", is_flag=True, help="Replace the shipped model of the recipe, in a checkout of the project.")
@click.option("--log-dir", type=click.Path(file_okay=False, path_type=Path), help="Write logs for TensorBoard to this folder.")
@accept_option
def train(
    recipe: str,
    network: str,
    start: str,
    samples: Path | None,
    pairs: tuple[str, ...],
    out: Path | None,
    force: bool,
    write: bool,
    log_dir: Path | None,
    accept_doubtful: bool,
) -> None:
    """Train a recipe, a variant of it, a network from scratch, or a model further.

    If a training was killed or interrupted, the same command resumes it.
    """
    from digitcore.evaluation import benchmark
    from digitcore.evaluation.comparison import count_correct
    from digitcore.models import keras_io

    if sum(map(bool, (recipe, network, start))) != 1:
        raise click.UsageError("Give either a recipe, --network FILE.json or --start MODEL.")
    if write and (not recipe or pairs or out or samples):
        raise click.UsageError("--write replaces a shipped model. Use it without --set, --network, --start, --samples and --out.")
    chosen = get_recipe(recipe) if recipe else Recipe(read_network(network) if network else "", TrainSettings())
    values = {name: settings_text.parse_value(name, text) for name, text in settings_text.parse_values(pairs).items()}
    if chosen.settings is None and values.keys() - {"seed"}:
        raise SettingsError(f"The recipe {recipe} has random weights and is not trained. Set only its seed.")
    settings = chosen.variant(values) if chosen.settings else TrainSettings().replace(**values)
    folder = _check_folder(recipe or _default_name(network, start), out, force=force, write=write)
    if log_dir:
        _check_writable(log_dir, "--log-dir")
    drawings = read_samples(samples, accept_doubtful=accept_doubtful)
    model = reader.check_trainable(read_model(start)) if start else keras_io.random_model(chosen.network, seed=settings.seed)
    is_trained = model.card.trained
    if chosen.settings is not None:
        try:
            click.echo(_describe_optimizer(settings.resolved(is_trained)), err=True)
            model = _fit(model, drawings.training_part(), settings, folder.name, log_dir)
        except KeyboardInterrupt:
            raise click.Abort("Interrupted. Run the same command to resume the training after its last complete epoch.") from None
    model = model.with_card(replace(model.card, name=folder.name, recipe=recipe))
    registry.save(model, folder)  # Without this, an interrupt of the evaluation would lose the training.
    try:
        model = benchmark.measure(model)
    except KeyboardInterrupt:
        raise click.Abort(f"Interrupted. The trained model is in {folder}, but its accuracy was not measured.") from None
    registry.save(model, folder)
    if chosen.settings is not None:
        _warn_near_chance(model, settings.resolved(is_trained))
    click.echo(f"Written to {folder}: {percent(model.card.metrics['mnist_accuracy'], 2)} accuracy on MNIST's test digits")
    if str(folder) in registry.names():
        click.echo(f"In other commands, {folder} still names the shipped model. Use ./{folder} for this one.", err=True)
    if drawings.held_out.any():
        held_out = drawings.test_part()
        click.echo(f"{count_correct(model, held_out)} of {plural(len(held_out), 'held-out sample')} predicted correctly")


def _default_name(network: str, start: str) -> str:
    """Return the name of the folder of a model that is not a recipe."""
    if start:
        return f"{Path(start).stem}-trained"
    return "network" if is_spec(network) else str(Path(network).with_suffix(""))


def _check_folder(name: str, out: Path | None, *, force: bool, write: bool) -> Path:
    """Return the folder of the model, which has this name by default. First check that it can be written.

    Raises:
        ModelError: If the folder exists and must not be replaced, or cannot be written.
    """
    if write:
        if registry.is_packaged():
            raise ModelError("--write needs a checkout of the project, but this is an installed package. Use --out FOLDER.")
        return registry.SHIPPED_FOLDER / name
    folder = out or Path(name)
    if folder.resolve().parent == registry.SHIPPED_FOLDER and folder.resolve().name in registry.names():
        raise ModelError(f"{folder} is a shipped model. Choose another folder with --out, or use --write in a checkout.")
    if folder.exists():
        if not folder.is_dir():
            raise ModelError(f"{folder} is a file. Choose a folder with --out.")
        if not force and any(folder.iterdir()):
            raise ModelError(f"The folder {folder} exists. Choose another folder with --out, or replace its model with --force.")
    _check_writable(folder, "--out")
    return folder


def _check_writable(folder: Path, option: str) -> None:
    """Check that a folder can be written or created, because a training can take minutes."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise ModelError(f"{folder} cannot be a folder, because {existing} is a file. Choose another folder with {option}.")
    try:
        tempfile.TemporaryFile(dir=existing).close()  # Permissions do not say whether, for example, /proc accepts files.
    except OSError as error:
        raise ModelError(f"The folder {folder} cannot be written. Choose another folder with {option}.") from error


def _fit(start: ModelBundle, samples: SampleSet, settings: TrainSettings, name: str, log_dir: Path | None) -> ModelBundle:
    """Train with a progress bar and checkpoints. Their folder depends on the start, the name, the samples and the settings."""
    from digitcore.training.tensorboard import TensorBoardLogger
    from digitcore.training.trainer import train

    key = hashlib.sha256("\n".join([start.hash, name, settings.to_json(), *samples.identities()]).encode()).hexdigest()[:16]
    with progress_bar("epochs") as bar:
        task = bar.add_task(name, total=settings.epochs, metrics="preparing the training set")
        run = train(
            start,
            samples,
            settings,
            on_progress=lambda point: bar.update(task, completed=point["epoch"], metrics=_metrics_text(point)),
            checkpoints=load_config().cache_folder / "checkpoints" / key,
            callbacks=[TensorBoardLogger(log_dir, settings.resolved(start.card.trained))] if log_dir else [],
        )
    return run.model


def _describe_optimizer(resolved: TrainSettings) -> str:
    """Return the optimizer and its learning rate, because "auto" depends on the optimizer."""
    return f"Optimizer {resolved.optimizer}, learning rate {resolved.learning_rate:g}"


def _warn_near_chance(model: ModelBundle, resolved: TrainSettings) -> None:
    """Write a warning if the trained model predicts hardly better than chance."""
    accuracy = model.card.metrics["mnist_accuracy"]
    if accuracy >= NEAR_CHANCE:
        return
    click.echo(
        f"Warning: The model is hardly better than chance. It predicts {percent(accuracy, 1)} of the test digits correctly, and "
        f"chance is 10 %. Train again with more digits or epochs, or with a lower learning rate than "
        f"{resolved.learning_rate:g}.{_describe_short_average(model, resolved)}",
        err=True,
    )


def _describe_short_average(model: ModelBundle, resolved: TrainSettings) -> str:
    """Say how many steps the weight average needs; "" if there is no average or the training was long enough."""
    if not resolved.ema_momentum:
        return ""
    assert resolved.batch_size is not None
    n_steps = model.card.history[-1]["samples_seen"] // resolved.batch_size
    n_needed = TIME_CONSTANTS / (1 - resolved.ema_momentum)
    if n_steps >= n_needed:
        return ""
    average = f"weight average (ema_momentum={resolved.ema_momentum:g})"
    return f" The {average} needs about {n_needed:,.0f} steps, and there were {n_steps:,}."


def _metrics_text(point: Point) -> str:
    return "  ".join(f"{name} {point[name]:.4f}" for name in ("loss", "accuracy", "val_accuracy") if name in point)
