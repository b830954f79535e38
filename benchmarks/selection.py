"""Compare models for the choice of a shipped model. MNIST's test digits are not read.

    python benchmarks/selection.py genius genius-seed1 genius+genius-seed1 [--json]

A model is a shipped model or a folder of a model. A plus sign joins models whose mean probabilities are measured (an ensemble).
The table has the errors, loss and calibration error on MNIST's 5,000 validation digits, and the p value of an exact McNemar test
that compares the errors with those of the first model. It has the errors on four random paintings of the 1,498 drawings of the
six validation writers, and the accuracies on the first 1,000 validation digits with the corruptions of the cards. The random
numbers differ from those of the cards.
"""

import argparse
import json

import numpy as np
import pandas as pd

from digitcore import mnist
from digitcore.cli.options import read_model
from digitcore.data import corruptions, mnist_c, out_of_distribution, pens
from digitcore.errors import DigitLabError
from digitcore.evaluation import benchmark
from digitcore.evaluation.comparison import PairedComparison
from digitcore.evaluation.metrics import Evaluation

SEED, N_PAINTINGS, N_CORRUPTED, N_NON_DIGITS = 777, 4, 1000, 2000


class Ensemble:
    """One or more models, whose mean probabilities are the prediction."""

    def __init__(self, source):
        self.source = source
        self.predictors = [read_model(name).predictor() for name in source.split("+")]

    def probabilities(self, digits):
        """Return the mean probabilities, (N, 10)."""
        return np.mean([predictor.probabilities(digits) for predictor in self.predictors], axis=0)

    def accuracy(self, digits, labels):
        """Return the share of digits that are predicted correctly."""
        return float((self.probabilities(digits).argmax(1) == labels).mean())


def corrupted_digits():
    """Return the first validation digits with each corruption at each severity, and with each kind of MNIST-C."""
    digits = mnist.load().validation[0][:N_CORRUPTED]
    own = [
        corruptions.corrupt(digits, name, severity, SEED) for name in corruptions.names() for severity in corruptions.SEVERITIES
    ]
    return own, {kind: mnist_c.corrupt(digits, kind, SEED) for kind in mnist_c.KINDS}


def measure(model, clean, baseline, paintings, corrupted, non_digits):
    """Return the figures of an ensemble by name. `clean` and `baseline` are its evaluation and that of the first ensemble."""
    labels = clean.labels
    threshold = benchmark.confidence_threshold(clean.probabilities)
    pen_labels = np.tile(pens.load().validation.labels, N_PAINTINGS)
    pen_errors = int((model.probabilities(paintings).argmax(1) != pen_labels).sum())
    own = [model.accuracy(images, labels[:N_CORRUPTED]) for images in corrupted[0]]
    kinds = {kind: model.accuracy(images, labels[:N_CORRUPTED]) for kind, images in corrupted[1].items()}
    return {
        "model": model.source,
        "validation errors": clean.n - clean.correct,
        "p (McNemar)": round(PairedComparison(baseline, clean).p_value, 2),
        "loss": round(clean.loss, 4),
        "calibration error, %": round(100 * clean.calibration_error, 2),
        f"errors of {len(paintings):,} images of {len(paintings) // N_PAINTINGS:,} pen digits": pen_errors,
        "robustness, %": round(100 * float(np.mean(own)), 2),
        "MNIST-C, %": round(100 * float(np.mean(list(kinds.values()))), 2),
        "unsure non-digits, %": round(100 * float((model.probabilities(non_digits).max(1) < threshold).mean()), 1),
        **{f"{kind}, %": round(100 * accuracy, 1) for kind, accuracy in kinds.items()},
    }


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL", help="name or folder of a model, or several with a plus sign")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        models = [Ensemble(source) for source in options.models]
    except DigitLabError as error:
        parser.error(str(error))
    writers = pens.load().validation
    paintings = np.concatenate([writers.paint(np.random.default_rng(SEED + number)) for number in range(N_PAINTINGS)])
    non_digits, _ = out_of_distribution.generate(N_NON_DIGITS, SEED)
    corrupted = corrupted_digits()
    digits, labels = mnist.load().validation
    evaluations = [Evaluation.from_probabilities(labels, model.probabilities(digits)) for model in models]
    pairs = zip(models, evaluations, strict=True)
    rows = [measure(model, clean, evaluations[0], paintings, corrupted, non_digits) for model, clean in pairs]
    print(json.dumps(rows, indent=2) if options.json else pd.DataFrame(rows, dtype=object).set_index("model").T.to_string())


if __name__ == "__main__":
    main()
