import numpy as np
import pytest

from digitcore import models
from digitcore.data.label_issues import find_label_issues
from digitcore.errors import SampleError
from digitcore.samples import SampleSet
from digitcore.training.cross_validation import predict_out_of_fold
from digitcore.training.settings import TrainSettings


def test_wrong_labels_are_the_most_doubtful_labels(data):
    digits, labels = (part[:200] for part in data.validation)
    wrong = np.arange(0, 200, 20)
    given = labels.copy()
    given[wrong] = (given[wrong] + 1) % 10
    shares = []
    settings = TrainSettings(epochs=1, mnist_samples=500, validation_samples=100)
    probabilities = predict_out_of_fold(
        models.load("fast"), SampleSet.from_arrays(digits, given), settings, n_folds=2, on_progress=shares.append
    )
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] <= 1
    issues = find_label_issues(given, probabilities)[:10]
    assert len({issue.index for issue in issues} & set(wrong.tolist())) >= 9
    assert sum(issue.suggested == labels[issue.index] for issue in issues) >= 9


def test_no_model_was_trained_on_the_samples_that_it_predicts(random_mlp):
    """The labels are random, so only a model that was trained on them could predict them."""
    rng = np.random.default_rng(0)
    samples = SampleSet.from_arrays(rng.integers(0, 256, (40, 28, 28)).astype(np.uint8), rng.integers(0, 10, 40))
    settings = TrainSettings(epochs=30, mnist_samples=0, validation_samples=100)
    probabilities = predict_out_of_fold(random_mlp, samples, settings, n_folds=2)
    assert (probabilities.argmax(1) == samples.labels).mean() < 0.4


def test_single_sample_is_refused(random_mlp, few):
    with pytest.raises(SampleError, match="fewer than two labelled"):
        predict_out_of_fold(random_mlp, few.take([0]), TrainSettings())
