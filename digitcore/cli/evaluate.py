"""The command `digitlab evaluate`."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from digitcore.cli.completion import complete_models
from digitcore.cli.options import json_option, read_model
from digitcore.models import registry
from digitcore.models.bundle import ModelBundle
from digitcore.values import percent


@click.command()
@click.argument("sources", nargs=-1, metavar="[MODEL]…", shell_complete=complete_models)
@click.option("--write", is_flag=True, help="Write models/README.md from the models' cards.")
@json_option
def evaluate(sources: tuple[str, ...], write: bool, as_json: bool) -> None:
    """Measure models. Without MODEL, all shipped models are measured.

    MODEL is a shipped model, a folder of a model, or a .keras or .tflite file.
    """
    from digitcore.evaluation import benchmark, model_readme

    if write and (sources or as_json):
        raise click.UsageError("--write uses the cards of all shipped models. Use it without MODEL and --json.")
    if write:
        model_readme.write()
        click.echo(f"Written to {registry.SHIPPED_FOLDER / 'README.md'}")
        return
    rows = []
    for name, model in _read_models(sources or registry.names()).items():
        card = benchmark.measure(model).card
        rows.append({"name": name, "network": card.network, "parameters": card.parameters, **card.metrics})
        if not as_json:
            click.echo(_metrics_row(rows[-1]))
    if as_json:
        click.echo(json.dumps(rows, indent=2))


def _read_models(sources: Iterable[str]) -> dict[str, ModelBundle]:
    """Read models. Models of the same name are called by the name of their file, or by their path if the files share a name."""
    models = {source: read_model(source) for source in sources}
    names: dict[str, tuple[str, ...]] = {source: (model.name, Path(source).name, source) for source, model in models.items()}
    for _ in range(2):
        counts = Counter(candidates[0] for candidates in names.values())
        names = {source: found[1:] if counts[found[0]] > 1 and len(found) > 1 else found for source, found in names.items()}
    return {names[source][0]: model for source, model in models.items()}


def _metrics_row(row: dict[str, Any]) -> str:
    """Return the metrics of one model on one line."""
    from digitcore.evaluation import robustness

    low, high = row["mnist_interval"]
    return (
        f"{row['name']:14}{row['parameters']:>9,} parameters{row['bytes'] / 1e3:>7,.0f} kB{row['milliseconds']:>7.2f} ms  "
        f"MNIST {percent(row['mnist_accuracy'], 2)} ({percent(low, 2)} to {percent(high, 2)})  loss {row['mnist_loss']:.4f}  "
        f"ECE {percent(row['calibration_error'], 2)}  robustness {percent(robustness.mean_accuracy(row['robustness']), 1)}  "
        f"MNIST-C {percent(row['mnist_c']['all'], 1)}  pen writers {percent(row['pen_accuracy'], 1)}  "
        f"unsure non-digits {percent(row['unsure_non_digits']['all'])}"
    )
