"""Count how often settings that differ only by noise are called better.

    python benchmarks/noise.py [--repetitions 20] [--processes 2]

Each repetition trains a network 20 times on MNIST digits, with the same settings and 20 seeds that no other repetition uses. No
setting is better than another. The 20 scores are spread over settings that have no effect: 1 setting with 20 seeds, 2 with 10,
4 with 5, 10 with 2, and 20 with 1. The benchmark then asks the functions that the pages and the commands use for their verdicts:
the table of the Trainings view (each group as the reference), the sentences about a sweep, and the sentence about two runs. The
models of two seeds may differ, as McNemar's test says. No sentence may call a setting better or worse.
"""

import argparse
import json
import logging
import multiprocessing
import os
import sys
from collections import Counter
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")  # The processes share the cores.

import numpy as np

from benchmarks.report import table
from digitcore import mnist, models
from digitcore.evaluation.comparison import PairedComparison
from digitcore.evaluation.metrics import Evaluation
from digitcore.jobs.job import JobStatus
from digitcore.samples import SampleSet
from digitcore.sweeps import Sweep, SweepPlan, summary
from digitcore.sweeps.trial import VALIDATION
from digitcore.training import run_groups
from digitcore.training.run_groups import TrainedRun, Verdict
from digitcore.training.settings import TrainSettings
from pages.session import training_summary

N_TRIALS = 20
LAYOUTS = (1, 2, 4, 10, 20)  # settings; the seeds are 20 divided by this number
SETTINGS = TrainSettings(mnist_samples=1000, epochs=1, batch_size=50, learning_rate=3e-3)


def evaluation(seed):
    """Train the settings with one seed from random weights, and evaluate the model on MNIST's test digits."""
    from digitcore import training
    from digitcore.models import keras_io

    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # TensorFlow warns that each training traces its functions.
    digits, labels = mnist.load().test
    start = keras_io.random_model("mlp", name="untrained", seed=seed)
    model = training.train(start, SampleSet(), SETTINGS.replace(seed=seed)).model
    return Evaluation.from_probabilities(labels, model.predictor().probabilities(digits))


def claims(scores, n_settings):
    """Return who claims that one setting is better than another, for 20 scores of settings that have no effect."""
    n_seeds = N_TRIALS // n_settings
    runs = [
        TrainedRun(f"trial {number}", {"setting": number // n_seeds, "seed": number % n_seeds}, {"mnist": score})
        for number, score in enumerate(scores)
    ]
    groups = run_groups.group(runs, ["setting"], {})
    tables = [run_groups.score_table(groups, "mnist", reference) for reference in groups]
    found = ["Trainings view"] * any(one["verdict"].isin([Verdict.BETTER, Verdict.WORSE]).any() for one in tables)
    text = " ".join(summary.describe(_sweep(scores, n_settings, n_seeds)))
    found += ["sweep"] * any(word in text for word in ("clear effect: yes", "better", "worse"))
    return found


def _sweep(scores, n_settings, n_seeds):
    """Return a complete sweep with these scores. The values of its parameter are only names of the settings."""
    plan = SweepPlan({"batch_size": list(range(1, n_settings + 1))}, SETTINGS, n_seeds=n_seeds)
    sweep = Sweep(models.load("mlp"), SampleSet(), plan)
    for trial, score in zip(sweep.trials, scores, strict=True):
        trial.status, trial.scores = JobStatus.DONE, {VALIDATION: score}
    return sweep


def sentences(found):
    """Return how many pairs of seeds differ by McNemar's test, and how many sentences about a pair say “better” or “worse”."""
    compared = [PairedComparison(*pair) for pair in zip(found[::2], found[1::2], strict=True)]
    texts = [training_summary.comparison(pair, "run 1", "run 2") for pair in compared]
    counts = {"different": sum(pair.is_significant for pair in compared), "pairs": len(compared)}
    return Counter(counts | {"better": sum("better" in text or "worse" in text for text in texts)})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--scores", type=Path, help="JSON file that keeps the numbers of correct predictions")
    options = parser.parse_args()
    repetitions, pairs = [], Counter()
    with multiprocessing.get_context("spawn").Pool(options.processes, maxtasksperchild=100) as pool:
        found = pool.imap(evaluation, range(options.repetitions * N_TRIALS))
        for number in range(options.repetitions):
            evaluations = [next(found) for _ in range(N_TRIALS)]
            pairs += sentences(evaluations)
            repetitions.append([one.accuracy for one in evaluations])
            print(f"{number + 1} of {options.repetitions} repetitions", file=sys.stderr, flush=True)
    if options.scores:
        options.scores.write_text(json.dumps(repetitions))
    spread = np.mean([np.std(scores, ddof=1) for scores in repetitions])
    n_trainings = len(repetitions) * N_TRIALS
    print(f"{n_trainings} trainings: mean {np.mean(repetitions):.4f}, standard deviation over seeds {spread:.4f}\n")
    rows = []
    for n_settings in LAYOUTS:
        claimed = [claims(scores, n_settings) for scores in repetitions]
        by_whom = [sum(who in found for found in claimed) for who in ("Trainings view", "sweep")]
        rows.append((n_settings, N_TRIALS // n_settings, f"{claimed.count([])} of {len(claimed)}", *by_whom))
    print(
        table(
            ["settings", "seeds each", "repetitions without “better”", "called better in Trainings", "called better by a sweep"],
            rows,
        )
    )
    print(
        f"\n{pairs['pairs']} pairs of seeds: {pairs['different']} differ by McNemar's test; "
        f"{pairs['better']} sentences call a model better or worse"
    )


if __name__ == "__main__":
    main()
