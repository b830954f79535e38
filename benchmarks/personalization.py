"""Measure the effect of a training on twenty labelled drawings on their writer's accuracy and on MNIST.

    python benchmarks/personalization.py FOLDER [--writers 30] [--labels 20] [--seeds 3] [--set epochs=3 ...] [--json]

FOLDER holds a module `drawings.py`: `load()` returns strokes, labels and writers, `careless(rng)` returns a random position and
size, `place` moves the strokes there, and `paint` draws them. For each writer, some random drawings are labelled, genius is
trained on them with the default settings, and the writer's other drawings are predicted. This is repeated for each seed of the
training, because few errors remain, so one seed gives an imprecise result.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from scipy.stats import binomtest

from digitcore import images, mnist, models, training
from digitcore.data.strokes import to_json
from digitcore.samples import SampleSet
from digitcore.training.settings import TrainSettings


def by_writer(folder):
    """Return the drawings of each writer with their strokes, in a fixed random order."""
    sys.path.insert(0, str(folder))
    import drawings

    every, labels, writers = drawings.load()
    rng, found = np.random.default_rng(0), {}
    for i in rng.permutation(len(labels)):
        where, brush = drawings.careless(rng)
        placed = drawings.place(every[i], **where)
        digit = images.digit_from_canvas(drawings.paint(placed, brush=brush))
        if digit is not None:
            found.setdefault(str(writers[i]), []).append((digit, labels[i], _strokes_text(placed, brush)))
    return {writer: _sample_set(pairs) for writer, pairs in sorted(found.items())}


def _sample_set(pairs):
    digits, labels, texts = zip(*pairs, strict=True)
    return SampleSet.from_arrays(np.array(digits), np.array(labels), strokes=texts)


def _strokes_text(placed, brush):
    """Return the strokes in the format of the canvas."""
    points = [stroke.round().astype(int).tolist() for stroke in placed]
    return to_json(points, round(brush))


def errors(model, digits, labels):
    """Return for each digit whether the model's prediction is wrong, (N,) bool."""
    return model.predictor().probabilities(digits).argmax(1) != labels


def train_on_writer(start, drawings, n_labels, settings):
    """Train on the drawings of one writer, and return the figures before and after the training."""
    samples = drawings.take(range(n_labels)).without_hold_out()
    digits, labels = drawings.digits, drawings.labels
    started = time.perf_counter()
    model = training.train(start, samples, settings).model
    seconds = time.perf_counter() - started
    before, after = (errors(one, digits[n_labels:], labels[n_labels:]) for one in (start, model))
    test, truth = mnist.load().test
    return {
        "drawings": len(labels) - n_labels,
        "errors_before": int(before.sum()),
        "errors_after": int(after.sum()),
        "fixed": int((before & ~after).sum()),
        "broken": int((after & ~before).sum()),
        "mnist_before": int(errors(start, test, truth).sum()),
        "mnist_after": int(errors(model, test, truth).sum()),
        "seconds": round(seconds, 2),
    }


def summary(rows):
    """Return means over writers and seeds, and the number of trainings that made the predictions significantly worse."""
    before, after = _share(rows, "before"), _share(rows, "after")
    by_seed = [[row for row in rows if row["seed"] == seed] for seed in sorted({row["seed"] for row in rows})]
    worse = [row for row in rows if row["broken"] > row["fixed"] and _unlikely(row["broken"], row["fixed"])]
    return {
        "trainings": len(rows),
        "personal_error_before": round(before, 4),
        "personal_error_after": round(after, 4),
        "cut": round(1 - after / before, 3),
        "cut_by_seed": [round(1 - _share(some, "after") / before, 3) for some in by_seed],
        "fixed": sum(row["fixed"] for row in rows),
        "broken": sum(row["broken"] for row in rows),
        "mnist_errors_before": rows[0]["mnist_before"],
        "mnist_errors_after_mean": round(float(np.mean([row["mnist_after"] for row in rows])), 1),
        "mnist_errors_after_most": max(row["mnist_after"] for row in rows),
        "worse_than_chance": len(worse),
        "seconds_median": round(float(np.median([row["seconds"] for row in rows])), 2),
    }


def _share(rows, when):
    return float(np.mean([row[f"errors_{when}"] / row["drawings"] for row in rows]))


def _unlikely(broken, fixed):
    return binomtest(broken, broken + fixed).pvalue < 0.05


def main():
    """Measure each writer with each seed, and print the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--writers", type=int, default=30)
    parser.add_argument("--labels", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--start", default="genius")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    changes = {name: json.loads(value) for name, _, value in (pair.partition("=") for pair in options.set)}
    settings, start = TrainSettings().replace(**changes), models.load(options.start)
    rows = []
    for writer, drawings in list(by_writer(options.folder).items())[: options.writers]:
        for seed in range(options.seeds):
            found = train_on_writer(start, drawings, options.labels, settings.replace(seed=seed))
            rows.append({"writer": writer, "seed": seed} | found)
            if not options.json:
                print(rows[-1], flush=True)
    found = summary(rows)
    print(json.dumps(found, indent=2) if options.json else "\n".join(f"{name}: {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
