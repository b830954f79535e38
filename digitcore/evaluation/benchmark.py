"""Every metric of a model's card, measured on its .tflite file."""

import time
from dataclasses import replace
from typing import Any

import numpy as np

from digitcore import mnist
from digitcore.data import out_of_distribution
from digitcore.evaluation import robustness
from digitcore.evaluation.metrics import Evaluation
from digitcore.models.bundle import ModelBundle
from digitcore.predictor import Predictor

ANSWERED_SHARE = 0.99  # of MNIST's validation digits that must stay above the confidence threshold
NON_DIGIT_COUNT, NON_DIGIT_SEED = 1000, 12345  # the seed is no recipe's
TIMED_PREDICTIONS = 300


def mnist_metrics(evaluation: Evaluation) -> dict[str, Any]:
    """Accuracy with its interval, loss and calibration error on the test digits, rounded as on a card."""
    return {
        "mnist_accuracy": round(evaluation.accuracy, 4),
        "mnist_errors": evaluation.n - evaluation.correct,
        "mnist_interval": [round(bound, 4) for bound in evaluation.interval],
        "mnist_loss": round(evaluation.loss, 4),
        "calibration_error": round(evaluation.calibration_error, 4),
    }


def measure(bundle: ModelBundle) -> ModelBundle:
    """The same model with every metric on its card.

    Raises:
        DatasetNotFoundError: when MNIST is not here and cannot be downloaded.
    """
    predictor = bundle.predictor()
    digits, labels = mnist.load().test
    threshold = confidence_threshold(predictor.probabilities(mnist.load().validation[0]))
    metrics = mnist_metrics(Evaluation.from_probabilities(labels, predictor.probabilities(digits))) | {
        "confidence_threshold": round(threshold, 4),
        "unsure_non_digits": unsure_non_digits(predictor, threshold),
        "robustness": robustness.to_card(robustness.robustness_table(predictor)),
        "milliseconds": round(milliseconds_per_digit(predictor), 3),
        "bytes": len(bundle.tflite_bytes),
    }
    card = bundle.card.with_metrics(metrics)
    return bundle.with_card(replace(card, history=card.history or _untrained_history(predictor)))


def _untrained_history(predictor: Predictor) -> list[dict[str, float]]:
    """The single point of a model that was never trained."""
    digits, labels = mnist.load().validation
    evaluation = Evaluation.from_probabilities(labels, predictor.probabilities(digits))
    values = {"val_loss": round(evaluation.loss, 5), "val_accuracy": round(evaluation.accuracy, 5)}
    return [{"epoch": 0.0, "samples_seen": 0, "seconds": 0.0, **values}]


def unsure_non_digits(predictor: Predictor, threshold: float) -> dict[str, float]:
    """Share of the images of no digit whose confidence is below the threshold: of each kind, and of all."""
    images, kinds = out_of_distribution.generate(NON_DIGIT_COUNT, NON_DIGIT_SEED)
    unsure, kind_of = predictor.probabilities(images).max(1) < threshold, np.array(kinds)
    shares = {kind: round(float(unsure[kind_of == kind].mean()), 3) for kind in out_of_distribution.KINDS}
    return shares | {"all": round(float(unsure.mean()), 3)}


def milliseconds_per_digit(predictor: Predictor, n: int = TIMED_PREDICTIONS) -> float:
    """Median time of one prediction, a digit at a time, on one thread."""
    digits, times = mnist.load().test_images[:n, None], []
    for digit in digits:
        began = time.perf_counter()
        predictor.probabilities(digit)
        times.append(time.perf_counter() - began)
    return 1000 * float(np.median(times))


def confidence_threshold(probabilities: np.ndarray) -> float:
    """The confidence that 99 % of MNIST's validation digits reach, 0 to 1, from their probabilities, (5000, 10) float32."""
    return float(np.quantile(probabilities.max(1), 1 - ANSWERED_SHARE))
