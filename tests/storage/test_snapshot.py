import json
from dataclasses import asdict, replace

import pytest

from digitcore.errors import LabError
from digitcore.storage.snapshot import LabSnapshot, RunRecord, card_from_untrusted


def test_a_run_survives_json(lab):
    for one in lab.runs:
        values = json.loads(json.dumps(one.to_dict()))
        files = [(bundle.keras_bytes, bundle.tflite_bytes) for bundle in (one.model, one.start)]
        back = RunRecord.from_dict(values, *files, one.run.resume_state)
        assert (
            back.to_dict() == one.to_dict() and back.model.key == one.model.key and back.run.resume_state == one.run.resume_state
        )


def test_what_counts_as_a_change(lab):
    assert lab.is_unchanged(replace(lab)) and not lab.is_unchanged(None)
    for change in (
        {"samples": lab.samples.drop([0])},
        {"runs": lab.runs[:1]},
        {"uploads": ()},
        {"preferences": {}},
        {"sweep": {}},
    ):
        assert not lab.is_unchanged(replace(lab, **change))
    assert LabSnapshot().is_empty and not lab.is_empty


def test_a_model_is_kept_once(lab):
    assert len(lab.bundles()) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a [link](x)"},
        {"name": ""},
        {"name": 7},
        {"training_data": "<script>"},
        {"parameters": "many"},
        {"settings": {"epochs": -1}},
        {"history": [{"epoch": "one"}]},
        {"history": 3},
        {"metrics": []},
        {"seconds": None},
    ],
)
def test_a_strange_card_is_refused(genius, change):
    with pytest.raises(LabError):
        card_from_untrusted(asdict(genius.card) | change)


def test_a_damaged_run_is_refused(lab):
    one = lab.runs[0]
    files = (one.model.keras_bytes, one.model.tflite_bytes)
    for change in ({"settings": {"epochs": 0}}, {"history": [1]}, {"mnist_before": {"correct": 1}}, {"model": None}):
        with pytest.raises(LabError):
            RunRecord.from_dict(one.to_dict() | change, files, files)
