"""The shipped models on disk. Each has a folder with `model.keras`, `model.tflite` and `card.json`."""

import os
import tempfile
from pathlib import Path

from digitcore.errors import ModelError
from digitcore.models.bundle import ModelBundle, ModelCard, checksums

DEFAULT_MODEL = "genius"  # the shipped model that predicts if no other model is chosen
_PACKAGED = Path(__file__).with_name("shipped")  # An installed wheel contains the models here.
SHIPPED_FOLDER = _PACKAGED if _PACKAGED.is_dir() else Path(__file__).resolve().parents[2] / "models"
# A subfolder with the complete files of a newer model, which `save` moves one after another into the folder of the model. If this
# is interrupted, the files that are still in the subfolder belong to the model.
REPLACEMENT = ".replacement"


def is_packaged() -> bool:
    """Return whether the shipped models are part of an installed package, and not of a checkout of the project.

    Example:
        >>> is_packaged()
        False
    """
    return SHIPPED_FOLDER == _PACKAGED


def names(folder: Path = SHIPPED_FOLDER) -> list[str]:
    """Return the names of the models in a folder.

    Args:
        folder: A folder with one folder for each model. The default contains the shipped models.

    Returns:
        The names in alphabetical order.

    Example:
        >>> from digitcore import models
        >>> models.names()[:3]
        ['cnn13', 'convnet', 'fast']
    """
    paths = [card.relative_to(folder) for pattern in ("*", f"*/{REPLACEMENT}") for card in folder.glob(f"{pattern}/card.json")]
    return sorted({path.parts[0] for path in paths})


def load(name: str, folder: Path = SHIPPED_FOLDER) -> ModelBundle:
    """Load a model of a folder of models by its name, and verify the hashes of its files.

    The server uses this function for names that visitors give, because it reads no other folder. `digitcore.models.load` also
    reads models of the user.

    Args:
        name: Name of the model, one of `names`.
        folder: A folder with one folder for each model. The default contains the shipped models.

    Returns:
        The model with its card.

    Raises:
        ModelError: If the folder has no model of this name, or a file is missing or changed.

    Example:
        >>> load("mlp")
        ModelBundle('mlp', network='mlp', parameters=238510, trained=True, mnist_accuracy=0.9809)
    """
    if name not in names(folder):
        raise ModelError(f"There is no model called “{name}”. Choose one of: {', '.join(names(folder))}.")
    return load_folder(folder / name)


def load_folder(path: Path) -> ModelBundle:
    """Load a model from the folder that `save` wrote, and verify the hashes of its files.

    Args:
        path: The folder of this model.

    Returns:
        The model with its card.

    Raises:
        ModelError: If a file is missing or changed.

    Example:
        >>> load_folder(SHIPPED_FOLDER / "mlp").name
        'mlp'
    """
    remedy = "Download the project again." if path.parent == SHIPPED_FOLDER else "Train or export the model again."
    try:
        card = ModelCard.from_json(_read(path, "card.json").decode())
        keras_bytes, tflite_bytes = _read(path, "model.keras"), _read(path, "model.tflite")
    except FileNotFoundError as error:
        missing = Path(error.filename).name
        raise ModelError(f"The folder {path} of a model has no file {missing}. {remedy}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"The files of the model in {path} cannot be read. {remedy}") from error
    if card.sha256 != checksums(keras_bytes, tflite_bytes):
        raise ModelError(f"The files of the model in {path} do not match its card. {remedy}")
    return ModelBundle(card, keras_bytes, tflite_bytes)


def _read(path: Path, name: str) -> bytes:
    """Return the content of a file of a model, also if its replacement was interrupted."""
    try:
        return (path / REPLACEMENT / name).read_bytes()
    except FileNotFoundError:
        return (path / name).read_bytes()


def save(bundle: ModelBundle, path: Path) -> None:
    """Write the three files of a model into a folder.

    An interruption, such as a full disk, a power cut or a killed process, leaves either the previous or the new model.

    Args:
        bundle: The model.
        path: The folder of this model. It is created if it does not exist.

    Raises:
        ModelError: If the folder cannot be written.

    Example:
        >>> import tempfile
        >>> from digitcore import models
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     models.save(models.load("mlp"), Path(folder) / "mine")
        ...     models.names(Path(folder))
        ['mine']
    """
    contents = {
        "model.keras": bundle.keras_bytes,
        "model.tflite": bundle.tflite_bytes,
        "card.json": bundle.card.to_json().encode(),
    }
    try:
        path.mkdir(parents=True, exist_ok=True)
        _complete_replacement(path)
        with tempfile.TemporaryDirectory(dir=path, prefix=".") as name:
            folder = Path(name) / "model"
            folder.mkdir()
            for file, content in contents.items():
                _write(folder / file, content)
            folder.rename(path / REPLACEMENT)  # This single step replaces the model.
        _sync(path)
        _complete_replacement(path)
    except OSError as error:
        raise ModelError(f"The model cannot be written to {path} ({error.strerror}). Choose another folder.") from error


def _complete_replacement(path: Path) -> None:
    """Move the files of a replacement into the folder of the model."""
    replacement = path / REPLACEMENT
    if replacement.is_dir():
        for file in replacement.iterdir():
            file.replace(path / file.name)
        replacement.rmdir()


def _write(file: Path, content: bytes) -> None:
    """Write a file, and wait until it is on the disk."""
    with file.open("wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())


def _sync(folder: Path) -> None:
    """Wait until the names in a folder are on the disk. Windows cannot do this."""
    if hasattr(os, "O_DIRECTORY"):
        opened = os.open(folder, os.O_DIRECTORY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
