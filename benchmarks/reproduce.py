"""Train runs again as a command, as a script and as a notebook, and compare the curves and the accuracies.

    python benchmarks/reproduce.py [--seeds 3]

The runs are a fine-tuning of `genius` on 120 digits as drawings, a training of a built network from random weights, and the
recipe `fast`. Each run is trained by the command, by the script, and by the notebook with several seeds. The table says whether
the curves of run, command and script are the same to the last digit, and it shows the accuracy on MNIST's test digits of the
run, of the notebook (lowest and highest over the seeds), and of the library with the same seeds (lowest and highest).
"""

import argparse
import io
import json
import os
import shlex
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks.report import table
from digitcore import mnist, models
from digitcore.models import keras_io
from digitcore.models.bundle import ModelBundle
from digitcore.reproduce import Experiment, notebook, to_zip
from digitcore.samples import SampleSet
from digitcore.storage.snapshot import RunRecord
from digitcore.training import TrainSettings, train
from digitcore.values import percent
from tests.support.check_labs import clean_samples

NETWORK = '{"activation":"relu","blocks":[{"kind":"conv","size":16,"pooling":true},{"kind":"dense","size":64}]}'
ACCURACY = "print('ACCURACY', mnist_accuracy)"


def points(history: list[dict[str, float]]) -> list[dict[str, float]]:
    """Return a curve without its times."""
    return [{name: value for name, value in point.items() if name != "seconds"} for point in history]


def accuracy(model: ModelBundle) -> float:
    """Return the accuracy on MNIST's test digits."""
    digits, labels = mnist.load().test
    return float((model.predictor().probabilities(digits).argmax(1) == labels).mean())


def run(command: list[str], folder: Path) -> str:
    """Run a command in a folder, and return its standard output."""
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def run_notebook(text: str, folder: Path) -> float:
    """Run the code of a notebook in a new process, and return its accuracy on MNIST's test digits."""
    cells = ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    output = run([sys.executable, "-c", "\n\n".join([*cells, ACCURACY])], folder)
    return float(output.rsplit("ACCURACY", 1)[1])


def start_of(experiment: Experiment, seed: int) -> ModelBundle:
    """Return the initial model of an experiment with another seed."""
    return experiment.start or keras_io.random_model(experiment.network, seed=seed)


def measure(name: str, experiment: Experiment, history: list[dict[str, float]] | None, n_seeds: int) -> list[Any]:
    """Return a row of the table."""
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        with zipfile.ZipFile(io.BytesIO(to_zip(experiment))) as archive:
            archive.extractall(folder)
        (folder / "mnist.npz").symlink_to(mnist.cache_file())
        words = shlex.split((folder / "train.sh").read_text())
        run([sys.executable, "-m", "digitcore", *words[1:]], folder)
        by_command = models.load(folder / experiment.folder)
        run([sys.executable, "train.py"], folder)
        by_script = models.load(folder / experiment.folder)
        curves = [points(model.card.history) for model in (by_command, by_script)] + ([points(history)] if history else [])
        seeds = [replace(experiment, settings=experiment.settings.replace(seed=seed)) for seed in range(n_seeds)]
        with_keras = [run_notebook(notebook(one), folder) for one in seeds]
        training = experiment.samples.training_part()
        with_library = [accuracy(train(start_of(one, one.settings.seed), training, one.settings).model) for one in seeds]
    is_same = "yes" if all(curve == curves[0] for curve in curves) else "no"
    return [name, is_same, percent(accuracy(by_command), 2), spread(with_keras), spread(with_library)]


def spread(values: list[float]) -> str:
    """Return the lowest and the highest accuracy."""
    return f"{percent(min(values), 2)} to {percent(max(values), 2)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds of the notebook and of the library")
    arguments = parser.parse_args()
    samples = clean_samples(0)
    settings = TrainSettings(mnist_samples=5000, epochs=4, sample_weight=2.0)
    cases = {
        "fine-tuning of genius": (models.load("genius"), samples, TrainSettings()),
        "built network from scratch": (keras_io.random_model(NETWORK), SampleSet(), settings),
    }
    rows = []
    for name, (start, drawings, chosen) in cases.items():
        found = train(start, drawings.training_part(), chosen)
        record = RunRecord(replace(found, model=found.model.rename("run 1")), start)
        rows.append(measure(name, Experiment.of_run(record, drawings), found.history, arguments.seeds))
        print(rows[-1], file=sys.stderr, flush=True)
    rows.append(measure("recipe fast", Experiment.of_recipe("fast"), None, arguments.seeds))
    print(table(["run", "same curve", "command", "notebook", "library"], rows))


if __name__ == "__main__":
    main()
