import json

import numpy as np
import pytest

from digitcore.samples import SampleSet
from digitcore.storage.changes import LabChanges, PartIds
from pages.session.sample_list import Contradiction, SampleList

DIGIT = np.full((28, 28), 7, np.uint8)


@pytest.fixture
def samples(few):
    found = SampleList()
    found.current = few
    return found


def test_a_label_is_undone(samples, few):
    samples.add(DIGIT, 3, "strokes", "2026-01-01")
    assert (len(samples), samples.last_label, samples.current.dates[-1]) == (21, 3, "2026-01-01")
    samples.remove_last()
    assert np.array_equal(samples.current.labels, few.labels)
    assert samples.last_label is None


def test_a_replacement_is_undone(samples, few):
    samples.add(DIGIT, 3)
    before = samples.current
    samples.replace(few.drop([0]))
    assert samples.can_undo
    assert samples.last_label is None
    samples.undo()
    assert samples.current is before
    assert not samples.can_undo
    samples.undo()
    assert samples.current is before


def test_a_new_label_clears_the_undo_history(samples, few):
    samples.replace(few.drop([0]))
    samples.add(DIGIT, 3)
    assert not samples.can_undo


def test_kept_labels_are_restored(samples, few):
    samples.keep([3])
    restored = SampleList()
    restored.restore(few, json.loads(json.dumps(samples.preferences())))
    assert restored.is_kept().tolist() == samples.is_kept().tolist() == [i == 3 for i in range(20)]
    restored.restore(few.relabel([3], (few.labels[3] + 1) % 10), samples.preferences())
    assert not restored.is_kept().any(), "another label was not looked at"


@pytest.mark.parametrize("preferences", [{}, {"kept_labels": 3, "hold_out": "x"}, {"kept_labels": [None, {}]}])
def test_damaged_preferences_are_ignored(samples, few, preferences):
    samples.restore(few, preferences)
    assert samples.kept == set()
    assert samples.hold_out


def test_the_user_chooses_whether_samples_are_held_out(samples):
    samples.current = samples.current.concatenate(samples.current)
    for label in range(10):
        samples.add(DIGIT, label)
    held_out = np.ones(len(samples), bool)
    samples.current = type(samples.current).from_arrays(samples.current.digits, samples.current.labels, held_out)
    assert len(samples.for_training().training_part()) == 0
    samples.hold_out = False
    assert len(samples.for_training().training_part()) == len(samples)


def test_the_last_label_is_undone_after_newer_samples_of_another_device(samples, few):
    samples.add(DIGIT, 3)
    own = samples.current.ids[-1]
    elsewhere = SampleSet().add(DIGIT, 8)
    samples.take_over(LabChanges(elsewhere, removed=PartIds(samples=frozenset(few.ids[:1]))))
    assert samples.current.labels[-2:].tolist() == [3, 8]
    assert samples.last_label == 3
    samples.remove_last()
    assert own not in samples.current.ids
    assert samples.current.labels[-1] == 8
    samples.add(DIGIT, 4, contradiction=Contradiction(9, 0.9))
    samples.take_over(LabChanges(removed=PartIds(samples=frozenset(samples.current.ids[-1:]))))
    assert samples.last_label is samples.contradiction is None
    assert len(samples.last()) == 0


def test_undo_of_a_deletion_keeps_the_samples_of_another_device(samples, few):
    samples.replace(few.drop([0]))
    samples.take_over(LabChanges(SampleSet().add(DIGIT, 8), removed=PartIds(samples=frozenset(few.ids[1:2]))))
    samples.undo()
    assert samples.current.ids[:2] == (few.ids[0], few.ids[2])
    assert samples.current.labels[-1] == 8
