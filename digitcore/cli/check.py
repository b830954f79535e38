"""The command `digitlab check`."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from digitcore.cli.options import json_option, read_lab


@click.command()
@click.argument("lab", type=click.Path(path_type=Path))
@click.option("--run", "run_name", default="", help="Check this run instead of the latest run.")
@json_option
def check(lab: Path, run_name: str, as_json: bool) -> None:
    """Check the drawings, a run and the sweep of a lab for common problems.

    LAB is a ZIP file that was exported on the page “My lab”. The checks are described in docs/checks.md.
    """
    from digitcore.checks import Status, check_lab

    results = check_lab(read_lab(lab), run_name)
    if as_json:
        click.echo(json.dumps([asdict(result) for result in results], indent=2, ensure_ascii=False))
        return
    for result in results:
        click.echo(f"{result.id}  {result.status:15} {result.title}: {result.sentence}")
        if result.status == Status.ISSUE:
            click.echo(f"     {result.tip} See {result.page}.")
    n_issues = sum(result.status == Status.ISSUE for result in results)
    click.echo(f"{n_issues} of {len(results)} checks found an issue.")
