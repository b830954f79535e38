"""Changes of two devices to one lab, without a database."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digitcore.samples import SampleSet
from digitcore.storage.changes import LabChanges, PartIds, merge
from digitcore.storage.snapshot import LabSnapshot
from tests.support.labs import assert_equal

ALL = SampleSet.from_arrays(np.zeros((8, 28, 28), np.uint8), np.arange(8))
subsets = st.sets(st.integers(0, 7)).map(sorted)


def lab_of(indices, label):
    """Return a lab with these samples, of which the first has another label."""
    samples = ALL.take(indices)
    return LabSnapshot(samples.relabel([0], label) if indices else samples)


@pytest.fixture
def other(lab):
    """Return the lab after each kind of change."""
    samples = lab.samples.relabel([1], 9).drop([0]).add(lab.samples.digits[1], 7)
    return replace(lab, samples=samples, runs=(lab.runs[1].rename("other"),), uploads=(), versions=())


def test_the_changes_of_one_device_give_its_state(lab, other):
    changes = LabChanges.between(lab, other)
    assert changes.samples.labels.tolist() == [9, 7]
    assert [record.name for record in changes.runs] == ["other"]
    assert [len(ids) for ids in changes.removed] == [1, 1, 1, 1]
    assert_equal(changes.apply(lab), other)
    assert LabChanges.between(lab, replace(lab)).is_empty
    assert LabChanges().apply(lab) is lab


@given(subsets, subsets, subsets)
def test_changes_are_joined(first, second, third):
    one, two, three = lab_of(first, 9), lab_of(second, 8), lab_of(third, 7)
    joined = LabChanges.between(one, two).then(LabChanges.between(two, three))
    found = joined.apply(one).samples
    assert (found.ids, found.labels.tolist()) == (three.samples.ids, three.samples.labels.tolist())


@given(subsets, subsets, subsets)
def test_two_devices_reach_one_state_in_either_order(before, first, second):
    """Labels do not change here: the last label that is written counts."""
    base, one, other = (LabSnapshot(ALL.take(indices)) for indices in (before, first, second))
    mine, theirs = LabChanges.between(base, one), LabChanges.between(base, other)
    assert theirs.apply(one).samples.ids == mine.apply(other).samples.ids
    removed = mine.removed.union(theirs.removed).samples
    assert not removed & set(theirs.apply(one).samples.ids)


def test_changes_of_other_parts_are_kept(lab, other):
    changes = LabChanges.between(lab, other).without(PartIds.of(replace(lab, runs=())))
    assert changes.samples.labels.tolist() == [7]
    assert len(changes.runs) == 1
    assert not changes.removed.is_empty


def test_runs_stay_in_the_order_of_their_creation(lab):
    newer = LabChanges.between(replace(lab, runs=lab.runs[1:]), lab)
    assert merge("runs", lab.runs[1:], newer) == lab.runs
