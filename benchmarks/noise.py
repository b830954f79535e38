"""Count how often settings that differ only by noise are called better.

    python benchmarks/noise.py [--trainings 80] [--repetitions 20]

All trainings have the same settings and different seeds, so no setting is better than another. The scores of these real trainings
are drawn without replacement for each repetition, because 20 repetitions of 20 trainings would take hours. A repetition spreads
20 scores over settings that have no effect: 1 setting with 20 seeds, 2 with 10, 4 with 5, 10 with 2, and 20 with 1. It then asks
the functions that the pages and the commands use for their verdicts: the table of the Trainings view (each group as the
reference), the effects of a sweep, and the sentence about two runs. The models of two seeds may differ, as McNemar's test says.
No sentence may call a setting better or worse.
"""

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd

from benchmarks.report import table
from digitcore import mnist, training
from digitcore.evaluation.comparison import PairedComparison
from digitcore.evaluation.metrics import Evaluation
from digitcore.models import keras_io
from digitcore.samples import SampleSet
from digitcore.sweeps import effects
from digitcore.training import run_groups
from digitcore.training.run_groups import TrainedRun, Verdict
from digitcore.training.settings import TrainSettings
from pages.session import training_summary

N_TRIALS = 20
LAYOUTS = (1, 2, 4, 10, 20)  # settings; the seeds are 20 divided by this number
SETTINGS = TrainSettings(mnist_samples=1000, epochs=2, batch_size=64, learning_rate=1e-3)
N_RESAMPLED = 100  # repetitions that estimate the rate more exactly


def evaluations(n_trainings):
    """Train the same settings with different seeds, and evaluate each model on MNIST's test digits."""
    digits, labels = mnist.load().test
    for seed in range(n_trainings):
        start = keras_io.random_model("mlp", name="untrained", seed=seed)
        model = training.train(start, SampleSet(), SETTINGS.replace(seed=seed)).model
        yield Evaluation.from_probabilities(labels, model.predictor().probabilities(digits))


def claims(scores, n_settings):
    """Return the claims that one setting is better than another, for 20 scores of settings that have no effect."""
    runs = [
        TrainedRun(f"trial {number}", {"setting": number % n_settings, "seed": number // n_settings}, {"mnist": score})
        for number, score in enumerate(scores)
    ]
    groups = run_groups.group(runs, ["setting"], {})
    found = []
    for reference in groups:
        verdicts = run_groups.score_table(groups, "mnist", reference)["verdict"]
        found += ["Trainings view"] * int(verdicts.isin([Verdict.BETTER, Verdict.WORSE]).any())
    rows = pd.DataFrame([{**run.parameters, **run.scores} for run in runs])
    found += ["effects"] * any(effect.is_significant for effect in effects.effects(rows, ["setting"], "mnist"))
    return found


def rate(scores, n_settings, n_repetitions, seed):
    """Return the number of repetitions in which a setting is called better or worse."""
    rng = np.random.default_rng(seed)
    return sum(bool(claims(rng.choice(scores, N_TRIALS, replace=False), n_settings)) for _ in range(n_repetitions))


def sentences(found, n_pairs, seed):
    """Return how many pairs of models differ by McNemar's test, and how many sentences about a pair say “better” or “worse”."""
    rng = np.random.default_rng(seed)
    pairs = [rng.choice(len(found), 2, replace=False) for _ in range(n_pairs)]
    compared = [PairedComparison(found[first], found[second]) for first, second in pairs]
    texts = [training_summary.comparison(pair, "run 1", "run 2") for pair in compared]
    return sum(pair.is_significant for pair in compared), sum("better" in text or "worse" in text for text in texts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trainings", type=int, default=80, help="number of real trainings")
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--scores", type=Path, help="JSON file that keeps the numbers of correct predictions")
    options = parser.parse_args()
    found = list(evaluations(options.trainings))
    scores = [evaluation.accuracy for evaluation in found]
    if options.scores:
        options.scores.write_text(json.dumps([evaluation.correct for evaluation in found]))
    print(f"{len(scores)} trainings: mean {np.mean(scores):.4f}, standard deviation {np.std(scores, ddof=1):.4f}\n")
    rows = []
    for n_settings in LAYOUTS:
        n_claims = rate(scores, n_settings, options.repetitions, seed=0)
        n_resampled = rate(scores, n_settings, N_RESAMPLED, seed=1)
        rows.append(
            (
                n_settings,
                N_TRIALS // n_settings,
                f"{options.repetitions - n_claims} of {options.repetitions}",
                f"{100 * (1 - n_resampled / N_RESAMPLED):.1f} %",
            )
        )
    print(table(["settings", "seeds each", "repetitions without “better”", f"in {N_RESAMPLED:,} repetitions"], rows))
    n_different, n_better = sentences(found, 200, seed=2)
    print(f"\n200 pairs of seeds: {n_different} differ by McNemar's test; {n_better} sentences call a model better or worse")


if __name__ == "__main__":
    main()
