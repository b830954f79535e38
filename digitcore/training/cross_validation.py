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
    n_folds = min(n_folds, len(samples))
    folds = np.random.default_rng(settings.seed).permutation(len(samples)) % n_folds
    probabilities = np.zeros((len(samples), 10), np.float32)
    for fold in range(n_folds):
        is_predicted = folds == fold
        others = samples.take(np.flatnonzero(~is_predicted)).without_hold_out()

        def report(point: dict[str, float], fold: int = fold) -> None:
            if on_progress:
                on_progress((fold + point["epoch"] / settings.epochs) / n_folds)

        model = train(start, others, settings, on_progress=report, should_stop=should_stop).model
        probabilities[is_predicted] = model.predictor().probabilities(samples.digits[is_predicted])
    return probabilities
