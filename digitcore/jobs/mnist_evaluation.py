"""Evaluation of models on MNIST's digits on a worker. An evaluation can be stopped, and its result is cached."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from digitcore.errors import CancelledError
from digitcore.models.bundle import ModelBundle

if TYPE_CHECKING:
    from digitcore.evaluation.metrics import Evaluation
    from digitcore.evaluation.score import Score
    from digitcore.training.run import MnistScores

CHUNK_SIZE = 200  # number of digits between two progress reports
CACHED_EVALUATIONS = 24  # Each evaluation uses 0.5 MB.
MODEL_SHARE = 0.6  # share of the trained model in the progress of a comparison; the rest is for the initial model

ShouldStop = Callable[[], bool]
Subset = Literal["test", "validation"]
_evaluations: Any = None  # LRU cache of evaluations by the subset and the model's hash


def evaluate(
    bundle: ModelBundle,
    on_progress: Callable[[float], None] = lambda share: None,
    should_stop: ShouldStop = lambda: False,
    subset: Subset = "test",
) -> "Evaluation":
    """Evaluate a model on MNIST's test digits or validation digits, or return the cached result.

    Args:
        bundle: The model.
        on_progress: Called with the completed share, 0 to 1.
        should_stop: Called before each chunk of digits. The evaluation stops if it returns true.
        subset: "test" for the 10,000 test digits, or "validation" for the 5,000 validation digits.

    Returns:
        The evaluation.

    Raises:
        CancelledError: If `should_stop` returned true.

    Example:
        >>> from digitcore import models
        >>> len(evaluate(models.load("untrained"), subset="validation").labels)
        5000
    """
    from digitcore import mnist
    from digitcore.evaluation.metrics import Evaluation

    cache = _evaluation_cache()
    key = subset, bundle.hash
    if key not in cache:
        digits, labels = mnist.load().test if subset == "test" else mnist.load().validation
        cache[key] = Evaluation.from_probabilities(labels, _predict(bundle, digits, on_progress, should_stop))
    evaluation: Evaluation = cache[key]
    return evaluation


def _predict(
    bundle: ModelBundle, digits: np.ndarray, on_progress: Callable[[float], None], should_stop: ShouldStop
) -> np.ndarray:
    """Predict (N, 10) float32 for (N, 28, 28) uint8 in chunks, so that the prediction can be stopped."""
    predictor, chunks = bundle.predictor(threads=os.cpu_count() or 1), []
    for start in range(0, len(digits), CHUNK_SIZE):
        if should_stop():
            raise CancelledError("The evaluation was stopped before it was complete. Start the evaluation again.")
        chunks.append(predictor.probabilities(digits[start : start + CHUNK_SIZE]))
        on_progress(min(1.0, (start + CHUNK_SIZE) / len(digits)))
    return np.concatenate(chunks)


def _evaluation_cache() -> Any:
    global _evaluations
    if _evaluations is None:
        from zict import LRU

        _evaluations = LRU(CACHED_EVALUATIONS, {})
    return _evaluations


def card_score(bundle: ModelBundle) -> "Score | None":
    """Return the score on MNIST's test digits that is stored on a model's card.

    Args:
        bundle: The model.

    Returns:
        The score, or `None` if the card has no score.

    Example:
        >>> from digitcore import models
        >>> card_score(models.load("genius")).n
        10000
    """
    from digitcore import mnist
    from digitcore.evaluation.score import Score

    errors = bundle.card.metrics.get("mnist_errors")
    return Score.from_counts(mnist.TEST_SIZE - errors, mnist.TEST_SIZE) if errors is not None else None


def compare(
    start: ModelBundle,
    model: ModelBundle,
    on_progress: Callable[[float], None] = lambda share: None,
    should_stop: ShouldStop = lambda: False,
) -> "MnistScores":
    """Compare a trained model with its initial model on MNIST's test digits.

    Args:
        start: The initial model.
        model: The trained model.
        on_progress: Called with the completed share, 0 to 1.
        should_stop: Called before each chunk of digits. The comparison stops if it returns true.

    Returns:
        The scores of both models, the p value of their difference, and the metrics of the trained model.

    Raises:
        CancelledError: If `should_stop` returned true.

    Example:
        >>> from digitcore import models
        >>> genius = models.load("genius")
        >>> compare(genius, genius).p_value  # doctest: +SKIP
        1.0
    """
    from digitcore.evaluation.comparison import PairedComparison
    from digitcore.training.run import MnistScores

    metrics = _measure(model, lambda share: on_progress(share * MODEL_SHARE), should_stop)
    before = evaluate(start, lambda share: on_progress(MODEL_SHARE + share * (1 - MODEL_SHARE)), should_stop)
    after = evaluate(model)
    return MnistScores(before.score, after.score, PairedComparison(before, after).p_value, metrics)


def with_metrics(bundle: ModelBundle, should_stop: ShouldStop = lambda: False) -> ModelBundle:
    """Measure a model, and return it with its MNIST metrics and its confidence threshold on the card.

    Args:
        bundle: The model.
        should_stop: Called before each chunk of digits. The evaluation stops if it returns true.

    Returns:
        The model with the new card.

    Raises:
        CancelledError: If `should_stop` returned true.

    Example:
        >>> from digitcore import models
        >>> "mnist_accuracy" in with_metrics(models.load("untrained")).card.metrics  # doctest: +SKIP
        True
    """
    return bundle.with_card(bundle.card.with_metrics(_measure(bundle, lambda share: None, should_stop)))


def _measure(bundle: ModelBundle, on_progress: Callable[[float], None], should_stop: ShouldStop) -> dict[str, Any]:
    """Measure the metrics on the test digits, and the confidence threshold on the validation digits."""
    from digitcore import mnist
    from digitcore.evaluation import benchmark

    digits, _ = mnist.load().validation
    validation_share = len(digits) / (len(digits) + mnist.TEST_SIZE)
    validation = _predict(bundle, digits, lambda share: on_progress(share * validation_share), should_stop)
    threshold = benchmark.confidence_threshold(validation)
    evaluation = evaluate(bundle, lambda share: on_progress(validation_share + share * (1 - validation_share)), should_stop)
    return benchmark.mnist_metrics(evaluation) | {"confidence_threshold": round(threshold, 4)}
