import numpy as np

from digitcore.data.label_issues import contradicted


def test_a_sure_model_contradicts_another_label():
    probabilities = np.full((4, 10), 0.01)
    probabilities[[0, 1, 2, 3], [3, 3, 3, 3]] = [0.91, 0.91, 0.5, 0.91]
    assert contradicted(np.array([3, 4, 4, 9]), probabilities, 0.9).tolist() == [False, True, False, True]


def test_no_label_no_contradiction():
    assert contradicted(np.zeros(0, int), np.zeros((0, 10)), 0.9).shape == (0,)
