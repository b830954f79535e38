"""Measurement of the metrics on a model's card. All metrics are measured with the .tflite file."""

import functools
import time
from dataclasses import replace
from typing import Any

import numpy as np

from digitcore import mnist
from digitcore.data import out_of_distribution, pens
from digitcore.evaluation import robustness
from digitcore.evaluation.metrics import Evaluation
from digitcore.models.bundle import ModelBundle
from digitcore.predictor import Predictor

ANSWERED_SHARE = 0.99  # share of MNIST's validation digits that must reach the confidence threshold
NON_DIGIT_COUNT = 1000  # images
LETTER_COUNT = 200  # images
TEST_SEED = 12345  # No recipe uses this seed.
HANDWRITTEN_LETTER = "handwritten letter"
TIMED_PREDICTIONS = 300


def mnist_metrics(evaluation: Evaluation) -> dict[str, Any]:
    """Return the metrics of an evaluation on MNIST's test digits, rounded as on a card.

    Args:
        evaluation: The evaluation.

    Returns:
        Accuracy (0 to 1) with its 95 % interval, number of errors, loss (nats) and calibration error (0 to 1) by name.

    Example:
        >>> mnist_metrics(Evaluation.from_probabilities([1, 2], np.eye(10)[[1, 2]]))["mnist_errors"]
        0
    """
    return {
        "mnist_accuracy": round(evaluation.accuracy, 4),
        "mnist_errors": evaluation.n - evaluation.correct,
        "mnist_interval": [round(bound, 4) for bound in evaluation.interval],
        "mnist_loss": round(evaluation.loss, 4),
        "calibration_error": round(evaluation.calibration_error, 4),
    }


def measure(bundle: ModelBundle) -> ModelBundle:
    """Measure all metrics of a model. The measurement takes about half a minute.

    Args:
        bundle: The model.

    Returns:
        The same model with all metrics on its card.

    Raises:
        DatasetNotFoundError: If MNIST is not on this machine and cannot be downloaded.

    Example:
        >>> from digitcore import models
        >>> measure(models.load("mlp")).card.metrics["mnist_errors"]  # doctest: +SKIP
        191
    """
    predictor = bundle.predictor()
    digits, labels = mnist.load().test
    threshold = confidence_threshold(predictor.probabilities(mnist.load().validation[0]))
    metrics = mnist_metrics(Evaluation.from_probabilities(labels, predictor.probabilities(digits))) | {
        "confidence_threshold": round(threshold, 4),
        "unsure_non_digits": unsure_non_digits(predictor, threshold),
        "robustness": robustness.to_card(robustness.robustness_table(predictor)),
        "mnist_c": {kind: round(value, 4) for kind, value in robustness.mnist_c_accuracies(predictor).items()},
        **pen_metrics(predictor),
        "milliseconds": round(milliseconds_per_digit(predictor), 3),
        "bytes": len(bundle.tflite_bytes),
    }
    card = bundle.card.with_metrics(metrics)
    return bundle.with_card(replace(card, history=card.history or _untrained_history(predictor)))


def _untrained_history(predictor: Predictor) -> list[dict[str, float]]:
    """Return the only point of the learning curves of random weights."""
    digits, labels = mnist.load().validation
    evaluation = Evaluation.from_probabilities(labels, predictor.probabilities(digits))
    values = {"val_loss": round(evaluation.loss, 5), "val_accuracy": round(evaluation.accuracy, 5)}
    return [{"epoch": 0.0, "samples_seen": 0, "seconds": 0.0, **values}]


def unsure_non_digits(predictor: Predictor, threshold: float) -> dict[str, float]:
    """Compute the share of non-digit images whose confidence is below the threshold.

    Args:
        predictor: The model.
        threshold: The confidence threshold, 0 to 1.

    Returns:
        The share, 0 to 1, for each kind of image of `out_of_distribution.KINDS`, for “all” of these, and for handwritten letters,
        whose forms belong to the training data of genius.

    Example:
        >>> from digitcore import models
        >>> unsure_non_digits(models.load("mlp").predictor(), threshold=0.0)["all"]
        0.0
    """
    images, kinds, letters = _non_digits()
    unsure, kind_of = predictor.probabilities(images).max(1) < threshold, np.array(kinds)
    shares = {kind: round(float(unsure[kind_of == kind].mean()), 3) for kind in out_of_distribution.KINDS}
    unsure_letters = predictor.probabilities(letters).max(1) < threshold
    return shares | {"all": round(float(unsure.mean()), 3), HANDWRITTEN_LETTER: round(float(unsure_letters.mean()), 3)}


@functools.cache
def _non_digits() -> tuple[np.ndarray, list[str], np.ndarray]:
    """Return images of no digits, the kind of each, and handwritten letters. All models are measured with the same images."""
    images, kinds = out_of_distribution.generate(NON_DIGIT_COUNT, TEST_SEED)
    return images, kinds, out_of_distribution.generate(LETTER_COUNT, TEST_SEED, (HANDWRITTEN_LETTER,))[0]


def pen_metrics(predictor: Predictor) -> dict[str, Any]:
    """Evaluate a model on the pen drawings of the six validation writers. No model is trained on their drawings.

    Each of the 1,498 drawings is painted once, with a random size, brush, slant, tilt and wobble of a fixed seed.

    Args:
        predictor: The model.

    Returns:
        Accuracy (0 to 1) with its 95 % interval, and number of errors by name.

    Raises:
        DatasetNotFoundError: If the pen drawings are missing from the installation.

    Example:
        >>> from digitcore import models
        >>> sorted(pen_metrics(models.load("mlp").predictor()))
        ['pen_accuracy', 'pen_errors', 'pen_interval']
    """
    digits, labels = _pen_digits()
    evaluation = Evaluation.from_probabilities(labels, predictor.probabilities(digits))
    return {
        "pen_accuracy": round(evaluation.accuracy, 4),
        "pen_errors": evaluation.n - evaluation.correct,
        "pen_interval": [round(bound, 4) for bound in evaluation.interval],
    }


@functools.cache
def _pen_digits() -> tuple[np.ndarray, np.ndarray]:
    """Return the painted drawings of the validation writers and their labels. Painting takes longer than the predictions."""
    drawings = pens.load().validation
    return drawings.paint(np.random.default_rng(TEST_SEED)), drawings.labels


def milliseconds_per_digit(predictor: Predictor, n: int = TIMED_PREDICTIONS) -> float:
    """Measure the median time of the prediction of one digit.

    Args:
        predictor: The model.
        n: Number of timed predictions.

    Returns:
        The time in milliseconds.

    Raises:
        DatasetNotFoundError: If MNIST is not on this machine and cannot be downloaded.

    Example:
        >>> from digitcore import models
        >>> milliseconds_per_digit(models.load("mlp").predictor(), n=3) > 0
        True
    """
    digits, times = mnist.load().test_images[:n, None], []
    for digit in digits:
        began = time.perf_counter()
        predictor.probabilities(digit)
        times.append(time.perf_counter() - began)
    return 1000 * float(np.median(times))


def confidence_threshold(probabilities: np.ndarray) -> float:
    """Compute the confidence threshold that 99 % of MNIST's validation digits reach.

    Args:
        probabilities: (N, 10) float32, the probabilities of the validation digits.

    Returns:
        The threshold, 0 to 1.

    Example:
        >>> confidence_threshold(np.full((100, 10), 0.1))
        0.1
    """
    return float(np.quantile(probabilities.max(1), 1 - ANSWERED_SHARE))
