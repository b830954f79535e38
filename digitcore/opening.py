"""`python -m digitcore.opening FOLDER` opens a stranger's models with limits of time and memory; see `digitcore.incoming`.

Each N.in of the folder becomes N.keras and N.tflite, or N.error with a sentence.
"""

import io
import resource
import sys
import zipfile
from pathlib import Path

import h5py

from digitcore.errors import ModelError
from digitcore.incoming import WEIGHTS

MEMORY, SECONDS, FILE = 8 << 30, 200, 200 << 20  # bytes of address space (TensorFlow reserves much), s of processor, bytes
MOST_WEIGHTS = 5_000_000


def main(folder: Path) -> None:
    """Open every N.in."""
    for kind, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_FSIZE, FILE)):
        resource.setrlimit(kind, (most, most))
    from digitcore import training

    for file in sorted(folder.glob("*.in")):
        try:
            check_weights(file)
            bundle = training.adapted(file.read_bytes(), file.stem)
        except ModelError as error:
            file.with_suffix(".error").write_text(str(error), encoding="utf-8")
        except Exception as error:  # noqa: BLE001 whatever a stranger's file makes Keras raise
            file.with_suffix(".error").write_text(f"Keras cannot open the model ({type(error).__name__}).", encoding="utf-8")
        else:
            file.with_suffix(".keras").write_bytes(bundle.keras_bytes)
            file.with_suffix(".tflite").write_bytes(bundle.tflite_bytes)
            file.with_suffix(".json").write_text(bundle.card.to_json(), encoding="utf-8")


def check_weights(file: Path) -> None:
    """Refuse what HDF5 can do beside holding numbers: links to other files, data kept elsewhere, sizes out of reach.

    Raises:
        ModelError: with what was found.
    """
    try:
        with zipfile.ZipFile(file) as packed, h5py.File(io.BytesIO(packed.read(WEIGHTS)), "r") as data:
            total = sum(_weights(data, name) for name in _names(data))
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise ModelError("The model's weights cannot be read: the file is damaged.") from error
    if total > MOST_WEIGHTS:
        raise ModelError(f"The model has {total:,} weights; {MOST_WEIGHTS:,} is the most.")


def _names(data):
    """Of all that the file holds; hard links only, so that nothing leads outside."""
    found: list[str] = []
    data.visit_links(found.append)
    return found


def _weights(data, name):
    """How many numbers there are under a name."""
    if not isinstance(data.get(name, getlink=True), h5py.HardLink):
        raise ModelError("The model's weights point outside their file.")
    found = data[name]
    if not isinstance(found, h5py.Dataset):
        return 0
    if found.external or found.is_virtual or found.dtype.kind not in "fiub":
        raise ModelError("The model's weights are not plain numbers.")
    return found.size


if __name__ == "__main__":
    main(Path(sys.argv[1]))
