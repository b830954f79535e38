"""A model as a ZIP that predicts as the page does, with LiteRT, NumPy, Pillow and SciPy alone."""

import io
import zipfile
from pathlib import Path

import numpy as np

from digitcore.models.bundle import ModelBundle
from digitcore.predictor import Predictor

TEMPLATE_FOLDER = Path(__file__).with_name("export_template")
LIBRARY_FOLDER = Path(__file__).resolve().parents[1]
IMAGE_FILES = tuple(f"images/{name}.py" for name in ("__init__", "decoding", "digit", "ink", "photographs"))
LIBRARY_FILES = ("__init__.py", "errors.py", *IMAGE_FILES, "predictor.py")
TEMPLATE_FILES = ("predict.py", "README.md")
MODEL_FILE = "model.tflite"


def to_zip(bundle: ModelBundle) -> bytes:
    """The model, its card, the preprocessing, and `predict.py`."""
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
    """Whether the model inside a ZIP predicts as expected: (N, 28, 28) uint8 digits, (N, 10) probabilities."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        probabilities = Predictor.load(archive.read(MODEL_FILE)).probabilities(digits)
    return bool(np.allclose(probabilities, expected, atol=1e-5))
