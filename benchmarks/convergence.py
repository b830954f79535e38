"""Measure the seconds of training from random weights to 90, 97 and 99 % of MNIST's test digits: the recipe `fast`, and Keras's
example "Simple MNIST convnet" with its published settings.

    python benchmarks/convergence.py [--seeds 10] [--example-seeds 1]

Both run in Keras on this machine, in turns. The test digits are predicted at intervals, and this time does not count. The time to
trace the graph, to validate and to record the history does count. The example trains for 15 epochs on 54,000 digits, which takes
minutes for each seed.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks.report import null_ratio, table
from digitcore import mnist, training
from digitcore.models import keras_io, networks
from digitcore.samples import SampleSet
from digitcore.training.recipes import get_recipe
from digitcore.values import percent

ACCURACIES = (0.90, 0.97, 0.99)
EXAMPLE = {"batch_size": 128, "epochs": 15, "validation_split": 0.1}  # keras.io/examples/vision/mnist_convnet


class Milestones(keras.callbacks.Callback):
    """A callback that records after how many seconds of training each accuracy on the test digits was reached."""

    def __init__(self, every: int):
        super().__init__()
        self.every, self.due, self.reached = every, every, {}
        self.began, self.paused, self.accuracy = time.perf_counter(), 0.0, 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self.due = self.every

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 >= self.due:
            self.due += self.every
            self.evaluate()

    def on_train_end(self, logs=None):
        self.evaluate()

    def evaluate(self):
        """Predict the test digits, without counting this time."""
        seconds, stopped = self.seconds(), time.perf_counter()
        digits, labels = mnist.load_test()
        self.accuracy = float(
            (keras_io.predict_in_batches(self.model, digits[..., None].astype(np.float32)).argmax(1) == labels).mean()
        )
        for mark in ACCURACIES:
            if self.accuracy >= mark:
                self.reached.setdefault(mark, seconds)
        self.paused += time.perf_counter() - stopped

    def seconds(self):
        """Return the seconds of training so far, without the time of `evaluate`."""
        return time.perf_counter() - self.began - self.paused


def fast(seed: int) -> tuple[Milestones, float]:
    """Train the recipe `fast` from random weights."""
    recipe = get_recipe("fast")
    start = keras_io.random_model(recipe.network, seed=seed)
    marks = Milestones(every=50)
    run = training.train(start, SampleSet(), recipe.settings.replace(seed=seed), callbacks=[marks])
    return marks, run.seconds - marks.paused


def example(seed: int) -> tuple[Milestones, float]:
    """Train Keras's example. It scales the pixels to 0 to 1 beforehand; here the first layer of the network does so."""
    digits, labels = mnist.load().training
    others, answers = mnist.load().validation
    x = np.concatenate([digits, others])[..., None].astype(np.float32)
    y = keras.utils.to_categorical(np.concatenate([labels, answers]), 10)
    model = networks.build("convnet", seed)
    marks = Milestones(every=106)
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit(x, y, callbacks=[marks], verbose=0, **EXAMPLE)
    return marks, marks.seconds()


def main():
    """Measure both trainings in turns and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--example-seeds", type=int, default=1)
    options = parser.parse_args()
    found = []
    for seed in range(max(options.seeds, options.example_seeds)):
        found += [("fast", seed, *fast(seed))] if seed < options.seeds else []
        found += [("Keras's example", seed, *example(seed))] if seed < options.example_seeds else []

    def row(name, seed, marks, whole):
        times = [f"{marks.reached[mark]:.1f}" if mark in marks.reached else "never" for mark in ACCURACIES]
        return name, seed, *times, f"{whole:.1f}", percent(marks.accuracy, 2)

    print(
        table(
            ("training", "seed", *(f"s to {percent(mark)}" for mark in ACCURACIES), "s in total", "test digits"),
            (row(*one) for one in found),
        )
    )
    ours, theirs = ([one for one in found if (one[0] == "fast") == mine] for mine in (True, False))
    reached = [marks.reached[0.99] for *_, marks, _ in ours if 0.99 in marks.reached]
    print("\nThe test digits are predicted every 50 batches of `fast` and four times an epoch of the example.")
    print("This time does not count.")
    if len(ours) > 1:
        null = null_ratio([one[-1] for one in ours])
        print(f"Null ratio: every second whole training of `fast` takes {null:.3f} × the time of the others.")
    print(f"`fast` reaches 99 % in {len(reached)} of {len(ours)} seeds.")
    if theirs:
        whole = statistics.median(one[-1] for one in ours) / statistics.median(one[-1] for one in theirs)
        print(f"Whole trainings take {whole:.3f} × the time of the example.")
    if theirs and reached:
        to_mark = statistics.median(reached) / statistics.median(marks.reached.get(0.99, whole) for *_, marks, whole in theirs)
        print(f"To 99 %, they take {to_mark:.3f} × the time of the example.")


if __name__ == "__main__":
    main()
