"""A ZIP file with a run as a command, a script and a notebook, and with the data that they need."""

import io
import zipfile
from dataclasses import replace

import numpy as np

from digitcore.data import out_of_distribution, pens, synthetic
from digitcore.models.bundle import ModelBundle, checksums
from digitcore.reproduce.code import command, script
from digitcore.reproduce.experiment import SAMPLES_FILE, START_FOLDER, Experiment
from digitcore.reproduce.notebook import DATA_FILE, has_own_digits, notebook
from digitcore.training.own_digits import own_digits

COMMAND_FILE, SCRIPT_FILE, NOTEBOOK_FILE = "train.sh", "train.py", "train.ipynb"
NO_DIGIT = -1  # label of an image that shows no digit


def to_zip(experiment: Experiment) -> bytes:
    """Write a run as code. Generated digits take seconds.

    Args:
        experiment: The experiment.

    Returns:
        The content of a ZIP file.

    Example:
        >>> with zipfile.ZipFile(io.BytesIO(to_zip(Experiment.of_recipe("mlp")))) as archive:
        ...     archive.namelist()
        ['train.sh', 'train.py', 'train.ipynb']
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(COMMAND_FILE, f"{command(experiment)}\n")
        archive.writestr(SCRIPT_FILE, script(experiment))
        archive.writestr(NOTEBOOK_FILE, notebook(experiment))
        if len(experiment.samples):
            archive.writestr(SAMPLES_FILE, experiment.samples.to_npz())
        if has_own_digits(experiment):
            archive.writestr(DATA_FILE, _own_data(experiment))
        if experiment.start is not None:
            for name, content in _model_files(experiment.start).items():
                archive.writestr(f"{START_FOLDER}/{name}", content)
    return file.getvalue()


def _model_files(start: ModelBundle) -> dict[str, bytes]:
    """Return the files of a model's folder, as `models.save` writes them."""
    card = replace(start.card, sha256=checksums(start.keras_bytes, start.tflite_bytes))
    return {"model.keras": start.keras_bytes, "model.tflite": start.tflite_bytes, "card.json": card.to_json().encode()}


def _own_data(experiment: Experiment) -> bytes:
    """Return an .npz file with all training digits that are not MNIST's, and with the held-out drawings."""
    samples = experiment.samples
    settings = experiment.settings.resolved(experiment.is_fine_tuning)
    digits, labels, weights = own_digits(samples.training_part(), settings)
    parts = [(digits, labels.astype(int), settings.sample_weight * weights)]
    if settings.synthetic_samples:
        parts.append(_unweighted(*synthetic.generate(settings.synthetic_samples, settings.seed)))
    if settings.pen_samples:
        drawings, rng = pens.load().training, np.random.default_rng(settings.seed)
        chosen = np.resize(rng.permutation(len(drawings)), settings.pen_samples)
        parts.append(_unweighted(drawings.paint(rng, chosen), drawings.labels[chosen]))
    if settings.non_digit_samples:
        images, kinds = out_of_distribution.generate(
            settings.non_digit_samples, settings.seed + 1, out_of_distribution.TRAINING_KINDS
        )
        parts.append(_unweighted(images, np.full(len(kinds), NO_DIGIT)))
    held_out = samples.take(np.flatnonzero(samples.held_out))
    file = io.BytesIO()
    np.savez_compressed(
        file,
        images=np.concatenate([part[0] for part in parts]),
        labels=np.concatenate([part[1] for part in parts]),
        weights=np.concatenate([part[2] for part in parts]),
        held_out_images=held_out.digits,
        held_out_labels=held_out.labels,
    )
    return file.getvalue()


def _unweighted(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return images, labels.astype(int), np.ones(len(labels))
