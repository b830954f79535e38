"""The command `digitlab sweep`."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import click

from digitcore.cli.completion import complete_models, complete_parameters
from digitcore.cli.options import SetCommand, accept_option, json_option, progress_bar, read_model, read_network, read_samples
from digitcore.config import load_config
from digitcore.errors import TrainingError
from digitcore.models import reader, registry
from digitcore.sweeps import space as parameter_space
from digitcore.sweeps import summary
from digitcore.sweeps.local import run_locally
from digitcore.sweeps.plan import SweepPlan
from digitcore.sweeps.runner import Sweep
from digitcore.sweeps.search import HALVING, PRUNERS, SEARCHES
from digitcore.sweeps.store import TABLE_SUFFIXES, SweepStore
from digitcore.sweeps.trial import HELD_OUT, VALIDATION
from digitcore.training import settings_text
from digitcore.training.settings import SETTING_SPECS, TrainSettings

MAX_EPOCHS, MAX_SAMPLES, MAX_SECONDS = int(SETTING_SPECS["epochs"].high), 100_000, 24 * 3600  # limits of a sweep
POLL_INTERVAL = 0.2  # seconds
STOP_TIMEOUT = 1.0  # seconds after Ctrl-C, before the results are printed


def _check_suffix(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    if value is not None and value.suffix not in TABLE_SUFFIXES:
        raise click.BadParameter(f"the name of the file must end in {' or '.join(TABLE_SUFFIXES)}")
    return value


@click.command(cls=SetCommand)
@click.option(
    "--set",
    "pairs",
    multiple=True,
    required=True,
    metavar="NAME=V1,V2 …",
    help="Train with each of these values of the parameters.",
    shell_complete=complete_parameters,
)
@click.option(
    "--samples",
    type=click.Path(path_type=Path),
    help="Train on the labelled digits of a file, such as an .npz file or a ZIP file.",
)
@click.option(
    "--start",
    default=registry.DEFAULT_MODEL,
    show_default=True,
    help="Start from a shipped model, a folder of a model, or a .keras file.",
    shell_complete=complete_models,
)
@click.option("--network", default="", help="Train a network from scratch, given by its name, its JSON or a JSON file.")
@click.option("--seeds", type=click.IntRange(1), default=1, help="Train each combination with this number of seeds.")
@click.option(
    "--search",
    type=click.Choice(SEARCHES),
    help="Choose combinations from the lists of values, at random, or from the results so far (TPE).  [default: random if there "
    "is a range, otherwise grid]",
)
@click.option("--draws", type=click.IntRange(1), help="Try this number of combinations instead of all combinations.")
@click.option(
    "--stop-early",
    "pruner",
    type=click.Choice(PRUNERS),
    is_flag=False,
    flag_value=HALVING,
    help="Stop poor combinations. With halving, the default, each combination is trained with few epochs first, and only good "
    "combinations are trained with more epochs. With wilcoxon, a combination gets no more seeds if it is worse than the best.",
)
@click.option(
    "--rank-by",
    type=click.Choice([VALIDATION, HELD_OUT]),
    default=VALIDATION,
    show_default=True,
    help="Rank by MNIST's 5,000 validation digits, or by the held-out samples.",
)
@click.option("--workers", type=click.IntRange(1), default=1, help="Train in this number of worker processes.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    callback=_check_suffix,
    help="Write the table to a .csv or .parquet file, and the best model to the folder of the same name.",
)
@click.option("--force", is_flag=True, help="Discard the results of an earlier sweep, and replace existing files.")
@accept_option
@json_option
def sweep(
    pairs: tuple[str, ...],
    samples: Path | None,
    start: str,
    network: str,
    seeds: int,
    search: str | None,
    draws: int | None,
    pruner: str | None,
    rank_by: str,
    workers: int,
    out: Path | None,
    force: bool,
    accept_doubtful: bool,
    as_json: bool,
) -> None:
    """Train with combinations of parameters and compare the results on validation digits and held-out samples.

    Example: digitlab sweep --set sample_weight=1,20 mnist_samples=200,1000

    A parameter is a setting, a network (network=mlp,convnet), the activation of a network (activation=relu,tanh), or a number
    in a row of a built network (blocks.1.size=8,16), or its number of rows (rows=1,2). LOW..HIGH is a range of values. A
    parameter with a single value applies to all trainings.

    Each completed trial is saved immediately. After an interrupt, the same command resumes the sweep.
    """
    space = {name: parameter_space.parse(name, text) for name, text in settings_text.split_pairs(pairs).items()}
    fixed = {name: values[0] for name, values in space.items() if isinstance(values, list) and len(values) == 1}
    base, network = parameter_space.apply(fixed, TrainSettings(), read_network(network) if network else "")
    swept = {name: space[name] for name in space if name not in fixed}
    single = {name: space[name] for name in fixed if name not in parameter_space.NOT_SWEPT}
    plan = SweepPlan(swept or single, base, network, seeds, draws, pruner or "", rank_by, search or "")
    model = reader.check_trainable(read_model(start))
    drawings = read_samples(samples, accept_doubtful=accept_doubtful)
    store = SweepStore(load_config().cache_folder / "sweeps", out, model, drawings, plan)
    store.check(force=force)
    found = store.open()
    store.save(found)
    if found.n_done:
        click.echo(f"{found.n_done} of {found.n_planned} trials are already done. Use --force to train them again.", err=True)
    try:
        _run(found, workers, store)
    except KeyboardInterrupt:
        _report(found, store, as_json)
        raise click.Abort(
            f"Interrupted after {found.n_done} of {found.n_planned} trials. Run the same command to resume the sweep."
        ) from None
    _report(found, store, as_json)
    failed = [trial.error for trial in found.trials if trial.error]
    if failed:
        raise TrainingError(f"{len(failed)} of {found.n_planned} trainings failed: {failed[0]}")


def _report(sweep: Sweep, store: SweepStore, as_json: bool) -> None:
    """Save the results, and print the table, the best combination, the spread between seeds and the effects."""
    sweep.poll()
    store.save(sweep)
    has_best = store.keep_best(sweep)
    if as_json:
        click.echo(sweep.table().to_json(orient="records", indent=2))
    elif has_best:
        click.echo(sweep.means().dropna(axis=1, how="all").to_string(index=False, na_rep="–"))
    for line in summary.describe(sweep):
        click.echo(line, err=as_json)
    if has_best:
        click.echo(f"The model of the best trial is in {store.model_folder}.", err=as_json)


def _run(sweep: Sweep, workers: int, store: SweepStore) -> None:
    """Run all unfinished trials with a progress bar."""
    with progress_bar("trials") as bar:
        task = bar.add_task("sweep", total=sweep.n_planned, completed=sweep.n_done, metrics="")

        def save(changed: Sweep) -> None:
            store.save(changed)
            bar.update(task, completed=changed.n_done)

        if workers == 1:
            _run_here(sweep, save)
        else:
            _run_on_workers(sweep, workers, save)


def _run_here(sweep: Sweep, save: Callable[[Sweep], None]) -> None:
    """Run the trials on a thread of this process, because the main thread must react to Ctrl-C immediately."""
    stop, errors = threading.Event(), list[BaseException]()

    def work() -> None:
        try:
            run_locally(sweep, save, stop.is_set)
        except BaseException as error:  # noqa: BLE001 The main thread raises it.
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(POLL_INTERVAL)
    except KeyboardInterrupt:
        stop.set()
        thread.join(STOP_TIMEOUT)
        raise
    if errors:
        raise errors[0]


def _run_on_workers(sweep: Sweep, workers: int, save: Callable[[Sweep], None]) -> None:
    """Run the trials on several processes. After Ctrl-C, the processes end with this process."""
    from digitcore.jobs.limits import Limits
    from digitcore.jobs.service import JobService

    service = JobService(n_workers=workers, limits=Limits(epochs=MAX_EPOCHS, samples=MAX_SAMPLES, seconds=MAX_SECONDS))
    sweep.resume(service)
    n_saved = sweep.n_ended
    while sweep.is_running:
        time.sleep(POLL_INTERVAL)
        sweep.advance(service)
        if n_saved != sweep.n_ended:
            n_saved = sweep.n_ended
            save(sweep)
    service.close()
