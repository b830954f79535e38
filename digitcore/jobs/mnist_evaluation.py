"""Models on MNIST's digits, on a worker: in chunks, so that it can be stopped, and once for each model."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from digitcore.errors import CancelledError
from digitcore.models.bundle import ModelBundle

if TYPE_CHECKING:
    from digitcore.evaluation.metrics import Evaluation
    from digitcore.evaluation.score import Score

CHUNK_SIZE = 200  # digits between two reports of progress
CACHED_EVALUATIONS = 24  # 0.5 MB each

ShouldStop = Callable[[], bool]
_evaluations: Any = None  # LRU of evaluations by the model's hash, on the worker


def evaluate(
    bundle: ModelBundle,
    on_progress: Callable[[float], None] = lambda share: None,
    should_stop: ShouldStop = lambda: False,
) -> "Evaluation":
    """A model's evaluation on MNIST's test digits; cached by its hash."""
    from digitcore import mnist
    from digitcore.evaluation.metrics import Evaluation

    cache = _evaluation_cache()
    if bundle.hash not in cache:
        digits, labels = mnist.load().test
        cache[bundle.hash] = Evaluation.from_probabilities(labels, _predict(bundle, digits, on_progress, should_stop))
    evaluation: Evaluation = cache[bundle.hash]
    return evaluation


def _predict(
    bundle: ModelBundle, digits: np.ndarray, on_progress: Callable[[float], None], should_stop: ShouldStop
) -> np.ndarray:
    """(N, 28, 28) uint8 → (N, 10) float32, in chunks, so that it can be stopped."""
    predictor, chunks = bundle.predictor(threads=os.cpu_count() or 1), []
    for start in range(0, len(digits), CHUNK_SIZE):
        if should_stop():
            raise CancelledError("Stopped before all digits were read.")
        chunks.append(predictor.probabilities(digits[start : start + CHUNK_SIZE]))
        on_progress(min(1.0, (start + CHUNK_SIZE) / len(digits)))
    return np.concatenate(chunks)


def _evaluation_cache() -> Any:
    global _evaluations
    if _evaluations is None:
        from zict import LRU

        _evaluations = LRU(CACHED_EVALUATIONS, {})
    return _evaluations


def score(bundle: ModelBundle) -> "Score":
    """Of MNIST's test digits; from the card, where it is known."""
    from digitcore import mnist
    from digitcore.evaluation.score import Score

    if (errors := bundle.card.metrics.get("mnist_errors")) is not None:
        return Score.from_counts(mnist.TEST_SIZE - errors, mnist.TEST_SIZE)
    return evaluate(bundle).score


def with_metrics(bundle: ModelBundle, should_stop: ShouldStop = lambda: False) -> ModelBundle:
    """The same model with its metrics on MNIST's test digits, and its confidence threshold, on the card."""
    from digitcore import mnist
    from digitcore.evaluation import benchmark

    validation = _predict(bundle, mnist.load().validation[0], lambda share: None, should_stop)
    threshold = benchmark.confidence_threshold(validation)
    evaluation = evaluate(bundle, should_stop=should_stop)
    metrics = benchmark.mnist_metrics(evaluation) | {"confidence_threshold": round(threshold, 4)}
    return bundle.with_card(bundle.card.with_metrics(metrics))
