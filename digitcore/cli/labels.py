"""The command `digitlab labels`."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from digitcore.cli.completion import complete_models
from digitcore.cli.options import accept_option, json_option, progress_bar, read_model, read_samples
from digitcore.data.label_issues import find_label_issues
from digitcore.models import reader, registry
from digitcore.training.settings import TrainSettings
from digitcore.values import percent


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--start",
    default=registry.DEFAULT_MODEL,
    show_default=True,
    help="Start from a shipped model, a folder of a model, or a .keras file that was not trained on the digits.",
    shell_complete=complete_models,
)
@click.option(
    "--folds", type=click.IntRange(2, 20), default=4, show_default=True, help="Split the digits into this number of folds."
)
@accept_option
@json_option
def labels(file: Path, start: str, folds: int, accept_doubtful: bool, as_json: bool) -> None:
    """List the doubtful labels of a file with labelled digits, the most doubtful label first.

    Each digit is predicted by a model that was trained on the other folds.
    """
    from digitcore.training.cross_validation import predict_out_of_fold

    samples, model = read_samples(file, accept_doubtful=accept_doubtful), reader.check_trainable(read_model(start))
    with progress_bar("%") as bar:
        task = bar.add_task("labels", total=100, metrics="")
        probabilities = predict_out_of_fold(
            model,
            samples,
            TrainSettings(),
            n_folds=folds,
            on_progress=lambda share: bar.update(task, completed=round(100 * share)),
        )
    issues = [asdict(issue) for issue in find_label_issues(samples.labels, probabilities)]
    if as_json:
        click.echo(json.dumps(issues, indent=2))
        return
    for issue in issues:
        score = percent(issue["score"], 1)
        click.echo(
            f"{issue['index']}: labelled {issue['label']}, perhaps {issue['suggested']} (probability of the label: {score})"
        )
    click.echo(f"{len(issues)} of {len(samples):,} labels are doubtful.")
