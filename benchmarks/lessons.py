"""Measure the answers of the lessons: train with several seeds, and evaluate on MNIST's test digits.

    python benchmarks/lessons.py [NUMBER ...] [--json]

The drawings of a lesson are digits that are drawn by code, in place of the drawings of a class.
"""

import argparse
import json
import os
import statistics

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks.report import table
from digitcore.data import synthetic
from digitcore.errors import TrainingError
from digitcore.models import registry
from digitcore.samples import SampleSet
from digitcore.sweeps import space as parameter_space
from digitcore.sweeps.trial import TrialTask
from digitcore.training.lessons import LESSONS

N_DRAWINGS = 10


def drawings(digit):
    """Return ten drawings of a digit, made by code. Without a digit, return no drawings."""
    if digit is None:
        return SampleSet()
    digits, labels = synthetic.generate(400, seed=1)
    chosen = np.flatnonzero(labels == digit)[:N_DRAWINGS]
    return SampleSet.from_arrays(digits[chosen], labels[chosen])


def trainings(lesson, name, value):
    """Train with all seeds. Return the results, and the error messages of the trainings that ended early."""
    results, errors = [], []
    for seed in range(lesson.n_seeds):
        settings, network = parameter_space.apply({name: value}, lesson.settings.replace(seed=seed), lesson.network)
        task = TrialTask(network or registry.load(lesson.start), drawings(lesson.digit), settings)
        try:
            results.append(task.run(lambda event: None, lambda: False))
        except TrainingError as error:
            errors.append(str(error))
    return results, errors


def measure(number, lesson):
    """Yield a row for each value of the lesson's parameter."""
    ((name, values),) = lesson.values.items()
    for value in values:
        results, errors = trainings(lesson, name, value)
        shares = [100 * result.scores["validation"] for result in results]
        last = [result.history[-1] for result in results]
        yield {
            "lesson": number,
            "parameter": name,
            "value": value,
            "seeds": lesson.n_seeds,
            "ended": len(errors),
            "why": errors[0] if errors else "",
            "validation %": round(statistics.fmean(shares), 2) if shares else None,
            "from": round(min(shares), 2) if shares else None,
            "to": round(max(shares), 2) if shares else None,
            "training %": round(100 * statistics.fmean(point["accuracy"] for point in last), 1) if last else None,
            "added errors": round(statistics.fmean(r.scores["added_validation_errors"] for r in results), 1)
            if results and "added_validation_errors" in results[0].scores
            else None,
            "all": [round(share, 2) for share in shares],
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("numbers", nargs="*", type=int, help="lessons, from 1 (default: all)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    chosen = options.numbers or range(1, len(LESSONS) + 1)
    rows = [row for number in chosen for row in measure(number, LESSONS[number - 1])]
    if options.json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        print(table(list(rows[0]), [row.values() for row in rows]))


if __name__ == "__main__":
    main()
