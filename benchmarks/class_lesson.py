"""Print the example lesson of docs/class.md: a class whose pupils are the 30 pen writers of the training data.

    python benchmarks/class_lesson.py [--drawings 20] [--start plain]

Each writer has the same number of drawings of each digit. Five models learn from the class, each without a fifth of the writers.
Four other models learn from all writers, each without a quarter of the drawings. No model predicts a drawing that it learnt from.
The start must be a model that has not learnt from pen drawings, so genius is not possible.
"""

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks.report import table
from digitcore import models
from digitcore.classroom import leave_out
from digitcore.classroom.pupils import ClassDrawings, Pupil
from digitcore.data import pens
from digitcore.jobs.tasks import LeaveOutTask
from digitcore.samples import SampleSet
from digitcore.training.settings import TrainSettings
from digitcore.values import percent

SHARE_OF_OLD_WEIGHTS = 0.3  # less than the default, because a class has more drawings than a person and `plain` must learn more


def writers(n: int, seed: int = 0) -> ClassDrawings:
    """Return the pen writers as pupils, each with n drawings."""
    drawings, rng = pens.load(), np.random.default_rng(seed)
    pupils = []
    for number, writer in enumerate(sorted(set(drawings.writers.tolist())), 1):
        own = [np.flatnonzero((drawings.writers == writer) & (drawings.labels == digit)) for digit in range(10)]
        chosen = np.concatenate([rng.permutation(indices)[: n // 10] for indices in own])
        samples = SampleSet.from_arrays(drawings.paint(rng, chosen), drawings.labels[chosen])
        pupils.append(Pupil(writer, f"writer {number:02}", samples))
    return ClassDrawings(tuple(pupils))


def cell(score) -> str:
    """Return an accuracy with its interval."""
    low, high = (100 * bound for bound in score.interval)
    return f"{percent(score.accuracy)} ({low:.0f}–{high:.0f})"


def main():
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drawings", type=int, default=20, metavar="N", help="drawings of each writer, a multiple of 10")
    parser.add_argument("--start", default="plain", help="name of the initial model")
    options = parser.parse_args()
    drawings, started = writers(options.drawings), time.monotonic()
    task = LeaveOutTask(
        models.load(options.start),
        drawings.samples,
        TrainSettings(weight_interpolation=SHARE_OF_OLD_WEIGHTS),
        drawings.weights(),
        drawings.drawing_folds(),
        drawings.pupil_folds(),
    )
    found = task.run(lambda progress: None, lambda: False)
    rows = [*leave_out.table(drawings, found), leave_out.total(drawings, found)]
    names = [row.names[0] if len(row.names) == 1 else f"all {len(row.names)}" for row in rows]
    cells = (
        [name, row.start.n, *map(cell, (row.start, row.without, row.together))] for name, row in zip(names, rows, strict=True)
    )
    print(table(["pupil", "drawings", f"read by {options.start}", "by the class without them", "by the class with them"], cells))
    print(f"\n{task.n_trainings} trainings, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
