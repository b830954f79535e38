"""Every figure that stands on a model's card, measured on its served file."""

import time
from dataclasses import replace
from typing import Any

import numpy as np

from digitcore import mnist, nondigits, stress
from digitcore.evaluation import Evaluation
from digitcore.models import ModelBundle

KEPT = 0.99  # share of digits that must stay above the threshold for “unsure”
STRANGE, STRANGE_SEED = 1000, 12345  # pictures of no digit; the seed is no recipe's


def on_mnist(judged: Evaluation) -> dict[str, Any]:
    """Accuracy with its interval, loss and calibration error on the test digits."""
    return {
        "mnist_accuracy": round(judged.accuracy, 4),
        "mnist_errors": judged.of - judged.correct,
        "mnist_interval": [round(bound, 4) for bound in judged.interval],
        "mnist_loss": round(judged.loss, 4),
        "calibration_error": round(judged.calibration_error, 4),
    }


def measured(bundle: ModelBundle) -> ModelBundle:
    """The same model with every figure on its card."""
    predictor = bundle.predictor()
    digits, labels = mnist.load().test
    threshold = unsure_below(predictor)
    figures = bundle.card.figures | on_mnist(Evaluation.from_probabilities(labels, predictor.probabilities(digits)))
    figures |= {
        "unsure_below": round(threshold, 4),
        "unsure_nondigits": unsure_nondigits(predictor, threshold),
        "robustness": stress.on_card(stress.measure(predictor)),
        "milliseconds": round(milliseconds(predictor), 3),
        "bytes": len(bundle.tflite_bytes),
    }
    return replace(bundle, card=replace(bundle.card, figures=figures, history=bundle.card.history or _one_point(predictor)))


def _one_point(predictor):
    """The curve of a model that was never trained: where it stands."""
    digits, labels = mnist.load().validation
    judged = Evaluation.from_probabilities(labels, predictor.probabilities(digits))
    values = {"val_loss": round(judged.loss, 5), "val_accuracy": round(judged.accuracy, 5)}
    return [{"epoch": 0.0, "seen": 0, "seconds": 0.0, **values}]


def unsure_nondigits(predictor, threshold: float) -> dict[str, float]:
    """Share of the pictures of no digit that end below the threshold: of each kind, and of all."""
    pictures, kinds = nondigits.draw(STRANGE, STRANGE_SEED)
    unsure, named = predictor.probabilities(pictures).max(1) < threshold, np.array(kinds)
    shares = {kind: round(float(unsure[named == kind].mean()), 3) for kind in nondigits.KINDS}
    return shares | {"all": round(float(unsure.mean()), 3)}


def milliseconds(predictor, asked: int = 300) -> float:
    """Median time of one prediction, a digit at a time, on one thread."""
    digits, times = mnist.load().test_images[:asked, None], []
    for digit in digits:
        began = time.perf_counter()
        predictor.probabilities(digit)
        times.append(time.perf_counter() - began)
    return 1000 * float(np.median(times))


def unsure_below(predictor) -> float:
    """The probability of the best guess that 99 % of MNIST's validation digits reach."""
    digits, _ = mnist.load().validation
    return float(np.quantile(predictor.probabilities(digits).max(1), 1 - KEPT))
