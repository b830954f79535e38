import numpy as np

from digitcore.data.label_issues import DISPUTED_TEST_LABELS, contradicted, find_label_issues


def test_a_prediction_of_low_confidence_contradicts_no_label():
    probabilities = np.eye(10)[[4, 4]] * [[0.79], [0.81]]
    assert contradicted(np.array([3, 3]), probabilities, threshold=0.1).tolist() == [False, True]


def test_confident_prediction_of_another_digit_contradicts_the_label():
    probabilities = np.full((4, 10), 0.01)
    probabilities[[0, 1, 2, 3], [3, 3, 3, 3]] = [0.91, 0.91, 0.5, 0.91]
    assert contradicted(np.array([3, 4, 4, 9]), probabilities, 0.9).tolist() == [False, True, False, True]


def test_no_labels_give_no_contradictions():
    assert contradicted(np.zeros(0, int), np.zeros((0, 10)), 0.9).shape == (0,)


def test_least_likely_label_comes_first():
    probabilities = np.full((4, 10), 0.01)
    probabilities[[0, 1, 2, 3], [3, 3, 3, 4]] = [0.91, 0.91, 0.3, 0.91]
    probabilities[2, 4] = 0.62
    issues = find_label_issues(np.array([3, 4, 3, 4]), probabilities)
    assert [(issue.index, issue.label, issue.suggested) for issue in issues] == [(1, 4, 3), (2, 3, 4)]
    assert 0 <= issues[0].score < issues[1].score < 0.5


def test_digit_with_low_confidence_throughout_is_not_reported():
    """All fours are predicted as 4 with probability 0.45 and as 9 with probability 0.55."""
    probabilities = np.zeros((20, 10))
    probabilities[:10, 4], probabilities[:10, 9] = 0.45, 0.55
    probabilities[10:, 9] = 1
    assert find_label_issues(np.repeat([4, 9], 10), probabilities) == []


def test_the_only_sample_of_a_digit_does_not_confirm_its_wrong_label():
    """Nine digits have two right labels each, and the only sample with the label 9 shows a 3."""
    shown = np.append(np.repeat(np.arange(9), 2), 3)
    confidence = np.append(np.tile([0.9, 0.98], 9), 0.9)
    probabilities = np.full((19, 10), 0.002) + confidence[:, None] * np.eye(10)[shown]
    issues = find_label_issues(np.append(shown[:-1], 9), probabilities)
    assert [(issue.index, issue.label, issue.suggested) for issue in issues] == [(18, 9, 3)]


def test_no_labels_give_no_issues():
    assert find_label_issues(np.zeros(0, int), np.zeros((0, 10))) == []


def test_disputed_mnist_labels_are_among_the_first_issues(genius, data):
    """At least seven of the fifteen labels that people did not confirm are among the first fifty issues of 10,000 labels."""
    issues = find_label_issues(data.test_labels, genius.predictor(threads=2).probabilities(data.test_images))
    assert len(DISPUTED_TEST_LABELS) == 15
    assert sum(issue.index in DISPUTED_TEST_LABELS for issue in issues[:50]) >= 7
    assert all(data.test_labels[i] != seen for i, seen in DISPUTED_TEST_LABELS.items())
