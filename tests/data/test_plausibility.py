import numpy as np
import pytest

from digitcore.data.plausibility import MIN_AGREEMENT, choose_reading


@pytest.mark.parametrize(
    ("change", "make"),
    [
        ("", lambda x: x),
        ("The pictures were transposed", lambda x: x.transpose(0, 2, 1)),
        ("The pictures were inverted", lambda x: 255 - x),
        ("The pictures were inverted and transposed", lambda x: 255 - x.transpose(0, 2, 1)),
    ],
)
def test_reading_that_fits_is_chosen(change, make, few, predictor):
    reading = choose_reading(make(few.digits), few.labels, predictor)
    assert reading.change == change
    assert reading.is_plausible
    assert np.array_equal(reading.digits, few.digits)
    assert np.array_equal(reading.labels, few.labels)


def test_unusual_digit_does_not_change_the_reading(few, predictor):
    labels = few.labels.copy()
    labels[:7] = (labels[:7] + 1) % 10
    reading = choose_reading(few.digits, labels, predictor)
    assert reading.agreement >= MIN_AGREEMENT
    assert not reading.change
    assert not str(reading)


def test_two_digits_are_too_few_for_a_decision(few, predictor):
    reading = choose_reading(few.digits[:2], few.labels[:2] + 1, predictor)
    assert reading.agreement is None
    assert reading.is_plausible


def test_labels_that_do_not_fit_any_reading_are_reported(few, predictor):
    reading = choose_reading(few.digits, (few.labels + 3) % 10, predictor, [("other labels were used", (few.labels + 5) % 10)])
    assert not reading.is_plausible
    assert "0 % agree" in str(reading)


@pytest.mark.parametrize(("true", "wrong"), [(0, 3), (8, 0)])
def test_wrong_labels_of_one_class_do_not_change_the_pictures(true, wrong, data, predictor):
    digits, labels = data.validation
    chosen = digits[labels == true][:25]
    reading = choose_reading(chosen, np.full(25, wrong, np.uint8), predictor)
    assert np.array_equal(reading.digits, chosen)
    assert not reading.is_plausible


def test_most_pictures_of_one_class_do_not_confirm_another_reading(data, predictor):
    digits, labels = data.validation
    chosen = np.concatenate([np.flatnonzero(labels == 0)[:40], np.flatnonzero(labels == 1)[:3]])
    reading = choose_reading(digits[chosen], np.where(labels[chosen] == 0, 3, 7).astype(np.uint8), predictor)
    assert not reading.change
    assert not reading.is_plausible


def test_transposed_set_of_mostly_symmetric_digits_is_recognized(data, predictor):
    digits, labels = data.validation
    counts = {0: 25, 1: 25, 8: 25, 2: 5, 4: 5, 7: 5}
    chosen = np.concatenate([np.flatnonzero(labels == digit)[:n] for digit, n in counts.items()])
    reading = choose_reading(digits[chosen].transpose(0, 2, 1), labels[chosen], predictor)
    assert reading.usual_agreement > MIN_AGREEMENT
    assert reading.change == "The pictures were transposed"
    assert np.array_equal(reading.digits, digits[chosen])
