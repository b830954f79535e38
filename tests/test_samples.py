import io
from dataclasses import replace

import numpy as np
import pytest

from digitcore.errors import SampleError
from digitcore.samples import FirstPrediction, SampleSet


def test_empty_set_has_no_digits():
    empty = SampleSet()
    assert len(empty) == 0
    assert empty.digits.shape == (0, 28, 28)
    assert empty.counts() == [0] * 10


def test_samples_are_added_and_dropped():
    digit = np.full((28, 28), 7, np.uint8)
    one = SampleSet().add(digit, 3)
    two = one.add(digit, 9)
    assert (len(one), len(two), len(two.drop([1]))) == (1, 2, 1)
    assert two.labels.tolist() == [3, 9]
    assert two.counts()[9] == 1
    assert np.array_equal(two.take([1]).digits[0], digit)


@pytest.mark.parametrize(
    ("digits", "labels"),
    [
        (np.zeros((2, 28, 28), np.uint8), [1]),
        (np.zeros((1, 27, 28), np.uint8), [1]),
        (np.zeros((1, 28, 28), np.uint8), [10]),
        (np.zeros((1, 28, 28), np.uint8), [-1]),
        (np.zeros((1, 28, 28), np.uint8), [1.5]),
        (np.full((1, 28, 28), 256), [1]),
        (np.zeros((1, 28, 28)), [1]),
        (np.zeros((1, 28, 28), np.uint8), ["a"]),
    ],
)
def test_invalid_arrays_raise(digits, labels):
    with pytest.raises(SampleError):
        SampleSet.from_arrays(digits, labels)


def test_every_fourth_sample_of_a_digit_is_held_out():
    samples = SampleSet()
    for label in [1, 1, 2, 1, 1, 2, 2, 2, 1]:
        samples = samples.add(np.full((28, 28), 9, np.uint8), label)
    assert samples.held_out.tolist() == [False, False, False, False, True, False, False, True, False]
    assert SampleSet.from_arrays(samples.digits, samples.labels).held_out.tolist() == samples.held_out.tolist()
    assert (len(samples.training_part()), len(samples.test_part())) == (7, 2)
    assert not samples.training_part().held_out.any()
    marked = SampleSet.from_arrays(samples.digits, samples.labels, np.ones(9, bool))
    assert len(marked.training_part()) == 0


def test_examples_are_trained_on_and_are_not_handwriting():
    samples = SampleSet()
    for number in range(8):
        samples = samples.add(np.full((28, 28), number, np.uint8), 1, is_example=number % 2 == 0)
    assert samples.is_example.tolist() == [True, False] * 4
    assert samples.held_out.tolist() == [False] * 7 + [True], "every fourth drawing, and no example"
    again = SampleSet.from_arrays(samples.digits, samples.labels, is_example=samples.is_example)
    assert again.held_out.tolist() == samples.held_out.tolist()
    assert (len(samples.training_part()), len(samples.drawn_part()), len(samples.test_part())) == (7, 4, 1)
    assert samples.without_hold_out().test_part().is_example.tolist() == [False] * 4


def test_a_relabelled_sample_is_recognized_as_a_training_sample():
    samples = SampleSet.from_arrays(np.arange(3 * 784).reshape(3, 28, 28) % 251, [3, 9, 7])
    learnt = samples.take([0, 2]).digit_hashes
    assert samples.relabel([0], 8).is_learnt(learnt).tolist() == [True, False, True]
    assert SampleSet().is_learnt(learnt).shape == (0,)


FIRST = FirstPrediction("ab12", 7, 0.3)


def test_first_predictions_follow_their_samples():
    samples = SampleSet().add(np.zeros((28, 28), np.uint8), 3).add(np.ones((28, 28), np.uint8), 9, first_prediction=FIRST)
    assert samples.take([1, 0]).first_predictions == (FIRST, None)
    assert samples.concatenate(samples).first_predictions == (None, FIRST) * 2
    assert samples.relabel([1], 7).first_predictions == (None, FIRST), "the prediction was made before every label"
    with pytest.raises(SampleError, match="2 first predictions"):
        SampleSet.from_arrays(samples.digits, samples.labels, first_predictions=[FIRST])


def test_npz_file_keeps_examples_and_first_predictions():
    samples = SampleSet().add(np.zeros((28, 28), np.uint8), 3, is_example=True)
    samples = samples.add(np.ones((28, 28), np.uint8), 9, first_prediction=FIRST)
    again = SampleSet.from_npz(samples.to_npz())
    assert again.is_example.tolist() == [True, False]
    assert again.first_predictions == (None, FIRST)


@pytest.mark.parametrize(
    "values",
    [
        ("ab12", 10, 0.5),
        ("ab12", 1.5, 0.5),
        ("", 1, 0.5),
        ("a b", 1, 0.5),
        (None, 1, 0.5),
        ("ab12", 1, float("nan")),
        ("a", "x", 1),
    ],
)
def test_a_malformed_first_prediction_is_unknown(values):
    assert FirstPrediction.from_untrusted(*values) is None


def test_invalid_held_out_mask_raises():
    with pytest.raises(SampleError):
        SampleSet.from_arrays(np.zeros((1, 28, 28), np.uint8), [1], [1])
    with pytest.raises(SampleError):
        SampleSet.from_arrays(np.zeros((1, 28, 28), np.uint8), [1], [True, False])


def test_npz_file_keeps_the_samples():
    samples = SampleSet.from_arrays(np.arange(2 * 784).reshape(2, 28, 28) % 256, [3, 9], [True, False])
    again = SampleSet.from_npz(samples.to_npz())
    assert np.array_equal(again.digits, samples.digits)
    assert again.labels.tolist() == [3, 9]
    assert again.held_out.tolist() == [True, False]


def test_pickle_in_an_npz_file_is_never_loaded():
    file = io.BytesIO()
    np.savez(file, digits=np.array([{}], object), labels=np.array([1]))
    for data in (file.getvalue(), b"", b"PK", file.getvalue()[:50]):
        with pytest.raises(SampleError):
            SampleSet.from_npz(data)


def test_deeply_nested_texts_in_an_npz_file_raise():
    file = io.BytesIO()
    nested = np.frombuffer(("[" * 100_000).encode(), np.uint8)
    np.savez(file, digits=np.zeros((1, 28, 28), np.uint8), labels=[1], strokes=nested)
    with pytest.raises(SampleError, match="not a sample file"):
        SampleSet.from_npz(file.getvalue())


def test_repr_fits_on_one_line():
    digits = np.zeros((23, 28, 28), np.uint8)
    assert repr(SampleSet.from_arrays(digits, np.arange(23) % 5)) == "SampleSet(23 samples, 5 held out)"
    assert repr(SampleSet().add(digits[0], 3)) == "SampleSet(1 sample, 0 held out)"


def test_non_printable_text_raises():
    with pytest.raises(SampleError, match="non-printable"):
        SampleSet().add(np.zeros((28, 28), np.uint8), 3, strokes="\0")


def test_a_sample_file_keeps_sound_identifiers_only():
    samples = SampleSet.from_arrays(np.zeros((2, 28, 28), np.uint8), [3, 7])
    assert SampleSet.from_npz(samples.to_npz()).ids == samples.ids
    for ids in (("a", "b"), samples.ids[:1] * 2, (samples.ids[0], samples.ids[1].upper() + "G")):
        found = SampleSet.from_npz(replace(samples, ids=ids).to_npz())
        assert len(set(found.ids)) == 2
        assert not set(found.ids) & set(ids)


def test_a_sample_that_is_in_both_sets_gets_another_identifier():
    one = SampleSet.from_arrays(np.zeros((2, 28, 28), np.uint8), [3, 7])
    both = one.concatenate(one.take([1]))
    assert both.ids[:2] == one.ids
    assert len(set(both.ids)) == 3
    assert sorted(both.ids) == list(both.ids)
