"""The drawings of a class that count, their weights and their folds."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest

from digitcore.classroom import export, overview, rules
from digitcore.classroom.pupils import ClassDrawings, ClassState, Pupil, counted, gather
from digitcore.classroom.rules import ClassOptions
from digitcore.errors import LabError
from digitcore.samples import SampleSet


@pytest.fixture
def pupils(few):
    return Pupil("b", "Ada", few.take(range(5))), Pupil("a", "Bo", few.take(range(5, 20))), Pupil("c", "Cy")


def test_examples_and_drawings_above_the_limit_do_not_count(few):
    samples = SampleSet().add(few.digits[0], 3, is_example=True).concatenate(few)
    assert counted(samples, ClassState(), ClassOptions(max_drawings=4)).digit_hashes == few.digit_hashes[:4]
    assert set(counted(samples, ClassState(), ClassOptions(digits=(1, 7))).labels) == {1, 7}
    removed = ClassState(removed_drawings=frozenset(few.digit_hashes[:2]))
    found = counted(samples, removed, ClassOptions(max_drawings=4))
    assert found.digit_hashes == few.digit_hashes[2:6], "a removed drawing leaves room for another"


def test_a_hidden_pupil_has_a_pseudonym_and_a_removed_pupil_is_missing(pupils):
    state = ClassState(hidden=frozenset({"b"}), removed_pupils=frozenset({"c"}))
    drawings = gather(pupils, state, ClassOptions())
    assert [pupil.nickname for pupil in drawings.pupils] == ["Bo", "Pupil 02"]
    assert drawings.pseudonyms() == {"a": "pupil 01", "b": "pupil 02"}


def test_each_pupil_has_the_same_weight_and_every_fold_has_drawings_of_each(pupils):
    drawings = ClassDrawings(pupils)
    sums = np.bincount(drawings.owners, drawings.weights(), minlength=3)
    assert sums.tolist() == pytest.approx([10, 10, 0])
    assert drawings.weights().mean() == pytest.approx(1)
    folds = drawings.drawing_folds()
    assert set(folds[drawings.owners == 0]) == set(folds[drawings.owners == 1]) == set(range(4))
    assert set(drawings.pupil_folds()[drawings.owners == 1]) == {1}
    assert not drawings.holding_out({"a"}).held_out[:5].any()
    assert drawings.holding_out({"a"}).held_out[5:].all()


def test_a_class_without_drawings():
    drawings = ClassDrawings((Pupil("a", "Ada"),))
    assert len(drawings.weights()) == len(drawings.drawing_folds()) == len(drawings.pupil_folds()) == 0
    assert overview.tiles(drawings, np.zeros(0, int))[0].last is None
    assert len(drawings.samples) == 0


def test_the_tile_of_a_pupil_counts_only_drawings_that_the_model_has_not_learnt_from(pupils):
    drawings = ClassDrawings(pupils)
    predictions = drawings.samples.labels.astype(int)
    predictions[0] += 1
    first, second, third = overview.tiles(drawings, predictions)
    assert (first.read.correct, first.read.n, second.read.correct, third.n) == (4, 5, 15, 0)
    learnt = frozenset(drawings.samples.digit_hashes[:3])
    assert overview.tiles(drawings, predictions, learnt)[0].read.n == 2


def test_the_wall_shows_pupils_in_turn(few):
    same = SampleSet.from_arrays(few.digits[:4], [7] * 4)
    other = SampleSet.from_arrays(few.digits[4:5], [7])
    found = overview.wall(ClassDrawings((Pupil("a", "Ada", same), Pupil("b", "Bo", other))), 7, 3)
    assert [int(np.flatnonzero((few.digits == digit).all(axis=(1, 2)))[0]) for digit in found] == [4, 3, 2]


def test_the_file_of_a_class_has_pseudonyms(pupils):
    content = export.to_npz(ClassDrawings(pupils))
    assert len(SampleSet.from_npz(content)) == 20
    owners = json.loads(np.load(io.BytesIO(content))["pupils"].tobytes())
    assert owners == ["pupil 02"] * 5 + ["pupil 01"] * 15
    assert b"Ada" not in content


def test_the_state_survives_json(few):
    state = ClassState(hidden=frozenset("a"), rounds=(frozenset(few.digit_hashes), frozenset()), settings={"epochs": 1}, n_sent=2)
    assert ClassState.from_dict(json.loads(json.dumps(state.to_dict()))) == state
    assert replace(state, removed_drawings=frozenset("x")).not_counted == frozenset(few.digit_hashes) | {"x"}


@pytest.mark.parametrize("values", [{"max_drawings": 0}, {"max_drawings": 1001}, {"digits": ()}, {"digits": (10,)}])
def test_options_out_of_range(values):
    with pytest.raises(LabError, match="Choose"):
        ClassOptions(**values)


def test_codes_are_never_words():
    assert not set("AEIOUY") & set(rules.CODE_LETTERS)
    assert rules.read_code(rules.new_code().lower())
    assert rules.read_code("B" * 1000) == rules.read_code("BCDFG1") == ""


@pytest.mark.parametrize("name", ["Zoë", "Nguyễn", "李小龙", "हिन्दी", "O'Neil-2", "a.b_c"])
def test_nicknames_of_any_script(name):
    assert rules.check_nickname(name) == name
