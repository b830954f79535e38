"""The command `digitlab data`."""

import click

from digitcore import mnist


@click.command()
@click.option("--path", type=click.Path(), help="Read mnist.npz, or a folder or ZIP file with MNIST's four IDX files.")
def data(path: str | None) -> None:
    """Find or download MNIST, verify it and store it in the cache."""
    found, source = mnist.find(path, report=lambda line: click.echo(line, err=True))
    click.echo(
        f"MNIST from {source}: {len(found.train_labels):,} training and {len(found.test_labels):,} test digits, "
        f"verified by SHA-256, stored in {mnist.cache_file()}"
    )
