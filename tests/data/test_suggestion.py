import numpy as np

from digitcore.data.suggestion import Suggestion, suggest_next_digit
from digitcore.samples import SampleSet


def suggested(labels, predictions, sure=0.9):
    digits = np.zeros((len(labels), 28, 28), np.uint8)
    probabilities = np.full((len(labels), 10), (1 - sure) / 9)
    probabilities[np.arange(len(labels)), predictions] = sure
    return suggest_next_digit(SampleSet.from_arrays(digits, np.array(labels, int)), probabilities)


def test_first_suggestion_is_zero():
    assert suggested([], []) == Suggestion(0, "Draw a 0 next: you have no 0 yet.")


def test_misclassified_digit_comes_first():
    found = suggested([4, 4, 7], [4, 9, 7])
    assert found.digit == 4
    assert "1 of your 2 are predicted" in found.sentence
    assert "for example as 9" in found.sentence
    assert suggested([4, 7], [9, 7]) == Suggestion(4, "Draw another 4: your only 4 is predicted as 9.")


def test_digit_without_samples_comes_second():
    assert suggested([0, 1, 3], [0, 1, 3]).digit == 2


def test_digit_with_too_few_samples_comes_third():
    labels = [*range(10), *[d for d in range(10) if d != 5]]
    assert suggested(labels, labels) == Suggestion(5, "Draw another 5: after 3 more, one 5 is held out.")


def test_digit_with_the_lowest_confidence_comes_last():
    labels = list(range(10)) * 4
    probabilities = np.eye(10)[labels] * 0.9 + 0.01
    probabilities[np.array(labels) == 8] = np.eye(10)[8] * 0.5 + 0.05
    digits = np.zeros((40, 28, 28), np.uint8)
    found = suggest_next_digit(SampleSet.from_arrays(digits, np.array(labels)), probabilities)
    assert found.digit == 8
    assert "55 %" in found.sentence


def test_examples_are_ignored():
    samples = SampleSet().add(np.zeros((28, 28), np.uint8), 0, is_example=True)
    assert suggest_next_digit(samples, np.eye(10)[[7]]).sentence == "Draw a 0 next: you have no 0 yet."


def test_article_fits_the_digit():
    labels = [digit for digit in range(10) if digit != 8]
    assert suggested(labels, labels).sentence == "Draw an 8 next: you have no 8 yet."


def test_only_some_digits_are_suggested():
    digits = np.zeros((3, 28, 28), np.uint8)
    samples = SampleSet.from_arrays(digits, [1, 7, 0])
    found = suggest_next_digit(samples, np.eye(10)[[1, 7, 5]], digits=(1, 3, 7))
    assert found.digit == 3
    assert suggest_next_digit(samples, np.eye(10)[[1, 7, 5]], digits=(1, 7)).digit == 1
