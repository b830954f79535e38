"""The command `digitlab sweep`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from digitcore.cli.options import SetCommand, json_option, progress_bar, read_model, read_network, read_samples
from digitcore.errors import TrainingError
from digitcore.sweeps import space as parameter_space
from digitcore.training import settings_text
from digitcore.training.settings import SETTING_SPECS, TrainSettings

if TYPE_CHECKING:
    from digitcore.sweeps.runner import Sweep

MAX_EPOCHS, MAX_SAMPLES, MAX_SECONDS = int(SETTING_SPECS["epochs"].high), 100_000, 24 * 3600  # limits of a sweep
POLL_INTERVAL = 0.2  # seconds
TABLE_SUFFIXES = (".csv", ".parquet")


def _check_table_file(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    if value is not None and value.suffix not in TABLE_SUFFIXES:
        raise click.BadParameter("the name of the file must end in .csv or .parquet")
    return value


@click.command(cls=SetCommand)
@click.option("--set", "pairs", multiple=True, required=True, metavar="NAME=V1,V2 …", help="parameters and the values to try")
@click.option("--samples", type=click.Path(path_type=Path), help="npz file with digits (N, 28, 28) and labels (N,)")
@click.option("--start", default="genius", show_default=True, help="shipped model, or .keras file")
@click.option("--network", default="", help="network to train from scratch: its name, its JSON, or a JSON file")
@click.option("--seeds", type=click.IntRange(1), default=1, help="number of seeds for each combination")
@click.option("--draws", type=click.IntRange(1), help="number of random combinations (default: all combinations)")
@click.option("--stop-early", is_flag=True, help="train with fewer epochs first, and train only the better half further")
@click.option(
    "--rank-by",
    type=click.Choice(["validation", "held_out"]),
    default="validation",
    show_default=True,
    help="rank by MNIST's 5,000 validation digits, or by the held-out samples",
)
@click.option("--workers", type=click.IntRange(1), default=1, help="number of worker processes")
@click.option("--out", type=click.Path(path_type=Path), callback=_check_table_file, help="file for the table, .csv or .parquet")
@json_option
def sweep(
    pairs: tuple[str, ...],
    samples: Path | None,
    start: str,
    network: str,
    seeds: int,
    draws: int | None,
    stop_early: bool,
    rank_by: str,
    workers: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Train with combinations of parameters and compare the results on validation digits and held-out samples.

    Example: digitlab sweep --set sample_weight=1,20 mnist_samples=200,1000

    A parameter is a setting, a network (network=mlp,convnet), the activation of a network (activation=relu,tanh), or a number
    in a row of a built network (blocks.1.size=8,16). LOW..HIGH draws values from a range. A parameter with a single value
    applies to all trainings.
    """
    from digitcore.sweeps.plan import SweepPlan
    from digitcore.sweeps.runner import Sweep

    space = {name: parameter_space.parse(name, text) for name, text in settings_text.split_pairs(pairs).items()}
    fixed = {name: values[0] for name, values in space.items() if isinstance(values, list) and len(values) == 1}
    base, network = parameter_space.apply(fixed, TrainSettings(), read_network(network) if network else "")
    swept = {name: space[name] for name in space if name not in fixed}
    single = {name: space[name] for name in fixed if name not in parameter_space.NOT_SWEPT}
    plan = SweepPlan(swept or single, base, network, seeds, draws, stop_early, rank_by)
    found = Sweep(read_model(start), read_samples(samples), plan)
    _run(found, workers)
    table = found.table()
    if out:
        if out.suffix == ".csv":
            table.to_csv(out, index=False)
        else:
            table.to_parquet(out, index=False)
    click.echo(table.to_json(orient="records", indent=2) if as_json else found.means().dropna(axis=1).to_string(index=False))
    failed = [trial.error for trial in found.trials if trial.error]
    if failed:
        raise TrainingError(f"{len(failed)} of {len(found.trials)} trainings failed: {failed[0]}")


def _run(sweep: "Sweep", workers: int) -> None:
    """Run all trials and show a progress bar."""
    from digitcore.jobs.limits import Limits
    from digitcore.jobs.service import JobService

    service = JobService(n_workers=workers, limits=Limits(epochs=MAX_EPOCHS, samples=MAX_SAMPLES, seconds=MAX_SECONDS))
    try:
        sweep.resume(service)
        with progress_bar("trainings") as bar:
            task = bar.add_task("sweep", total=len(sweep.trials), metrics="")
            while sweep.is_running:
                time.sleep(POLL_INTERVAL)
                sweep.advance(service)
                bar.update(task, completed=len(sweep.trials) - len(sweep.jobs()))
    finally:
        service.close()
