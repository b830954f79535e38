"""Compare models for the choice of a shipped model. MNIST's test digits are not read.

    python benchmarks/selection.py genius genius-seed1 genius+genius-seed1 [--json]

A model is a shipped model or a folder of a model. A plus sign joins models whose mean probabilities are measured (an ensemble).
The table has the errors, loss and calibration error on MNIST's 5,000 validation digits, the errors on four random paintings of
the 1,498 drawings of the six validation writers, and the accuracies on the first 1,000 validation digits with the corruptions of
the cards. The random numbers differ from those of the cards.
"""

import argparse
import json

import numpy as np
import pandas as pd

from digitcore import mnist
from digitcore.cli.options import read_model
from digitcore.data import corruptions, mnist_c, out_of_distribution, pens
from digitcore.evaluation import benchmark
from digitcore.evaluation.metrics import Evaluation

SEED, N_PAINTINGS, N_CORRUPTED, N_NON_DIGITS = 777, 4, 1000, 2000


class Ensemble:
    """One or more models, whose mean probabilities are the prediction."""

    def __init__(self, source):
        self.predictors = [read_model(name).predictor() for name in source.split("+")]

    def probabilities(self, digits):
        """Return the mean probabilities, (N, 10)."""
        return np.mean([predictor.probabilities(digits) for predictor in self.predictors], axis=0)

    def accuracy(self, digits, labels):
        """Return the share of digits that are predicted correctly."""
        return float((self.probabilities(digits).argmax(1) == labels).mean())


def measure(source):
    """Return the figures of a model or an ensemble by name."""
    model, (digits, labels) = Ensemble(source), mnist.load().validation
    clean = Evaluation.from_probabilities(labels, model.probabilities(digits))
    writers = pens.load().validation
    paintings = [writers.paint(np.random.default_rng(SEED + number)) for number in range(N_PAINTINGS)]
    some, their_labels = digits[:N_CORRUPTED], labels[:N_CORRUPTED]
    kinds = {kind: model.accuracy(mnist_c.corrupt(some, kind, SEED), their_labels) for kind in mnist_c.KINDS}
    own = [
        model.accuracy(corruptions.corrupt(some, name, severity, SEED), their_labels)
        for name in corruptions.names()
        for severity in corruptions.SEVERITIES
    ]
    threshold = benchmark.confidence_threshold(clean.probabilities)
    non_digits, _ = out_of_distribution.generate(N_NON_DIGITS, SEED)
    return {
        "model": source,
        "validation errors": clean.n - clean.correct,
        "loss": round(clean.loss, 4),
        "calibration error, %": round(100 * clean.calibration_error, 2),
        f"errors of {N_PAINTINGS * len(writers):,} pen digits": sum(
            int((model.probabilities(painting).argmax(1) != writers.labels).sum()) for painting in paintings
        ),
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
    rows = [measure(source) for source in options.models]
    print(json.dumps(rows, indent=2) if options.json else pd.DataFrame(rows, dtype=object).set_index("model").T.to_string())


if __name__ == "__main__":
    main()
