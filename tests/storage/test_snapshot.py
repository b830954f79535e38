"""Labs as plain data, and malformed values."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from digitcore import models
from digitcore.errors import LabError
from digitcore.evaluation.score import Score
from digitcore.models.network_spec import Block, NetworkSpec
from digitcore.storage.snapshot import LabSnapshot, RunRecord, card_from_untrusted
from digitcore.training import history


def test_run_is_the_same_after_json(lab):
    for one in lab.runs:
        values = json.loads(json.dumps(one.to_dict()))
        files = [(bundle.keras_bytes, bundle.tflite_bytes) for bundle in (one.model, one.start)]
        back = RunRecord.from_dict(values, *files, one.run.resume_state)
        assert back.to_dict() == one.to_dict()
        assert back.model.key == one.model.key
        assert back.run.resume_state == one.run.resume_state


def test_the_remarks_about_a_run_are_kept_and_may_be_missing(lab):
    one = replace(lab.runs[1], replaced="ab" * 32, number=7, note="slow", tags=("baseline",))
    files = (one.model.keras_bytes, one.model.tflite_bytes)
    back = RunRecord.from_dict(one.to_dict(), files, files, id=one.id)
    assert (back.id, back.replaced, back.number, back.note, back.tags) == (one.id, "ab" * 32, 7, "slow", ("baseline",))
    earlier = {
        name: value for name, value in one.to_dict().items() if name not in ("replaced", "number", "note", "tags", "error")
    }
    back = RunRecord.from_dict(earlier, files, files)
    assert (back.replaced, back.number, back.note, back.tags, back.run.error) == ("", 1, "", (), "")
    assert RunRecord.from_dict(earlier | {"replaced": "<b>"}, files, files).replaced == ""


def test_copy_of_a_lab_is_unchanged(lab):
    assert lab.is_unchanged(replace(lab))


@pytest.mark.parametrize("part", ["samples", "runs", "uploads", "preferences", "sweep", "versions"])
def test_each_part_of_a_lab_counts_as_a_change(lab, part):
    others = {"samples": lab.samples.drop([0]), "runs": lab.runs[:1], "preferences": {}, "sweep": {}}
    other = others.get(part, ())
    assert not lab.is_unchanged(replace(lab, **{part: other}))


@pytest.mark.parametrize("part", ["samples", "runs", "uploads", "sweep", "versions"])
def test_only_preferences_change_when_a_lab_is_looked_at(lab, part):
    others = {"samples": lab.samples.drop([0]), "runs": lab.runs[:1], "sweep": {"trials": []}}
    assert lab.is_looked_at(replace(lab, preferences={}))
    assert not lab.is_looked_at(replace(lab, **{part: others.get(part, ())}))
    assert not lab.is_looked_at(None)


def test_a_renamed_version_keeps_its_samples(lab):
    (version,) = lab.versions
    renamed = version.rename("other")
    assert (renamed.name, renamed.date, renamed.samples) == ("other", version.date, version.samples)


def test_lab_differs_from_no_lab(lab):
    assert not lab.is_unchanged(None)


def test_only_a_lab_without_content_is_empty(lab):
    assert LabSnapshot(preferences={"run_counter": 1}).is_empty
    assert not lab.is_empty


def test_each_model_is_kept_once(lab):
    assert len(lab.bundles()) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a [link](x)"},
        {"name": ""},
        {"name": 7},
        {"parent": "<b>"},
        {"training_data": "<script>"},
        {"parameters": "many"},
        {"settings": {"epochs": -1}},
    ],
    ids=lambda change: "-".join(f"{name}={value}" for name, value in change.items()),
)
def test_malformed_card_is_rejected(genius, change):
    with pytest.raises(LabError, match="damaged"):
        card_from_untrusted(asdict(genius.card) | change)


def test_card_of_a_user_built_network_is_read(genius):
    network = NetworkSpec((Block("dense", 8),)).to_json()
    assert card_from_untrusted(asdict(genius.card) | {"network": network}).network == network


@pytest.mark.parametrize("name", [name for name, value in models.load("genius").card.metrics.items() if not np.isscalar(value)])
def test_a_number_in_the_place_of_several_values_is_dropped(genius, name):
    """A page would fail when it unpacks the interval of a hostile file."""
    read = card_from_untrusted(asdict(genius.card) | {"metrics": {name: 0.5, "mnist_accuracy": 0.5}})
    assert read.metrics == {"mnist_accuracy": 0.5}


@pytest.mark.parametrize("hashes", [None, "ab", ["x" * 16], [1], {}])
def test_malformed_hashes_are_unknown_and_do_not_make_a_sample_look_unseen(lab, hashes):
    one = lab.runs[0]
    files = (one.model.keras_bytes, one.model.tflite_bytes)
    assert one.to_dict()["sample_hashes"]
    assert RunRecord.from_dict(one.to_dict(), files, files).run.sample_hashes
    assert RunRecord.from_dict(one.to_dict() | {"sample_hashes": hashes}, files, files).run.sample_hashes is None


@pytest.mark.parametrize("change", [{"settings": {"epochs": 0}}, {"model": None}, {"start": 3}])
def test_damaged_run_is_rejected(lab, change):
    one = lab.runs[0]
    files = (one.model.keras_bytes, one.model.tflite_bytes)
    with pytest.raises(LabError, match="damaged"):
        RunRecord.from_dict(one.to_dict() | change, files, files)


FIRST_POINT = {"epoch": 0.0, "samples_seen": 0.0, "seconds": 0.0}
WITHOUT_HISTORY = {"history": [FIRST_POINT], "resume_state": None}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"history": [], "stopped": True}, WITHOUT_HISTORY | {"stopped": True}),
        ({"history": [1, {"epoch": "one"}, FIRST_POINT | {"epoch": float("nan")}]}, WITHOUT_HISTORY),
        ({"history": 3}, WITHOUT_HISTORY),
        ({"mnist_before": {"correct": 9, "n": 10, "interval": [float("nan"), 1]}}, {"mnist_before": Score.from_counts(9, 10)}),
        ({"mnist_before": {"correct": 1}}, {"mnist_before": None}),
        ({"personal_after": {"correct": 11, "n": 10, "interval": [0, 1]}}, {"personal_after": None}),
        ({"seconds": float("inf")}, {"seconds": 0.0}),
        ({"stopped": None}, {"stopped": False}),
        ({"mnist_p_value": 0.25}, {"mnist_p_value": 0.25}),
        ({"mnist_p_value": 1.5}, {"mnist_p_value": None}),
    ],
)
def test_only_the_malformed_values_of_a_run_are_replaced(lab, change, expected):
    assert read_fields(lab, change) == read_fields(lab, {}) | expected


def test_long_history_of_a_run_is_thinned(lab):
    points = [{"epoch": i / 100_000, "samples_seen": i, "seconds": i, "loss": 1.0} for i in range(100_000)]
    found = read_fields(lab, {"history": points})["history"]
    assert found[0] == points[0]
    assert found[-1] == points[-1]
    assert len(found) <= history.MAX_POINTS + 1


def read_fields(lab, change):
    """Return the fields of the first run after some of its stored values were changed, without its model."""
    one = lab.runs[0]
    files = (one.model.keras_bytes, one.model.tflite_bytes)
    run = RunRecord.from_dict(one.to_dict() | change, files, files, b"state").run
    return {name: value for name, value in vars(run).items() if name != "model"}
