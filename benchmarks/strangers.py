"""Open model files of other people with plain Keras and with Digit Lab, and print the accuracy of each on MNIST's test digits.

    python benchmarks/strangers.py FOLDER

The folder has .keras and .h5 files, for example from public repositories. The project has none of them, because most have no
license. Plain Keras opens a file in its safe mode, but without the isolation of Digit Lab's import. If a model's accuracy is
low, the table has the warning of the import. The program exits with 1 if it is missing, or if plain Keras opens a file that
Digit Lab refuses.
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks.report import table
from digitcore import mnist
from digitcore.errors import ModelError
from digitcore.models import upload
from digitcore.models.bundle import ModelBundle
from digitcore.values import percent

SUFFIXES = {".keras", ".h5", ".hdf5"}
HEAD = ("file", "plain Keras", "Digit Lab", "accuracy", "warning or reason")
OPENS, REFUSED = "opens", "–"


def opens_in_keras(file: Path) -> bool:
    """Return whether Keras opens a file as it is."""
    try:
        keras.saving.load_model(file, compile=False, safe_mode=True)
    except Exception:  # noqa: BLE001  Keras raises errors of many kinds.
        return False
    return True


def open_all(files: list[Path]) -> list[ModelBundle | ModelError]:
    """Check and open the files like the import on My lab, and return an error for each refused file."""
    found: list[ModelBundle | ModelError] = []
    for file in files:
        try:
            found.append(upload.open_checked([upload.check(file.read_bytes())])[0])
        except ModelError as error:
            found.append(error)
    return found


def measure(model: ModelBundle, digits: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of test digits that a model predicts correctly, 0 to 1."""
    return float((model.predictor().probabilities(digits).argmax(1) == labels).mean())


def warning(model: ModelBundle, accuracy: float) -> str:
    """Return the first sentence of the import's description if it is a warning."""
    metrics = {"mnist_accuracy": accuracy}
    first = upload.describe_import(model.with_card(model.card.with_metrics(metrics))).partition("correctly. ")
    return f"{first[0]}correctly." if first[1] else ""


def main():
    """Open the files and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    files = sorted(file for file in parser.parse_args().folder.iterdir() if file.suffix in SUFFIXES)
    test, rows, in_keras, here, faults = mnist.load_test(), [], 0, 0, 0
    for file, found in zip(files, open_all(files), strict=True):
        known = opens_in_keras(file)
        in_keras += known
        if isinstance(found, ModelError):
            faults += known
            rows.append([file.name, OPENS if known else REFUSED, REFUSED, "", found])
            continue
        here += 1
        accuracy = measure(found, *test)
        faults += accuracy < upload.MIN_ACCURACY and not warning(found, accuracy)
        rows.append([file.name, OPENS if known else REFUSED, OPENS, percent(accuracy, 2), warning(found, accuracy)])
    print(table(HEAD, rows))
    both = sum(row[1] == row[2] == OPENS for row in rows)
    print(f"\nPlain Keras opens {in_keras} of {len(files)} files. Digit Lab opens {here}, among them {both} of these {in_keras}.")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
