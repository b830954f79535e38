"""Measure how well the map of MNIST digits separates them, how long it takes, and where it places a writer's crossed sevens.

    python benchmarks/feature_map.py [FOLDER] [--start genius] [--labels 20] [--writers 30]

The time is measured twice, first with an empty cache and then with the map in the cache. FOLDER holds pen drawings in the
format of `personalization.py`. A seven of two strokes or more counts as crossed. For each writer, a model is trained on some
labelled drawings. The writer's other sevens are placed on the map before and after the training. A drawing is among the sevens
if most of its ten nearest neighbors on the map are sevens.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from benchmarks.personalization import by_writer
from digitcore import models, training
from digitcore.data.strokes import decode_strokes
from digitcore.evaluation.feature_map import feature_map
from digitcore.training.settings import TrainSettings
from digitcore.values import percent

NEIGHBORS = 10
NO_DIGITS = np.zeros((0, 28, 28), np.uint8)


def timed(model):
    """Return the map of a model, and the seconds that it took."""
    started = time.perf_counter()
    found = feature_map([model], NO_DIGITS)
    return found, time.perf_counter() - started


def crossed_sevens(drawings, n_labels):
    """Return the crossed sevens that are not labelled, (N, 28, 28) uint8."""
    rest = drawings.take(range(n_labels, len(drawings)))
    crossed = [label == 7 and len(decode_strokes(text)[2]) > 1 for label, text in zip(rest.labels, rest.strokes, strict=True)]
    return rest.digits[np.array(crossed)]


def n_with_sevens(found, places):
    """Return how many of the positions, (N, 2), have mostly sevens among their nearest neighbors."""
    votes = KNeighborsClassifier(NEIGHBORS).fit(found.positions, found.labels).predict(places)
    return int((votes == 7).sum())


def fine_tune(start, drawings, n_labels):
    """Train a model with the default settings on the first drawings, and return it."""
    return training.train(start, drawings.take(range(n_labels)).without_hold_out(), TrainSettings()).model


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--start", default="genius")
    parser.add_argument("--labels", type=int, default=20)
    parser.add_argument("--writers", type=int, default=30)
    options = parser.parse_args()
    start = models.load(options.start)
    found, first = timed(start)
    _, again = timed(start)
    print(
        f"{options.start}: {percent(found.agreement(NEIGHBORS), 1)} of the digits have the label of most of {NEIGHBORS} neighbors"
    )
    print(f"{first:.1f} s without a cache, {again:.3f} s with the map in the cache")
    if not options.folder:
        return
    for writer, drawings in list(by_writer(options.folder).items())[: options.writers]:
        sevens = crossed_sevens(drawings, options.labels)
        if not len(sevens) or n_with_sevens(found, feature_map([start], sevens).placed[0]) == len(sevens):
            continue
        placed = feature_map([start, fine_tune(start, drawings, options.labels)], sevens).placed
        before, after = (n_with_sevens(found, places) for places in placed)
        print(f"writer {writer}: {len(sevens)} crossed sevens, {before} among the sevens before the training, {after} after it")


if __name__ == "__main__":
    main()
