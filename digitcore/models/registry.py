"""The shipped models on disk, a folder each: `model.keras`, `model.tflite` and `card.json`."""

from pathlib import Path

from digitcore.errors import ModelError
from digitcore.models.bundle import ModelBundle, ModelCard, checksums

_PACKAGED = Path(__file__).with_name("shipped")  # where an installed wheel carries them
SHIPPED_FOLDER = _PACKAGED if _PACKAGED.is_dir() else Path(__file__).resolve().parents[2] / "models"


def names(folder: Path = SHIPPED_FOLDER) -> list[str]:
    """The names of the models in a folder, in alphabetical order."""
    return sorted(card.parent.name for card in folder.glob("*/card.json"))


def load(name: str, folder: Path = SHIPPED_FOLDER) -> ModelBundle:
    """Load a model and verify its files by the card's hashes.

    Raises:
        ModelError: when there is no such model, or a file is missing or changed.
    """
    if name not in names(folder):
        raise ModelError(f"There is no model called “{name}”. There are: {', '.join(names(folder)) or 'none'}.")
    path = folder / name
    try:
        card = ModelCard.from_json((path / "card.json").read_text(encoding="utf-8"))
        keras_bytes, tflite_bytes = (path / "model.keras").read_bytes(), (path / "model.tflite").read_bytes()
    except OSError as error:
        raise ModelError(f"A file of the model “{name}” is missing. Fetch the project again.") from error
    if card.sha256 != checksums(keras_bytes, tflite_bytes):
        raise ModelError(f"The files of the model “{name}” do not match its card. Fetch the project again.")
    return ModelBundle(card, keras_bytes, tflite_bytes)


def save(bundle: ModelBundle, path: Path) -> None:
    """Write a bundle's three files into a folder, which is made when missing."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "model.keras").write_bytes(bundle.keras_bytes)
    (path / "model.tflite").write_bytes(bundle.tflite_bytes)
    (path / "card.json").write_text(bundle.card.to_json(), encoding="utf-8")
