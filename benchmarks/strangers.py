"""Open model files of other people with plain Keras and with Digit Lab, and print the accuracy of each on MNIST's test digits.

    python benchmarks/strangers.py FOLDER

The folder has .keras and .h5 files, for example from public repositories. The project has none of them, because most have no
license. Plain Keras opens a file in its safe mode, but without the isolation of Digit Lab's import.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks.report import table
from digitcore import mnist
from digitcore.models import upload
from digitcore.models.bundle import ModelBundle
from digitcore.values import percent

SUFFIXES = {".keras", ".h5", ".hdf5"}
HEAD = ("file", "plain Keras", "Digit Lab", "accuracy or reason")


def opens_in_keras(file: Path) -> bool:
    """Return whether Keras opens a file as it is."""
    try:
        keras.saving.load_model(file, compile=False, safe_mode=True)
    except Exception:  # noqa: BLE001  Keras raises errors of many kinds.
        return False
    return True


def measure(model: ModelBundle, digits: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of test digits that a model predicts correctly, 0 to 1."""
    return float((model.predictor().probabilities(digits).argmax(1) == labels).mean())


def main():
    """Open the files and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    files = sorted(file for file in parser.parse_args().folder.iterdir() if file.suffix in SUFFIXES)
    opened = upload.open_each([file.read_bytes() for file in files])
    test, rows, known = mnist.load_test(), [], []
    for file, found in zip(files, opened, strict=True):
        known.append(opens_in_keras(file))
        is_open = isinstance(found, ModelBundle)
        result = percent(measure(found, *test), 2) if isinstance(found, ModelBundle) else str(found)
        rows.append([file.name, "opens" if known[-1] else "–", "opens" if is_open else "–", result])
    ours = [isinstance(found, ModelBundle) for found in opened]
    print(table(HEAD, rows))
    print(f"\nPlain Keras opens {sum(known)} of {len(files)} files, and Digit Lab opens {sum(ours)}, ", end="")
    print(f"among them {sum(a and b for a, b in zip(known, ours, strict=True))} of those that plain Keras opens.")


if __name__ == "__main__":
    main()
