"""The shipped models on disk. Each has a folder with `model.keras`, `model.tflite` and `card.json`."""

import tempfile
from pathlib import Path

from digitcore.errors import ModelError
from digitcore.models.bundle import ModelBundle, ModelCard, checksums

DEFAULT_MODEL = "genius"  # the shipped model that predicts if no other model is chosen
_PACKAGED = Path(__file__).with_name("shipped")  # An installed wheel contains the models here.
SHIPPED_FOLDER = _PACKAGED if _PACKAGED.is_dir() else Path(__file__).resolve().parents[2] / "models"


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
    return sorted(card.parent.name for card in folder.glob("*/card.json"))


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
        card = ModelCard.from_json((path / "card.json").read_text(encoding="utf-8"))
        keras_bytes, tflite_bytes = (path / "model.keras").read_bytes(), (path / "model.tflite").read_bytes()
    except FileNotFoundError as error:
        missing = Path(error.filename).name
        raise ModelError(f"The folder {path} of a model has no file {missing}. {remedy}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"The files of the model in {path} cannot be read. {remedy}") from error
    if card.sha256 != checksums(keras_bytes, tflite_bytes):
        raise ModelError(f"The files of the model in {path} do not match its card. {remedy}")
    return ModelBundle(card, keras_bytes, tflite_bytes)


def save(bundle: ModelBundle, path: Path) -> None:
    """Write the three files of a model into a folder.

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
        with tempfile.TemporaryDirectory(dir=path, prefix=".") as folder:  # A full disk leaves the previous model as it is.
            for name, content in contents.items():
                (Path(folder) / name).write_bytes(content)
            for name in contents:
                (Path(folder) / name).replace(path / name)
    except OSError as error:
        raise ModelError(f"The model cannot be written to {path} ({error.strerror}). Choose another folder.") from error
