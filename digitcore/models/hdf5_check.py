"""Check of the HDF5 files in models of strangers, before Keras is imported. Only the sandbox opens such files."""

import io
import zipfile
from pathlib import Path

import h5py

from digitcore.errors import ZIP_ERRORS, ModelError
from digitcore.models.config_translation import Json
from digitcore.models.file_kinds import NOT_KERAS, WEIGHTS_ONLY, is_hdf5
from digitcore.models.upload import MAX_WEIGHTS, WEIGHTS_FILE, check_config

CONFIG_ATTRIBUTE = "model_config"
TRAINING_STATE = ("optimizer", "optimizer_weights", "metrics")  # parts of a weights file that a network does not need


def check_file(file: Path) -> None:
    """Check the type and the number of the weights of a model file, and the configuration in an HDF5 file.

    HDF5 files can also contain links to other files, external data and huge sizes. These are rejected.

    Args:
        file: A .keras file or an HDF5 file.

    Raises:
        ModelError: If the weights are damaged, too many, or not plain numbers, or the configuration is not allowed.

    Example:
        >>> from digitcore import models
        >>> check_file(models.SHIPPED_FOLDER / "mlp" / "model.keras")
    """
    content = file.read_bytes()
    try:
        if not is_hdf5(content):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                content = archive.read(WEIGHTS_FILE)
        with h5py.File(io.BytesIO(content), "r") as weights:
            total = sum(_count_weights(weights, name) for name in _hard_link_names(weights))
            if CONFIG_ATTRIBUTE in weights.attrs:
                read_config(weights)
    except (*ZIP_ERRORS, TypeError) as error:
        raise ModelError("The model's weights cannot be read, because the file is damaged. Save the model again.") from error
    if total > MAX_WEIGHTS:
        raise ModelError(f"The model has {total:,} weights. Use a model of at most {MAX_WEIGHTS:,}.")


def _hard_link_names(weights: h5py.File) -> list[str]:
    """Return the names of all objects in the file.

    Only hard links are followed, because other links can lead outside the file.
    """
    found: list[str] = []
    weights.visit_links(found.append)
    return found


def _count_weights(weights: h5py.File, name: str) -> int:
    """Return the number of weights under a name; 0 for a group."""
    if not isinstance(weights.get(name, getlink=True), h5py.HardLink):
        raise ModelError("The model's weights contain a link. Save the model again with Keras 3.")
    item = weights[name]
    if not isinstance(item, h5py.Dataset):
        return 0
    if item.external or item.is_virtual or item.dtype.kind not in "fiub":
        raise ModelError("The model's weights are not plain numbers. Save the model again with Keras 3.")
    return 0 if name.split("/")[0] in TRAINING_STATE else int(item.size)


def read_config(file: h5py.File) -> Json:
    """Return the checked configuration of the model in an HDF5 file.

    Args:
        file: An untrusted file.

    Returns:
        The configuration in the form of Keras 3.

    Raises:
        ModelError: If the file holds no model, or its configuration is not allowed.

    Example:
        >>> read_config(h5py.File("mine.h5"))  # doctest: +SKIP
    """
    text = file.attrs.get(CONFIG_ATTRIBUTE)
    if text is None:
        raise ModelError(WEIGHTS_ONLY if "layer_names" in file.attrs or "layers" in file else NOT_KERAS)
    if not isinstance(text, str | bytes):
        raise ModelError(NOT_KERAS)
    return check_config(text.decode("utf-8", "replace") if isinstance(text, bytes) else text)
