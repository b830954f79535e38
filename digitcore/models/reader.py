"""Loading of models: a shipped model, a folder that `digitlab train` wrote, or a model file."""

import hashlib
from pathlib import Path

import numpy as np

from digitcore import sanitize
from digitcore.errors import ModelError
from digitcore.files import read_bytes
from digitcore.models import registry
from digitcore.models.bundle import ModelBundle, ModelCard, checksums
from digitcore.predictor import Predictor

KERAS_SUFFIXES = (".keras", ".h5", ".hdf5", ".zip")
TFLITE_SUFFIX = ".tflite"
WEIGHT_TYPES = (0, 1, 9)  # float32, float16 and int8 in the schema of .tflite files


def load(source: str | Path, folder: Path = registry.SHIPPED_FOLDER) -> ModelBundle:
    """Load a shipped model, or a model of the user from a folder or a file.

    A .keras, .h5 or .zip file is untrusted: it is checked and opened in a separate process, which takes seconds. A .tflite file
    can predict, but cannot be trained.

    Args:
        source: Name of a shipped model, path of a folder that `digitlab train` or `models.save` wrote, or path of a .keras,
            .h5, .zip or .tflite file. A shipped model takes precedence over a folder of the same name; `./genius` is the folder.
        folder: A folder with one folder for each model. The default contains the shipped models.

    Returns:
        The model. A model from a file has the name of the file, and the confidence threshold of a `card.json` in the same folder
        if this card contains the hash of the file.

    Raises:
        ModelError: If there is no such model, or the file cannot be used. The message names the reason.

    Example:
        >>> from digitcore import models
        >>> models.load("mlp")
        ModelBundle('mlp', network='mlp', parameters=238510, trained=True, mnist_accuracy=0.9809)
    """
    path = Path(source)
    if isinstance(source, str) and source in registry.names(folder):
        return registry.load(source, folder)
    if path.is_dir():
        return registry.load_folder(path)
    suffix = path.suffix.lower()
    if suffix == TFLITE_SUFFIX or suffix in KERAS_SUFFIXES or path.is_file():
        content = read_bytes(path, ModelError)
        read = _from_tflite if suffix == TFLITE_SUFFIX else _from_keras
        return _with_threshold(read(content, path.stem), path, content)
    raise ModelError(
        f"There is no model called “{source}”. Choose one of {', '.join(registry.names(folder))}, a folder that “digitlab train” "
        "wrote, or a .keras or .tflite file."
    )


def check_trainable(bundle: ModelBundle) -> ModelBundle:
    """Check that a model has the file that Keras can train.

    Args:
        bundle: The model.

    Returns:
        The same model.

    Raises:
        ModelError: If the model comes from a .tflite file.

    Example:
        >>> check_trainable(load("mlp")).name
        'mlp'
    """
    if not bundle.keras_bytes:
        raise ModelError(f"The model “{bundle.name}” is a .tflite file, which cannot be trained. Use its .keras file.")
    return bundle


def _from_keras(content: bytes, name: str) -> ModelBundle:
    from digitcore.models import upload

    return upload.find_shipped(content) or upload.open_checked([upload.check(content)])[0].rename(name)


def _from_tflite(content: bytes, name: str) -> ModelBundle:
    Predictor(content)  # It raises a ModelError if the file is damaged or does not classify digits.
    parameters = _count_weights(content)
    card = ModelCard(name, "imported", parameters, trained=True, sha256=checksums(b"", content))
    return ModelBundle(card, b"", content)


def _with_threshold(model: ModelBundle, path: Path, content: bytes) -> ModelBundle:
    """Return the model with the confidence threshold of the card in the folder of its file, if the card describes this file."""
    try:
        card = ModelCard.from_json(path.with_name("card.json").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ModelError):
        return model
    threshold = sanitize.share(card.metrics.get("confidence_threshold"))
    if threshold is None or card.sha256.get(path.name) != hashlib.sha256(content).hexdigest():
        return model
    return model.with_card(model.card.with_metrics({"confidence_threshold": threshold}))


def _count_weights(content: bytes) -> int:
    """Return the number of weights that a .tflite file contains."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAsModel(content, 0)
    graph = model.Subgraphs(0)
    tensors = [graph.Tensors(i) for i in range(graph.TensorsLength())]
    weights = [one for one in tensors if one.Type() in WEIGHT_TYPES and model.Buffers(one.Buffer()).DataLength()]
    return sum(int(np.prod(one.ShapeAsNumpy())) for one in weights if one.ShapeLength())
