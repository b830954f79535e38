"""Predictions for labelled digits by models that have not learnt from them."""

from collections.abc import Callable

import numpy as np

from digitcore.errors import SampleError
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.training.settings import TrainSettings
from digitcore.training.trainer import train

MIN_SAMPLES = 2
DEFAULT_FOLDS = 4


def predict_out_of_fold(
    start: ModelBundle,
    samples: SampleSet,
    settings: TrainSettings,
    *,
    n_folds: int = DEFAULT_FOLDS,
    on_progress: Callable[[float], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> np.ndarray:
    """Probabilities of each sample by a model that was trained on all folds but its own.

    Args:
        start: the initial model; it must not have learnt from the samples either.
        samples: two or more; whether they are held out does not matter.
        settings: of each training.
        n_folds: 2 or more; with fewer samples than folds, each sample is a fold.
        on_progress: called with the share done, 0 to 1.
        should_stop: asked a few times a second; a training that is stopped ends early, and predicts as it is.

    Returns:
        (N, 10) float32.

    Raises:
        SampleError: when there are fewer than two samples.
    """
    if len(samples) < MIN_SAMPLES:
        raise SampleError("To find doubtful labels takes two labelled digits at least.")
    n_folds = min(n_folds, len(samples))
    folds = np.random.default_rng(settings.seed).permutation(len(samples)) % n_folds
    probabilities = np.zeros((len(samples), 10), np.float32)
    for fold in range(n_folds):
        is_own = folds == fold
        others = samples.take(np.flatnonzero(~is_own)).without_hold_out()

        def report(point: dict[str, float], fold: int = fold) -> None:
            if on_progress:
                on_progress((fold + point["epoch"] / settings.epochs) / n_folds)

        model = train(start, others, settings, on_progress=report, should_stop=should_stop).model
        probabilities[is_own] = model.predictor().probabilities(samples.digits[is_own])
    return probabilities
