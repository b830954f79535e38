"""Measure the effect of a training on a few labelled drawings on their writer's accuracy and on MNIST.

    python benchmarks/personalization.py [--start genius cnn13] [--labels 5 20] [--seeds 3] [--set NAME=VALUE] [--results FILE]

The writers are the six validation writers of the pen drawings, from which no model learns. For each writer, initial model, number
of labels and seed, some random drawings are labelled, the model is trained on them with the default settings, and the writer's
other drawings are predicted. The seed chooses the drawings and is the seed of the training.

The second table shows the cost of a wrong label: the same trainings of the first initial model with the most labels, in which one
label is wrong, and in which the drawing with this label is left out. The third table shows how often the check of the labels,
which compares the labels with genius's predictions, finds a wrong label.

With --results, the result of each training is appended to a file. A later call with the same file continues there.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from scipy.stats import binomtest, t

from benchmarks.report import table
from digitcore import images, mnist, models, training
from digitcore.data import pens
from digitcore.data.label_issues import contradicted, find_label_issues
from digitcore.data.strokes import paint, to_json
from digitcore.data.synthetic import fit
from digitcore.models import registry
from digitcore.samples import SampleSet
from digitcore.training.settings import TrainSettings
from digitcore.training.settings_text import parse_value, parse_values
from digitcore.values import percent

N_RESAMPLES = 10_000  # of the writers, for an interval
N_CHECKED = 100  # random choices of drawings with a wrong label for each writer
KEY = ("start", "labels", "case", "set", "hash", "writer", "seed")  # what tells the trainings in a file apart
HEAD = ["trainings", "errors before", "fixed", "broken", "errors removed (95 %)"]
HEAD += ["MNIST errors before", "added (95 %)", "writers worse", "s"]
CONTRADICTED, LEAST_LIKELY = "label is contradicted by genius", "label is the least likely of all"
ALL_RIGHT, ONE_WRONG, LEFT_OUT = "all labels are right", "one label is wrong", "its drawing is left out"


def by_validation_writer():
    """Return the drawings of each validation writer with their strokes, in a fixed random order, and with random sizes."""
    drawings, rng, found = pens.load().validation, np.random.default_rng(0), {}
    for i in rng.permutation(len(drawings)):
        placed, brush = fit(drawings.strokes[i], extent=rng.uniform(*pens.EXTENTS)), rng.uniform(*pens.BRUSHES)
        digit = images.digit_from_ink(paint(placed, brush))
        found.setdefault(str(drawings.writers[i]), []).append((digit, drawings.labels[i], strokes_text(placed, brush)))
    return {writer: sample_set(drawn) for writer, drawn in sorted(found.items())}


def sample_set(drawn):
    """Return samples from tuples of a digit, its label and its strokes."""
    digits, labels, texts = zip(*drawn, strict=True)
    return SampleSet.from_arrays(np.array(digits), np.array(labels), strokes=texts)


def strokes_text(placed, brush):
    """Return strokes in the format of the canvas."""
    return to_json([stroke.round().astype(int).tolist() for stroke in placed], round(brush))


def by_writer(folder):
    """Return the drawings of each writer in a folder with their strokes, in a fixed random order.

    The folder holds a module `drawings.py`: `load()` returns strokes, labels and writers, `careless(rng)` returns a random
    position and size, `place` moves the strokes there, and `paint` draws them.
    """
    sys.path.insert(0, str(folder))
    import drawings

    every, labels, writers = drawings.load()
    rng, found = np.random.default_rng(0), {}
    for i in rng.permutation(len(labels)):
        where, brush = drawings.careless(rng)
        placed = drawings.place(every[i], **where)
        digit = images.digit_from_canvas(drawings.paint(placed, brush=brush))
        if digit is not None:
            found.setdefault(str(writers[i]), []).append((digit, labels[i], strokes_text(placed, brush)))
    return {writer: sample_set(drawn) for writer, drawn in sorted(found.items())}


def with_wrong_label(samples, rng):
    """Return samples of which a random one has a random wrong label, and its index."""
    index = int(rng.integers(len(samples)))
    return samples.relabel([index], int((samples.labels[index] + rng.integers(1, 10)) % 10)), index


def errors(model, digits, labels):
    """Return for each digit whether the model's prediction is wrong, (N,) bool."""
    return model.predictor().probabilities(digits).argmax(1) != labels


def measure(start, drawings, n_labels, case, settings):
    """Train on the drawings of one writer, and return the figures before and after the training."""
    order = np.random.default_rng(settings.seed).permutation(len(drawings))
    samples, others = drawings.take(order[:n_labels]).without_hold_out(), drawings.take(order[n_labels:])
    if case != ALL_RIGHT:
        wrong, index = with_wrong_label(samples, np.random.default_rng(settings.seed))
        samples = wrong if case == ONE_WRONG else samples.drop([index])
    started = time.perf_counter()
    model = training.train(start, samples, settings).model
    seconds = time.perf_counter() - started
    before, after = (errors(one, others.digits, others.labels) for one in (start, model))
    return {
        "errors_before": int(before.sum()),
        "fixed": int((before & ~after).sum()),
        "broken": int((after & ~before).sum()),
        "mnist_after": int(errors(model, *mnist.load().test).sum()),
        "seconds": round(seconds, 2),
    }


def summary(rows, mnist_before):
    """Return a line of the first two tables."""
    total = {name: sum(row[name] for row in rows) for name in ("errors_before", "fixed", "broken")}
    added = [row["mnist_after"] - mnist_before for row in rows]
    low, high = removed_interval(rows)
    width = t.ppf(0.975, len(added) - 1) * np.std(added, ddof=1) / np.sqrt(len(added))
    n_worse = sum(is_worse(rows, writer) for writer in {row["writer"] for row in rows})
    return (
        len(rows),
        total["errors_before"],
        total["fixed"],
        total["broken"],
        f"{percent(removed(rows))} ({percent(low)} to {percent(high)})",
        mnist_before,
        f"{np.mean(added):+.1f} (±{width:.1f})",
        n_worse,
        f"{np.median([row['seconds'] for row in rows]):.1f}",
    )


def removed(rows):
    """Return the share of the errors that the trainings removed, less the share that they added."""
    return sum(row["fixed"] - row["broken"] for row in rows) / max(1, sum(row["errors_before"] for row in rows))


def removed_interval(rows):
    """Return the 95 % interval of `removed`, from resamples of the writers."""
    writers = sorted({row["writer"] for row in rows})
    of = {writer: [row for row in rows if row["writer"] == writer] for writer in writers}
    gain = np.array([sum(row["fixed"] - row["broken"] for row in of[writer]) for writer in writers])
    count = np.array([sum(row["errors_before"] for row in of[writer]) for writer in writers])
    chosen = np.random.default_rng(0).integers(len(writers), size=(N_RESAMPLES, len(writers)))
    chosen = chosen[count[chosen].sum(1) > 0]
    return np.quantile(gain[chosen].sum(1) / count[chosen].sum(1), [0.025, 0.975])


def is_worse(rows, writer):
    """Return whether the trainings broke more drawings of a writer than they fixed, beyond chance (sign test)."""
    fixed, broken = (sum(row[name] for row in rows if row["writer"] == writer) for name in ("fixed", "broken"))
    return broken > fixed and binomtest(broken, broken + fixed).pvalue < 0.05


def check_wrong_labels(writers, n_labels):
    """Return a line for each check: how often it finds the wrong label, and how many right labels it doubts."""
    genius, rng = registry.load(registry.DEFAULT_MODEL), np.random.default_rng(0)
    found = {CONTRADICTED: [], LEAST_LIKELY: []}
    for drawings in writers.values():
        probabilities = genius.predictor().probabilities(drawings.digits)
        for _ in range(N_CHECKED):
            chosen = rng.permutation(len(drawings))[:n_labels]
            samples, index = with_wrong_label(drawings.take(chosen), rng)
            doubted = contradicted(samples.labels, probabilities[chosen], genius.card.confidence_threshold)
            found[CONTRADICTED].append((doubted[index], doubted.sum() - doubted[index]))
            issues = [issue.index for issue in find_label_issues(samples.labels, probabilities[chosen])]
            found[LEAST_LIKELY].append((issues[:1] == [index], len(issues) - (index in issues)))
    return [(name, len(some), percent(np.mean(some, 0)[0], 1), f"{np.mean(some, 0)[1]:.2f}") for name, some in found.items()]


def main():
    """Measure each training, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--start", nargs="+", default=["genius", "cnn13"], help="names or folders of the initial models")
    parser.add_argument("--labels", nargs="+", type=int, default=[5, 20])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--results", type=Path, metavar="FILE")
    options = parser.parse_args()
    changes = {name: parse_value(name, value) for name, value in parse_values(options.set).items()}
    settings, writers = TrainSettings().replace(**changes), by_validation_writer()
    most, first = max(options.labels), options.start[0]
    plan = [(start, n, ALL_RIGHT) for n in options.labels for start in options.start]
    plan += [(first, most, case) for case in (ONE_WRONG, LEFT_OUT)]
    lines = []
    for start, n_labels, case in plan:
        seeds = [settings.replace(seed=seed) for seed in range(options.seeds)]
        key = {"start": start, "labels": n_labels, "case": case, "set": changes}
        lines.append((start, n_labels, case, *measure_all(key, writers, seeds, options.results)))
    print(table(["start", "labels", *HEAD], [line[:2] + line[3:] for line in lines if line[2] == ALL_RIGHT]))
    print("\n" + table([f"{most} labels from {first}", *HEAD], [line[2:] for line in lines if line[:2] == (first, most)]))
    checked = check_wrong_labels(writers, most)
    print("\n" + table(["check", "choices with a wrong label", "wrong label found", "right labels doubted"], checked))


def measure_all(key, writers, seeds, file):
    """Train on the drawings of each writer with each seed, and return the summary. Trainings in the file are not repeated."""
    start, rows, kept = models.load(key["start"]), [], read(file)
    key = key | {"hash": start.hash}
    for writer, drawings in writers.items():
        for settings in seeds:
            one = key | {"writer": writer, "seed": settings.seed}
            if json.dumps(one) not in kept:
                kept[json.dumps(one)] = one | measure(start, drawings, key["labels"], key["case"], settings)
                write(file, kept[json.dumps(one)])
            rows.append(kept[json.dumps(one)])
    return summary(rows, int(errors(start, *mnist.load().test).sum()))


def read(file):
    """Return the trainings in a file by their keys."""
    if not file or not file.exists():
        return {}
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return {json.dumps({name: row.get(name) for name in KEY}): row for row in rows}


def write(file, row):
    """Append a training to the file."""
    if file:
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
