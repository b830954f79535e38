import numpy as np

from digitcore.data.label_issues import DISPUTED_TEST_LABELS, contradicted, find_label_issues


def test_a_sure_model_contradicts_another_label():
    probabilities = np.full((4, 10), 0.01)
    probabilities[[0, 1, 2, 3], [3, 3, 3, 3]] = [0.91, 0.91, 0.5, 0.91]
    assert contradicted(np.array([3, 4, 4, 9]), probabilities, 0.9).tolist() == [False, True, False, True]


def test_no_label_no_contradiction():
    assert contradicted(np.zeros(0, int), np.zeros((0, 10)), 0.9).shape == (0,)


def test_what_is_believed_less_than_another_digit_comes_first():
    probabilities = np.full((4, 10), 0.01)
    probabilities[[0, 1, 2, 3], [3, 3, 3, 4]] = [0.91, 0.91, 0.3, 0.91]
    probabilities[2, 4] = 0.62
    issues = find_label_issues(np.array([3, 4, 3, 4]), probabilities)
    assert [(one.index, one.label, one.suggested) for one in issues] == [(1, 4, 3), (2, 3, 4)]
    assert 0 <= issues[0].score < issues[1].score < 0.5


def test_a_digit_that_is_never_sure_is_not_suspected_for_it():
    """All fours are given 0.5, and a nine 0.4 beside them."""
    probabilities = np.zeros((20, 10))
    probabilities[:10, 4], probabilities[:10, 9] = 0.45, 0.55
    probabilities[10:, 9] = 1
    assert find_label_issues(np.repeat([4, 9], 10), probabilities) == []


def test_no_labels_no_issues():
    assert find_label_issues(np.zeros(0, int), np.zeros((0, 10))) == []


def test_mnist_s_disputed_labels(genius, data):
    """Of fifteen that people did not confirm, at least eight stand among the first fifty."""
    issues = find_label_issues(data.test_labels, genius.predictor(threads=2).probabilities(data.test_images))
    assert len(DISPUTED_TEST_LABELS) == 15
    assert sum(one.index in DISPUTED_TEST_LABELS for one in issues[:50]) >= 8
    assert all(data.test_labels[i] != seen for i, seen in DISPUTED_TEST_LABELS.items())
