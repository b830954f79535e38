"""The command `digitlab report`."""

from pathlib import Path

import click

from digitcore.cli.options import progress_bar, read_lab


@click.command()
@click.argument("lab", type=click.Path(path_type=Path))
@click.option(
    "--out",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    default="report.html",
    show_default=True,
    help="Write to this file.",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME",
    help="Compare this model. The first model is the baseline. Give 2 to 6 models.",
)
@click.option("--force", is_flag=True, help="Replace an existing file.")
def report(lab: Path, out: Path, models: tuple[str, ...], force: bool) -> None:
    """Write the report of a lab as one HTML file.

    LAB is a ZIP file that was exported on the page “My lab”. Without --model, the models of the Evaluate page are compared.
    """
    from digitcore.jobs.tasks import Progress
    from digitcore.report import ReportTask, svg

    if out.exists() and not force:
        raise click.UsageError(f"The file {out} exists. Choose another file with --out, or replace it with --force.")
    task = ReportTask(read_lab(lab), models)
    _check_writable(out)
    with progress_bar("%") as bar:
        shown = bar.add_task("report", total=100, metrics="")

        def show(progress: Progress) -> None:
            bar.update(shown, completed=round(100 * progress.share))

        text = task.run(show, lambda: False)
        bar.update(shown, completed=100)
    out.write_text(text, encoding="utf-8")
    if not svg.is_available():
        click.echo(svg.MISSING, err=True)
    click.echo(f"Written to {out}")


def _check_writable(file: Path) -> None:
    """Check whether a file can be written, before the models are measured, which can take a minute.

    Raises:
        OSError: If the file cannot be written.
    """
    is_new = not file.exists()
    file.open("ab").close()
    if is_new:
        file.unlink()
