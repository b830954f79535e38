"""Which drawings a model has learnt from, and on which drawings models are compared."""

from dataclasses import replace

import numpy as np
import pytest

from digitcore.samples import FirstPrediction, SampleSet
from digitcore.storage import learnt
from digitcore.storage.snapshot import RunRecord
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings


@pytest.fixture
def make(genius):
    """Return a function that returns a trained model with the given files, which is not shipped."""
    return lambda content: replace(genius, keras_bytes=content, tflite_bytes=content)


def record(model, start, hashes):
    hashes = None if hashes is None else frozenset(hashes)
    return RunRecord(Run(model, [], TrainSettings(), start.name, 1.0, sample_hashes=hashes), start)


def find(model, *runs, is_shipped=False):
    return learnt.learnt_from(model, runs, lambda _: is_shipped)


def test_a_model_has_learnt_what_its_runs_have_learnt(make):
    model, other, start = make(b"model"), make(b"other"), make(b"start")
    assert find(model, record(model, start, "a"), record(other, start, "b"), record(model, start, "cd")) == {"a", "c", "d"}
    assert find(model, record(model, start, "a"), record(model, start, None)) is None


def test_a_model_without_a_run(make, untrained):
    model, later = make(b"model"), make(b"later")
    assert find(untrained) == find(model, is_shipped=True) == frozenset()
    assert find(model) is None
    deleted = record(later, model, "ab"), record(later, model, "c")
    assert find(model, *deleted) == {"a", "b"}, "the first run that started from it has learnt all that it had learnt"
    assert find(model, record(later, model, None)) is None


@pytest.fixture
def samples():
    """Return eight drawings of one digit, of which the fourth and the eighth are held out, and an example."""
    digits = np.arange(9, dtype=np.uint8)[:, None, None] + np.zeros((28, 28), np.uint8)
    return SampleSet.from_arrays(digits, np.full(9, 7), is_example=np.arange(9) == 8)


def test_drawings_that_no_model_has_learnt_from_are_unseen(samples):
    hashes = samples.digit_hashes
    assert np.flatnonzero(learnt.unseen(samples, [])).tolist() == list(range(8)), "an example is no drawing"
    assert np.flatnonzero(learnt.unseen(samples, [frozenset(hashes[:2]), frozenset(hashes[1:3])])).tolist() == [3, 4, 5, 6, 7]
    assert np.flatnonzero(learnt.unseen(samples, [None])).tolist() == [3, 7]
    assert np.flatnonzero(learnt.unseen(samples, [None, frozenset(hashes[:4])])).tolist() == [7]


def test_models_are_compared_on_unseen_drawings_or_on_all_drawings(samples):
    found, are_unseen = learnt.tested_drawings(samples, [frozenset(samples.digit_hashes[:6])])
    assert (found.ids, are_unseen) == (samples.ids[6:8], True)
    found, are_unseen = learnt.tested_drawings(samples, [frozenset(samples.digit_hashes)])
    assert (found.ids, are_unseen) == (samples.ids[:8], False)


def test_only_later_drawings_with_a_first_prediction_test_a_run(make, genius):
    first, digit = FirstPrediction(genius.hash, 7, 0.9), np.zeros((28, 28), np.uint8)
    older = SampleSet().add(digit, 7, first_prediction=first).add(digit + 1, 7, first_prediction=first)
    run = record(make(b"model"), genius, older.digit_hashes[:1])
    newer = older.add(digit, 7, first_prediction=first).add(digit + 2, 7)
    newer = newer.add(digit + 3, 7, first_prediction=first).add(digit + 4, 7, is_example=True, first_prediction=first)
    assert learnt.labelled_after(newer, run).tolist() == [4]
    assert learnt.labelled_before(newer, run).tolist() == [0, 1, 2, 3]
    unknown = replace(run, run=replace(run.run, sample_hashes=None))
    assert learnt.labelled_after(newer, unknown).tolist() == [2, 4]
    assert learnt.labelled_after(SampleSet(), run).tolist() == []
