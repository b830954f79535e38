"""The command `digitlab export`."""

from pathlib import Path

import click

from digitcore.cli.completion import complete_models
from digitcore.cli.options import read_model


@click.command()
@click.argument("model", shell_complete=complete_models)
@click.option(
    "--hub-folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the files of a Hub repository to this folder.",
)
@click.option("--license", "license_id", default="", help="Identifier of the model's license, such as mit or cc-by-4.0.")
@click.option("--force", is_flag=True, help="Replace files in an existing folder.")
def export(model: str, hub_folder: Path, license_id: str, force: bool) -> None:
    """Write a model as a repository for the Hugging Face Hub.

    MODEL is a shipped model, a folder of a model, or a .keras or .tflite file. A model without metrics is measured first, which
    takes half a minute. The folder has a model card, the model as .keras, .tflite and ONNX, and a script that predicts pictures.
    """
    from digitcore.evaluation import benchmark, hub

    if not force and hub_folder.exists() and any(hub_folder.iterdir()):
        raise click.UsageError(f"The folder {hub_folder} is not empty. Choose another folder, or replace its files with --force.")
    bundle = read_model(model)
    if "mnist_accuracy" not in bundle.card.metrics:
        click.echo("Measuring the model …", err=True)
        bundle = benchmark.measure(bundle)
    files = hub.write(bundle, hub_folder, license_id)
    if "model.keras" not in files:
        click.echo(f"{model} is a .tflite file, so the folder has no .keras and no ONNX file.", err=True)
    click.echo(f"Written to {hub_folder}. To publish it, run: hf upload USER/{hub.repository_name(bundle)} {hub_folder}")
