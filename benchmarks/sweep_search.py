"""Compare the searches of a sweep: after how many trials does TPE reach the best score of random draws?

    python benchmarks/sweep_search.py [--repetitions 20] [--trials 30] [--log FILE]

Each repetition runs two sweeps with the same space and the same number of trials: one with random draws, one with TPE. A trial
trains a network with one hidden layer on 400 MNIST digits, and is scored on MNIST's 5,000 validation digits. The sweeps are those
of the program. Only the training is scikit-learn's, because 1,200 trainings with Keras take hours. The null compares the random
draws of each repetition with those of the repetition before. With --log, completed sweeps are kept in a file, so an interrupted
benchmark continues with the next repetition.
"""

import argparse
import itertools
import json
import os
import statistics
import warnings
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from benchmarks.report import table
from digitcore import mnist, models
from digitcore.models.network_spec import Block, NetworkSpec
from digitcore.samples import SampleSet
from digitcore.sweeps import Range, Sweep, SweepPlan
from digitcore.sweeps.local import run_locally
from digitcore.sweeps.trial import VALIDATION, TrialResult, TrialTask
from digitcore.training.settings import TrainSettings

N_DIGITS, EPOCHS = 400, 8
SPACE = {
    "learning_rate": Range(1e-5, 0.3),
    "batch_size": Range(16, 256, True),
    "weight_decay": Range(1e-6, 1),
    "beta_2": Range(0.9, 0.9999),
    "optimizer": ["adam", "sgd"],
    "blocks.1.size": Range(4, 128, True),
}


class SmallTraining:
    """A replacement of a trial's training by scikit-learn's network with one hidden layer."""

    def __init__(self):
        data = mnist.load()
        digits, labels = data.training
        chosen = np.random.default_rng(0).choice(len(labels), N_DIGITS, replace=False)
        self.x, self.y = digits[chosen].reshape(N_DIGITS, -1) / np.float32(255), labels[chosen]
        digits, self.labels = data.validation
        self.digits = digits.reshape(len(digits), -1) / np.float32(255)

    def run(self, task: TrialTask) -> TrialResult:
        """Train and score a network with the settings of a trial."""
        from sklearn.neural_network import MLPClassifier

        settings = task.settings
        network = MLPClassifier(
            (NetworkSpec.from_json(task.start).blocks[0].size,),
            solver=settings.optimizer,
            alpha=settings.weight_decay,
            batch_size=settings.batch_size,
            learning_rate_init=settings.learning_rate,
            beta_2=settings.beta_2,
            max_iter=EPOCHS,
            random_state=settings.seed,
        )
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # The number of epochs is fixed, so the training never converges.
            network.fit(self.x, self.y)
            score = float((network.predict(self.digits) == self.labels).mean())
        return TrialResult({VALIDATION: score}, [])


def scores(search: str, seed: int, n_trials: int) -> list[float]:
    """Run a sweep, and return the scores of its trials in their order. A training that diverged has the score 0."""
    network = NetworkSpec((Block("dense", 64),)).to_json()
    plan = SweepPlan(SPACE, TrainSettings(seed=seed), network, n_combinations=n_trials, search=search)
    sweep = Sweep(models.load("mlp"), SampleSet(), plan)
    run_locally(sweep)
    return [trial.scores.get(VALIDATION, 0.0) for trial in sweep.trials]


def first_reached(found: list[float], best: float) -> int | None:
    """Return the number of the first trial whose score is at least `best`, or `None` if there is no such trial."""
    return next((number for number, score in enumerate(found, 1) if score >= best), None)


def main():
    """Run the sweeps that are not in the log, and print a table and the median share of trials."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--log", type=Path)
    options = parser.parse_args()
    lines = options.log.read_text().splitlines() if options.log and options.log.exists() else []
    known = {tuple(key): found for key, found in map(json.loads, lines)}
    training = SmallTraining()
    TrialTask.run = lambda task, progress, should_stop: training.run(task)
    rows, shares, randoms = [], [], []
    for repetition in range(options.repetitions):
        found = {}
        for search, seed in (("random", 1000 + repetition), ("tpe", 2000 + repetition)):  # The draws are independent.
            key = (search, seed, options.trials)
            if key not in known:
                known[key] = scores(*key)
                if options.log:
                    with options.log.open("a") as log:
                        log.write(json.dumps([key, known[key]]) + "\n")
            found[search] = known[key]
        randoms.append(found["random"])
        best = max(found["random"])
        reached = first_reached(found["tpe"], best)
        shares.append(reached / options.trials if reached else float("inf"))
        rows.append((repetition + 1, f"{best:.4f}", f"{max(found['tpe']):.4f}", reached or "not reached"))
    print(table(["repetition", "best of random draws", "best of TPE", "trial in which TPE reached random's best"], rows))
    n_reached = sum(share <= 1 for share in shares)
    median = statistics.median(shares)
    text = f"{100 * median:.0f} %" if median <= 1 else "more than 100 %"
    print(f"\nTPE reached the best of {options.trials} random draws in {n_reached} of {len(shares)} repetitions.")
    print(f"The median is {text} of the trials.")
    nulls = [first_reached(later, max(earlier)) for earlier, later in itertools.pairwise(randoms)]
    print(f"Random draws reached the best of the repetition before in {sum(map(bool, nulls))} of {len(nulls)} cases (null).")


if __name__ == "__main__":
    main()
