import json
from dataclasses import asdict, replace

import pytest

from digitcore.errors import LabError
from digitcore.labs import LabRecord, Trained, clean_card


def test_a_run_survives_json(lab):
    for one in lab.runs:
        about = json.loads(json.dumps(one.about()))
        files = [(bundle.keras_bytes, bundle.tflite_bytes) for bundle in (one.model, one.start)]
        back = Trained.from_about(about, *files, one.run.state)
        assert back.about() == one.about() and back.model.key == one.model.key and back.run.state == one.run.state


def test_what_counts_as_a_change(lab):
    assert lab.same_as(replace(lab)) and not lab.same_as(None)
    for change in ({"samples": lab.samples.without([0])}, {"runs": lab.runs[:1]}, {"uploads": ()}, {"choices": {}}):
        assert not lab.same_as(replace(lab, **change))
    assert not LabRecord().worth_keeping and lab.worth_keeping


def test_a_model_is_kept_once(lab):
    assert len(lab.bundles()) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a [link](x)"},
        {"name": ""},
        {"name": 7},
        {"lesson": "<script>"},
        {"parameters": "many"},
        {"settings": {"epochs": -1}},
        {"history": [{"epoch": "one"}]},
        {"history": 3},
        {"figures": []},
        {"seconds": None},
    ],
)
def test_a_strange_card_is_refused(genius, change):
    with pytest.raises(LabError):
        clean_card(asdict(genius.card) | change)


def test_a_damaged_run_is_refused(lab):
    one = lab.runs[0]
    files = (one.model.keras_bytes, one.model.tflite_bytes)
    for change in ({"settings": {"epochs": 0}}, {"history": [1]}, {"before": {"correct": 1}}, {"model": None}):
        with pytest.raises(LabError):
            Trained.from_about(one.about() | change, files, files)
