"""Plant a fault in a real lab for each check, and count which checks find an issue.

    python benchmarks/checks.py [--labs 10]

Each clean lab has about 400 MNIST test digits as drawings, a fine-tuning of `genius` and a sweep of three seeds. The faults of
the drawings are planted in the drawings, and the faults of runs and sweeps are real trainings with bad settings. The table has
one row for each fault with the checks that found an issue. Each check must find its own fault, and no check may find an issue
in a clean lab.
"""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks.report import table
from digitcore import models
from digitcore.checks import CHECKS, Status, check_lab
from digitcore.errors import TrainingError
from digitcore.jobs import mnist_evaluation
from digitcore.models import keras_io
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.storage.snapshot import LabSnapshot, RunRecord
from digitcore.sweeps import Sweep, SweepPlan
from digitcore.sweeps.local import run_locally
from digitcore.training import Run, TrainSettings, train
from tests.support.check_labs import PLANTED, clean_samples

FEW = TrainSettings(mnist_samples=1000, validation_samples=1000)
SOFTMAX_REGRESSION = '{"blocks":[]}'  # Its loss is high at a large learning rate, but its predictions do not collapse.
DEAD = '{"activation":"sigmoid","blocks":[' + ",".join(['{"kind":"dense","size":16}'] * 10) + "]}"  # gradients vanish
EACH = 40  # drawings of each digit, so that the held-out set is large enough for a model with many errors
LEARNING_RATES = (1e-5, 1e-3, 3e-1)  # The best is in the middle.


def record(start: ModelBundle, samples: SampleSet, settings: TrainSettings) -> RunRecord:
    """Train a model, and score it on MNIST's test digits, as a lab does."""
    try:
        run = train(start, samples.training_part(), settings)
    except TrainingError as error:
        run = Run.failed(start, samples, settings, [{"epoch": 0.0, "samples_seen": 0.0, "seconds": 0.0}], str(error))
    else:
        run = run.with_mnist_scores(mnist_evaluation.compare(start, run.model))
    return RunRecord(replace(run, model=run.model.rename("run 1")), start)


def sweep(samples: SampleSet, base: TrainSettings, **space: Any) -> dict[str, Any]:
    """Run a sweep of an MLP from random weights with three seeds."""
    found = Sweep(models.load("mlp"), samples, SweepPlan(space, base, "mlp", n_seeds=3))
    run_locally(found)
    return found.to_dict()


def clear_samples(seed: int) -> SampleSet:
    """Return digits without test digits that are hard to read: three other models than the checks' model agree on them."""
    samples = clean_samples(seed, EACH)
    predicted = [models.load(name).predictor().probabilities(samples.digits).argmax(1) for name in ("convnet", "cnn13", "fast")]
    return samples.take(np.flatnonzero(np.all(np.stack(predicted) == samples.labels, axis=0)))


def clean_lab(seed: int) -> LabSnapshot:
    """Return a lab with a good training and a good sweep."""
    samples = clear_samples(seed)
    run = record(models.load("genius"), samples, TrainSettings(seed=seed))
    space = {"learning_rate": list(LEARNING_RATES)}
    return LabSnapshot(samples, (run,), sweep=sweep(samples, FEW.replace(epochs=2, seed=10 * seed), **space))


def with_run(start: str, settings: TrainSettings) -> Callable[[LabSnapshot], LabSnapshot]:
    """Return a function that replaces the run of a lab by a training with bad settings."""

    def plant(lab: LabSnapshot) -> LabSnapshot:
        trained = start in models.names()
        model = models.load(start) if trained else keras_io.random_model(start, seed=settings.seed)
        return replace(lab, runs=(record(model, lab.samples, settings),))

    return plant


def with_sweep(base: TrainSettings, **space: Any) -> Callable[[LabSnapshot], LabSnapshot]:
    """Return a function that replaces the sweep of a lab."""
    return lambda lab: replace(lab, sweep=sweep(lab.samples, base, **space))


SCRATCH = FEW.replace(sample_weight=1.0, epochs=15)
FAULTS = {number: plant for number, plant in PLANTED.items() if number.startswith("D")} | {
    "R01": with_run(SOFTMAX_REGRESSION, SCRATCH.replace(epochs=3, learning_rate=1.0, batch_size=32, schedule="constant")),
    "R02": with_run(
        '{"blocks":[{"kind":"dense","size":64}]}', SCRATCH.replace(epochs=2, learning_rate=3e-4, schedule="constant")
    ),
    "R03": with_run('{"blocks":[{"kind":"dense","size":300}]}', SCRATCH.replace(mnist_samples=100, epochs=40)),
    "R04": with_run("genius", TrainSettings(mnist_samples=0, epochs=5, learning_rate=5e-3, weight_interpolation=0.0)),
    "R05": with_run(DEAD, SCRATCH.replace(epochs=3)),
    "S01": with_sweep(FEW.replace(epochs=2), learning_rate=[1e-5, 1e-4, 1e-3]),
    "S02": with_sweep(FEW.replace(epochs=2), beta_2=[0.99, 0.995, 0.999]),
}


def issues(lab: LabSnapshot) -> str:
    """Return the numbers of the checks that find an issue."""
    return ", ".join(result.id for result in check_lab(lab) if result.status == Status.ISSUE) or "none"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labs", type=int, default=10, help="number of clean labs")
    arguments = parser.parse_args()
    first, rows = clean_lab(0), []
    for check in CHECKS:
        rows.append([f"{check.id} {check.title}", issues(FAULTS[check.id](first))])
        print(rows[-1], file=sys.stderr, flush=True)
    for seed in range(arguments.labs):
        rows.append([f"clean lab {seed + 1}", issues(clean_lab(seed))])
        print(rows[-1], file=sys.stderr, flush=True)
    print(table(["lab", "checks that find an issue"], rows))


if __name__ == "__main__":
    main()
