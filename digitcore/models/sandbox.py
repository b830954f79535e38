"""`python -m digitcore.models.sandbox FOLDER` opens untrusted models with limits of time and memory; see `upload`.

Each N.in of the folder becomes N.keras, N.tflite and N.json, or N.error with a sentence.
"""

import io
import resource
import sys
import zipfile
from pathlib import Path

import h5py

from digitcore.errors import ModelError
from digitcore.models.upload import WEIGHTS_FILE

MAX_ADDRESS_SPACE = 8 << 30  # bytes; TensorFlow reserves much
MAX_CPU_SECONDS = 200
MAX_FILE_SIZE = 200 << 20  # bytes
MAX_WEIGHTS = 5_000_000


def main(folder: Path) -> None:
    """Open every N.in."""
    for kind, limit in (
        (resource.RLIMIT_AS, MAX_ADDRESS_SPACE),
        (resource.RLIMIT_CPU, MAX_CPU_SECONDS),
        (resource.RLIMIT_FSIZE, MAX_FILE_SIZE),
    ):
        resource.setrlimit(kind, (limit, limit))
    from digitcore.models import keras_io

    for file in sorted(folder.glob("*.in")):
        try:
            check_weights(file)
            bundle = keras_io.adapt(file.read_bytes(), file.stem)
        except ModelError as error:
            file.with_suffix(".error").write_text(str(error), encoding="utf-8")
        except Exception as error:  # noqa: BLE001 whatever an untrusted file makes Keras raise
            file.with_suffix(".error").write_text(f"Keras cannot open the model ({type(error).__name__}).", encoding="utf-8")
        else:
            file.with_suffix(".keras").write_bytes(bundle.keras_bytes)
            file.with_suffix(".tflite").write_bytes(bundle.tflite_bytes)
            file.with_suffix(".json").write_text(bundle.card.to_json(), encoding="utf-8")


def check_weights(file: Path) -> None:
    """Reject what HDF5 can hold beside numbers: links to other files, external data, sizes out of reach.

    Raises:
        ModelError: with what was found.
    """
    try:
        with zipfile.ZipFile(file) as archive, h5py.File(io.BytesIO(archive.read(WEIGHTS_FILE)), "r") as weights:
            total = sum(_count_weights(weights, name) for name in _hard_link_names(weights))
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise ModelError("The model's weights cannot be read: the file is damaged.") from error
    if total > MAX_WEIGHTS:
        raise ModelError(f"The model has {total:,} weights; {MAX_WEIGHTS:,} is the most.")


def _hard_link_names(weights: h5py.File) -> list[str]:
    """Names of all that the file holds; hard links only, so that nothing leads outside."""
    found: list[str] = []
    weights.visit_links(found.append)
    return found


def _count_weights(weights: h5py.File, name: str) -> int:
    """Number of weights under a name."""
    if not isinstance(weights.get(name, getlink=True), h5py.HardLink):
        raise ModelError("The model's weights point outside their file.")
    item = weights[name]
    if not isinstance(item, h5py.Dataset):
        return 0
    if item.external or item.is_virtual or item.dtype.kind not in "fiub":
        raise ModelError("The model's weights are not plain numbers.")
    return int(item.size)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
