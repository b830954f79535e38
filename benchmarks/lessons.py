"""Measure the answers of the lessons: train with several seeds, and evaluate on MNIST's test digits.

    python benchmarks/lessons.py [NUMBER ...] [--drawings FOLDER] [--json]

FOLDER holds real drawings, as `benchmarks/personalization.py` describes. Each seed then uses the drawings of another writer.
Without FOLDER, the drawings of a lesson are generated digits.
"""

import argparse
import json
import os
import statistics
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks.personalization import by_writer
from benchmarks.report import table
from digitcore import mnist, models, training
from digitcore.data import synthetic
from digitcore.errors import TrainingError
from digitcore.evaluation.metrics import Evaluation
from digitcore.lessons import LESSONS, N_DRAWINGS
from digitcore.models import keras_io
from digitcore.samples import SampleSet


def writers(folder):
    """Return the drawings of each writer, a list of sample sets. Without a folder, there is one writer: the generator."""
    if folder:
        return list(by_writer(folder).values())
    digits, labels = synthetic.generate(400, seed=1)
    return [SampleSet.from_arrays(digits, labels)]


def drawings(lesson, every, seed):
    """Return ten drawings of the lesson's digit by the writer of this seed. No sample is held out."""
    if lesson.digit is None:
        return SampleSet()
    known = [found for found in every if (found.labels == lesson.digit).sum() >= N_DRAWINGS]
    samples = known[seed % len(known)]
    chosen = np.flatnonzero(samples.labels == lesson.digit)[:N_DRAWINGS]
    return SampleSet.from_arrays(samples.digits[chosen], samples.labels[chosen]).without_hold_out()


def evaluate(model):
    """Evaluate a model on MNIST's test digits."""
    digits, labels = mnist.load().test
    return Evaluation.from_probabilities(labels, model.predictor(threads=os.cpu_count() or 1).probabilities(digits))


def trainings(lesson, trial, every):
    """Train with all seeds. Return a pair for each training: run and evaluation; and the messages of failed trainings."""
    found, errors = [], []
    for seed in range(lesson.n_seeds):
        settings, network = lesson.training(trial)
        settings = settings.replace(seed=seed)
        start = keras_io.random_model(network, name="untrained", seed=seed) if network else models.load(lesson.start)
        try:
            run = training.train(start, drawings(lesson, every, seed), settings)
        except TrainingError as error:
            errors.append(str(error))
        else:
            found.append((run, evaluate(run.model)))
    return found, errors


def measure(number, lesson, every):
    """Yield a row for each value of the lesson's parameter."""
    before = None if lesson.network else evaluate(models.load(lesson.start))
    for trial in lesson.trials:
        found, errors = trainings(lesson, trial, every)
        shares = [100 * evaluation.accuracy for _, evaluation in found]
        added = [before.correct - evaluation.correct for _, evaluation in found] if before else []
        last = [100 * run.history[-1]["accuracy"] for run, _ in found if "accuracy" in run.history[-1]]
        yield {
            "lesson": number,
            "parameter": lesson.parameter,
            "value": trial.label,
            "seeds": lesson.n_seeds,
            "ended": len(errors),
            "why": errors[0] if errors else "",
            **spread("mnist %", shares, 2),
            **spread("training %", last, 1),
            **spread("added errors", added, 0),
        }


def spread(name, values, places):
    """Return mean, standard deviation and range of the values over the seeds."""
    if not values:
        return dict.fromkeys((name, f"{name} sd", f"{name} range"))
    return {
        name: round(statistics.fmean(values), places),
        f"{name} sd": round(statistics.stdev(values), places) if len(values) > 1 else None,
        f"{name} range": f"{min(values):.{places}f} to {max(values):.{places}f}",
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("numbers", nargs="*", type=int, help="lessons, from 1 (default: all)")
    parser.add_argument("--drawings", type=Path, metavar="FOLDER", help="folder with real drawings")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    chosen = options.numbers or range(1, len(LESSONS) + 1)
    every = writers(options.drawings)
    rows = [row for number in chosen for row in measure(number, LESSONS[number - 1], every)]
    if options.json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        print(table(list(rows[0]), [row.values() for row in rows]))


if __name__ == "__main__":
    main()
