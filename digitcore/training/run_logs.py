"""Logs of completed runs for TensorBoard and for programs that read its logs, such as Weights & Biases, Aim and trackio.

tensorboardX writes the logs. TensorBoard itself and Keras are not needed.
"""

import datetime
import io
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from digitcore.training.run import Run

TAGS = {
    "loss": "loss/training",
    "val_loss": "loss/validation",
    "accuracy": "accuracy/training",
    "val_accuracy": "accuracy/validation",
}
RESULTS = ("loss/validation", "accuracy/validation")  # tags that the table of hyperparameters shows
BY_SAMPLES = "by_samples"  # prefix of the tags whose step is the number of samples, not of epochs
LOG_FILE = "events.out.tfevents.0.digitlab"


def results(run: Run) -> dict[str, float]:
    """Return the final scores of a run by their tags. Scores that are not known are left out.

    Args:
        run: The run.

    Returns:
        The scores, 0 to 1: on MNIST's validation and test digits, and on the held-out or the training drawings.

    Example:
        >>> from digitcore import models
        >>> from digitcore.training.settings import TrainSettings
        >>> point = {"epoch": 1.0, "samples_seen": 500.0, "seconds": 2.0, "val_accuracy": 0.97}
        >>> results(Run(models.load("mlp"), [point], TrainSettings(epochs=1), "genius", 2.0))
        {'accuracy/validation': 0.97}
    """
    validation = next((point["val_accuracy"] for point in reversed(run.history) if "val_accuracy" in point), None)
    personal = "accuracy/held_out_drawings" if run.personal_is_held_out else "accuracy/training_drawings"
    found = {
        TAGS["val_accuracy"]: validation,
        "accuracy/mnist_test": run.mnist_after.accuracy if run.mnist_after else None,
        personal: run.personal_after.accuracy if run.personal_after and run.personal_after.n else None,
    }
    return {tag: value for tag, value in found.items() if value is not None}


def parameters(run: Run) -> dict[str, Any]:
    """Return the settings of a run as they were used, its initial model and its network.

    Args:
        run: The run.

    Returns:
        The values by name.

    Example:
        >>> from digitcore import models
        >>> from digitcore.training.settings import TrainSettings
        >>> parameters(Run(models.load("mlp"), [], TrainSettings(epochs=1), "genius", 2.0))["start"]
        'genius'
    """
    card = run.model.card
    return {**(card.settings or asdict(run.settings)), "start": run.parent, "network": card.network}


def write(run: Run, folder: Path) -> None:
    """Write the curves, the final scores and the settings of a run as a log of TensorBoard.

    The curves have the tags of `digitlab train --log-dir`, with one point after each epoch. The tags that begin with
    “by_samples” have all points, and their step is the number of digits that the training had seen.

    Args:
        run: The run.
        folder: Folder of the log. It is created. An earlier log of `write` in it is replaced.

    Example:
        >>> from digitcore import models
        >>> from digitcore.training.settings import TrainSettings
        >>> run = Run(models.load("mlp"), [], TrainSettings(epochs=1), "genius", 2.0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write(run, Path(folder))
        ...     [file.name for file in Path(folder).iterdir()]
        ['events.out.tfevents.0.digitlab']
    """
    from tensorboardX import SummaryWriter

    with tempfile.TemporaryDirectory() as made:
        writer = SummaryWriter(made)
        begin = _begin(run)
        write_settings(writer, parameters(run), results(run))
        for point in run.history:
            when = begin + point["seconds"]
            for name, tag in TAGS.items():
                if name in point:
                    writer.add_scalar(f"{BY_SAMPLES}/{tag}", point[name], int(point["samples_seen"]), walltime=when)
                    if point["epoch"].is_integer():
                        writer.add_scalar(tag, point[name], int(point["epoch"]), walltime=when)
        epochs = int(run.history[-1]["epoch"]) if run.history else 0
        for tag, value in results(run).items():
            if tag not in TAGS.values():
                writer.add_scalar(tag, value, epochs, walltime=begin + run.seconds)
        writer.close()
        (file,) = Path(made).iterdir()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LOG_FILE).write_bytes(
            file.read_bytes()
        )  # The name that tensorboardX gives the file contains the name of this machine.


def write_settings(writer: Any, values: dict[str, Any], scores: dict[str, float]) -> None:
    """Write hyperparameters and the scores that TensorBoard's table of hyperparameters shows with them.

    Args:
        writer: A `tensorboardX.SummaryWriter`.
        values: The hyperparameters by name.
        scores: The scores by their tags.

    Example:
        >>> from tensorboardX import SummaryWriter
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     writer = SummaryWriter(folder)
        ...     write_settings(writer, {"epochs": 3}, {"accuracy/validation": 0.9})
        ...     writer.close()
    """
    from tensorboardX.summary import hparams

    for summary in hparams({name: "auto" if value is None else value for name, value in values.items()}, scores):
        writer.file_writer.add_summary(summary)


def to_zip(runs: Iterable[Run]) -> bytes:
    """Write the logs of several runs as a ZIP file with one folder for each run.

    Args:
        runs: The runs. Their names must differ.

    Returns:
        Bytes of the ZIP file.

    Example:
        >>> from digitcore import models
        >>> from digitcore.training.settings import TrainSettings
        >>> run = Run(models.load("mlp").rename("run 1"), [], TrainSettings(epochs=1), "genius", 2.0)
        >>> zipfile.ZipFile(io.BytesIO(to_zip([run]))).namelist()
        ['run 1/events.out.tfevents.0.digitlab']
    """
    content = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for run in runs:
            write(run, Path(folder, run.model.name))
            archive.write(Path(folder, run.model.name, LOG_FILE), f"{run.model.name}/{LOG_FILE}")
    return content.getvalue()


def _begin(run: Run) -> float:
    """Return the time on the card of the model, in seconds since 1970; 0 if the card has no date."""
    try:
        return datetime.datetime.fromisoformat(run.model.card.date).replace(tzinfo=datetime.UTC).timestamp()
    except ValueError:
        return 0.0
