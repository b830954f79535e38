"""A folder with a model in the layout of a repository of the Hugging Face Hub."""

import io
import re
import zipfile
from pathlib import Path

from digitcore.errors import ModelError
from digitcore.evaluation import model_card
from digitcore.models import export, upload
from digitcore.models.bundle import ModelBundle

README = "README.md"
GIT_ATTRIBUTES = "".join(f"*.{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in ("keras", "tflite", "onnx"))
SHIPPED_LICENSE = "mit"


def repository_name(bundle: ModelBundle) -> str:
    """Return a name that the Hub allows for the repository of a model.

    Args:
        bundle: The model.

    Example:
        >>> from digitcore import models
        >>> repository_name(models.load("mlp").rename("run 2"))
        'run-2'
    """
    return re.sub(r"[^A-Za-z0-9]+", "-", bundle.name).strip("-") or "model"


def contents(bundle: ModelBundle, license: str = "") -> dict[str, bytes]:
    """Return the files of a repository by their names. The conversion to ONNX takes seconds.

    A model that was opened from a .tflite file has no .keras file and no ONNX file.

    Args:
        bundle: The model.
        license: Identifier of the license. If "", a shipped model has the license of this project, and another model has none.

    Returns:
        Content by path, with the model card as README.md.

    Raises:
        ModelError: If Keras cannot open the model.

    Example:
        >>> from digitcore import models
        >>> sorted(contents(models.load("mlp")))[:4]  # doctest: +SKIP
        ['.gitattributes', 'README.md', 'card.json', 'digitcore/__init__.py']
    """
    with zipfile.ZipFile(io.BytesIO(export.to_zip(bundle))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    if bundle.keras_bytes:
        from digitcore.models.keras_io import to_onnx

        files |= {"model.keras": bundle.keras_bytes, "model.onnx": to_onnx(bundle)}
        if not license and upload.find_shipped(bundle.keras_bytes):
            license = SHIPPED_LICENSE
    card = model_card.render(bundle, list(files), license)
    return files | {README: card.encode(), ".gitattributes": GIT_ATTRIBUTES.encode()}


def write(bundle: ModelBundle, folder: Path, license: str = "") -> list[str]:
    """Write the files of a repository into a folder. Other files in the folder are kept.

    Args:
        bundle: The model.
        folder: The folder. It is created if it does not exist.
        license: Identifier of the license, as in `contents`.

    Returns:
        The paths of the files, relative to the folder.

    Raises:
        ModelError: If Keras cannot open the model, or the folder cannot be written.

    Example:
        >>> from digitcore import models
        >>> write(models.load("mlp"), Path("mlp-hub"))  # doctest: +SKIP
    """
    files = contents(bundle, license)
    try:
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    except OSError as error:
        raise ModelError(f"The folder {folder} cannot be written ({error.strerror}). Choose another folder.") from error
    return sorted(files)
