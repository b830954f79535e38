"""The map of MNIST digits: how well it separates them, how long it takes, and where it places a writer's crossed sevens.

    python benchmarks/feature_map.py [FOLDER] [--start genius] [--labels 20] [--writers 30]

The time is measured in a process of its own, from asking for the map to having it; a second time with the map kept.
FOLDER holds pen drawings as `personalization.py` takes them. A seven of two strokes or more is crossed. Each writer labels some
drawings and trains; the sevens that he or she did not label are placed among the digits before and after. A drawing stands with
the sevens where most of its ten nearest on the map are sevens.
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

NEIGHBORS = 10
NO_DIGITS = np.zeros((0, 28, 28), np.uint8)


def timed(model):
    """The map of a model, and the seconds that it took."""
    started = time.perf_counter()
    found = feature_map([model], NO_DIGITS)
    return found, time.perf_counter() - started


def crossed_sevens(drawings, n_labels):
    """(N, 28, 28) uint8: the crossed sevens that are not labelled."""
    rest = drawings.take(range(n_labels, len(drawings)))
    crossed = [label == 7 and len(decode_strokes(text)[2]) > 1 for label, text in zip(rest.labels, rest.strokes, strict=True)]
    return rest.digits[np.array(crossed)]


def n_with_sevens(found, places):
    """How many of (N, 2) places have mostly sevens around them."""
    votes = KNeighborsClassifier(NEIGHBORS).fit(found.positions, found.labels).predict(places)
    return int((votes == 7).sum())


def fine_tune(start, drawings, n_labels):
    """The model after a training with the default settings on the first drawings."""
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
    print(f"{options.start}: {found.agreement(NEIGHBORS):.1%} have the label of most of their {NEIGHBORS} neighbors on the map")
    print(f"{first:.1f} s the first time, {again:.3f} s again")
    if not options.folder:
        return
    for writer, drawings in list(by_writer(options.folder).items())[: options.writers]:
        sevens = crossed_sevens(drawings, options.labels)
        if not len(sevens) or n_with_sevens(found, feature_map([start], sevens).placed[0]) == len(sevens):
            continue
        placed = feature_map([start, fine_tune(start, drawings, options.labels)], sevens).placed
        before, after = (n_with_sevens(found, places) for places in placed)
        print(f"writer {writer}: {len(sevens)} crossed sevens, {before} with the sevens before, {after} after the training")


if __name__ == "__main__":
    main()
