"""Export of a model as a ZIP file that predicts like the pages and needs only LiteRT, NumPy, Pillow and SciPy."""

import io
import zipfile
from pathlib import Path

import numpy as np

from digitcore.models.bundle import ModelBundle
from digitcore.predictor import Predictor

TEMPLATE_FOLDER = Path(__file__).with_name("export_template")
LIBRARY_FOLDER = Path(__file__).resolve().parents[1]
IMAGE_FILES = tuple(f"images/{path.name}" for path in sorted((LIBRARY_FOLDER / "images").glob("*.py")))
LIBRARY_FILES = ("__init__.py", "errors.py", "files.py", *IMAGE_FILES, "native_messages.py", "predictor.py")
TEMPLATE_FILES = ("predict.py", "README.md")
MODEL_FILE = "model.tflite"


def to_zip(bundle: ModelBundle) -> bytes:
    """Pack a model with its card, the preprocessing and `predict.py`.

    Args:
        bundle: The model.

    Returns:
        The content of a ZIP file.

    Example:
        >>> from digitcore import models
        >>> with zipfile.ZipFile(io.BytesIO(to_zip(models.load("mlp")))) as archive:
        ...     sorted(archive.namelist())[:3]
        ['README.md', 'card.json', 'digitcore/__init__.py']
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MODEL_FILE, bundle.tflite_bytes)
        archive.writestr("card.json", bundle.card.to_json())
        for name in TEMPLATE_FILES:
            archive.write(TEMPLATE_FOLDER / name, name)
        for name in LIBRARY_FILES:
            archive.write(LIBRARY_FOLDER / name, f"digitcore/{name}")
    return file.getvalue()


def is_consistent(content: bytes, digits: np.ndarray, expected: np.ndarray) -> bool:
    """Check whether the model in an exported ZIP file gives the expected predictions.

    Args:
        content: The content of a ZIP file from `to_zip`.
        digits: (N, 28, 28) uint8, ink 255 on 0.
        expected: (N, 10) float32, the probabilities of the digits, 0 to 1.

    Returns:
        True if no probability differs by more than about 1e-5.

    Example:
        >>> from digitcore import models
        >>> mlp, digits = models.load("mlp"), np.zeros((1, 28, 28), np.uint8)
        >>> is_consistent(to_zip(mlp), digits, mlp.predictor().probabilities(digits))
        True
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        probabilities = Predictor.load(archive.read(MODEL_FILE)).probabilities(digits)
    return bool(np.allclose(probabilities, expected, atol=1e-5))
