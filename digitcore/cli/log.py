"""The command `digitlab log`."""

from pathlib import Path

import click

from digitcore.cli.options import read_lab
from digitcore.errors import LabError
from digitcore.storage.snapshot import LabSnapshot


@click.command()
@click.argument("lab", type=click.Path(path_type=Path))
@click.option("--run", "names", multiple=True, metavar="NAME", help="Log this run. Without it, all runs of the lab are logged.")
@click.option(
    "--log-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write logs for TensorBoard to this folder, with one folder for each run.",
)
@click.option("--mlflow", "to_mlflow", is_flag=True, help="Log to the MLflow server of MLFLOW_TRACKING_URI.")
def log(lab: Path, names: tuple[str, ...], log_dir: Path | None, to_mlflow: bool) -> None:
    """Write the runs of a lab as logs for TensorBoard, or to MLflow.

    LAB is a ZIP file that was exported on the page “My lab”. Each run is logged with its settings, curves and scores. MLflow also
    gets the files of its model and the report of the lab.
    """
    from digitcore.training import mlflow_log, run_logs

    if not log_dir and not to_mlflow:
        raise click.UsageError("Give --log-dir FOLDER, --mlflow, or both.")
    snapshot = read_lab(lab)
    runs = {record.name: record.run for record in snapshot.runs}
    if unknown := next((name for name in names if name not in runs), None):
        raise LabError(f"The lab has no run {unknown}. Its runs are: {', '.join(runs) or 'none'}.")
    chosen = {name: run for name, run in runs.items() if not names or name in names}
    if not chosen:
        raise LabError(f"{lab} has no runs. Train a model, and export the lab again.")
    if log_dir:
        for name, run in chosen.items():
            run_logs.write(run, log_dir / name)
        click.echo(f"Written to {log_dir}: {', '.join(chosen)}")
    if to_mlflow:
        mlflow_log.load()
        files = {"report.html": _report(snapshot)}
        for name, run in chosen.items():
            click.echo(f"Logged {name} to MLflow: run {mlflow_log.log(run, files)}")


def _report(lab: LabSnapshot) -> bytes:
    from digitcore.report import ReportTask

    return ReportTask(lab, ()).run(lambda progress: None, lambda: False).encode()
