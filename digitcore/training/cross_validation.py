"""Out-of-fold predictions: each sample is predicted by a model that was not trained on it."""

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
    """Predict each sample with a model that was trained on the other folds.

    Args:
        start: The initial model. It must not have been trained on the samples.
        samples: At least two samples. The held-out set is ignored.
        settings: The settings of each training.
        n_folds: Number of folds, 2 or more. With fewer samples than folds, each sample is a fold.
        on_progress: Called with the completed share, 0 to 1.
        should_stop: Called a few times a second. When it returns True, each training ends early, and its
            model predicts with its current weights.

    Returns:
        Probabilities of the ten classes, shape (N, 10), float32.

    Raises:
        SampleError: If there are fewer than two samples.

    Example:
        >>> from digitcore import mnist, models
        >>> digits, labels = mnist.load().validation
        >>> samples = SampleSet.from_arrays(digits[:4], labels[:4])
        >>> settings = TrainSettings(mnist_samples=0, epochs=1, validation_samples=100)
        >>> predict_out_of_fold(models.load("mlp"), samples, settings, n_folds=2).shape
        (4, 10)
    """
    if len(samples) < MIN_SAMPLES:
        raise SampleError("Doubtful labels cannot be found in fewer than two labelled digits. Add more digits.")
    folds = np.random.default_rng(settings.seed).permutation(len(samples)) % min(n_folds, len(samples))
    return predict_folds(start, samples, settings, folds, on_progress=on_progress, should_stop=should_stop)


def predict_folds(
    start: ModelBundle,
    samples: SampleSet,
    settings: TrainSettings,
    folds: np.ndarray,
    *,
    sample_weights: np.ndarray | None = None,
    on_progress: Callable[[float], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> np.ndarray:
    """Predict the samples of each fold with a model that was trained on all other samples.

    Args:
        start: The initial model. It must not have been trained on the samples.
        samples: The samples. The held-out set is ignored.
        settings: The settings of each training.
        folds: Fold of each sample, (N,) int from 0. Samples of the fold −1 are used for training and are not predicted.
        sample_weights: Relative weight of each sample, (N,) float. By default, all samples have the same weight.
        on_progress: Called with the completed share, 0 to 1.
        should_stop: Called a few times a second. When it returns True, each training ends early, and its
            model predicts with its current weights.

    Returns:
        Probabilities of the ten classes, shape (N, 10), float32. They are 0 for samples that are not predicted.

    Example:
        >>> from digitcore import mnist, models
        >>> digits, labels = mnist.load().validation
        >>> settings = TrainSettings(mnist_samples=0, epochs=1, validation_samples=100)
        >>> samples = SampleSet.from_arrays(digits[:3], labels[:3])
        >>> predict_folds(models.load("mlp"), samples, settings, np.array([0, -1, -1])).sum(1).round()
        array([1., 0., 0.], dtype=float32)
    """
    probabilities = np.zeros((len(samples), 10), np.float32)
    n_folds = int(folds.max(initial=-1)) + 1
    for fold in range(n_folds):
        is_predicted = folds == fold
        others = samples.take(np.flatnonzero(~is_predicted)).without_hold_out()
        weights = None if sample_weights is None else sample_weights[~is_predicted]

        def report(point: dict[str, float], fold: int = fold) -> None:
            if on_progress:
                on_progress((fold + point["epoch"] / settings.epochs) / n_folds)

        run = train(start, others, settings, on_progress=report, should_stop=should_stop, sample_weights=weights)
        probabilities[is_predicted] = run.model.predictor().probabilities(samples.digits[is_predicted])
    return probabilities
