"""The shipped models on disk. Each has a folder with `model.keras`, `model.tflite` and `card.json`."""

from pathlib import Path

from digitcore.errors import ModelError
from digitcore.models.bundle import ModelBundle, ModelCard, checksums

_PACKAGED = Path(__file__).with_name("shipped")  # An installed wheel contains the models here.
SHIPPED_FOLDER = _PACKAGED if _PACKAGED.is_dir() else Path(__file__).resolve().parents[2] / "models"


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
    """Load a model and verify the hashes of its files.

    Args:
        name: Name of the model, one of `names`.
        folder: A folder with one folder for each model. The default contains the shipped models.

    Returns:
        The model with its card.

    Raises:
        ModelError: If the folder has no model of this name, or a file is missing or changed.

    Example:
        >>> from digitcore import models
        >>> models.load("mlp")
        ModelBundle('mlp', network='mlp', parameters=238510, trained=True, mnist_accuracy=0.9809)
    """
    if name not in names(folder):
        raise ModelError(f"There is no model called “{name}”. Choose one of: {', '.join(names(folder))}.")
    path = folder / name
    try:
        card = ModelCard.from_json((path / "card.json").read_text(encoding="utf-8"))
        keras_bytes, tflite_bytes = (path / "model.keras").read_bytes(), (path / "model.tflite").read_bytes()
    except OSError as error:
        raise ModelError(f"A file of the model “{name}” is missing. Download the project again.") from error
    if card.sha256 != checksums(keras_bytes, tflite_bytes):
        raise ModelError(f"The files of the model “{name}” do not match its card. Download the project again.")
    return ModelBundle(card, keras_bytes, tflite_bytes)


def save(bundle: ModelBundle, path: Path) -> None:
    """Write the three files of a model into a folder.

    Args:
        bundle: The model.
        path: The folder of this model. It is created if it does not exist.

    Example:
        >>> import tempfile
        >>> from digitcore import models
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     models.save(models.load("mlp"), Path(folder) / "mine")
        ...     models.names(Path(folder))
        ['mine']
    """
    path.mkdir(parents=True, exist_ok=True)
    (path / "model.keras").write_bytes(bundle.keras_bytes)
    (path / "model.tflite").write_bytes(bundle.tflite_bytes)
    (path / "card.json").write_text(bundle.card.to_json(), encoding="utf-8")
