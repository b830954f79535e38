"""A model to take away: a ZIP that answers as the page does, with LiteRT, NumPy and Pillow alone."""

import io
import zipfile
from pathlib import Path

import numpy as np

from digitcore.models import ModelBundle
from digitcore.predictor import Predictor

HERE = Path(__file__).resolve().parent
LIBRARY = ("__init__.py", "errors.py", "images.py", "predictor.py")
PARCEL = ("predict.py", "README.md")
MODEL = "model.tflite"


def zipped(bundle: ModelBundle) -> bytes:
    """The model, its card, what makes a picture a digit, and `predict.py`."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(MODEL, bundle.tflite_bytes)
        packed.writestr("card.json", bundle.card.to_json())
        for name in PARCEL:
            packed.write(HERE / "parcel" / name, name)
        for name in LIBRARY:
            packed.write(HERE / name, f"digitcore/{name}")
    return file.getvalue()


def agrees(data: bytes, digits: np.ndarray, expected: np.ndarray) -> bool:
    """Whether the model inside a ZIP answers as it should: (N, 28, 28) uint8 digits, (N, 10) probabilities."""
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        answers = Predictor.load(packed.read(MODEL)).probabilities(digits)
    return bool(np.allclose(answers, expected, atol=1e-5))
