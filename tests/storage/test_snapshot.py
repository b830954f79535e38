import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from digitcore.errors import LabError
from digitcore.storage.snapshot import LabSnapshot, RunRecord, card_from_untrusted
from digitcore.training import history


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
    ],
)
def test_a_strange_card_is_refused(genius, change):
    with pytest.raises(LabError):
        card_from_untrusted(asdict(genius.card) | change)


def test_a_damaged_run_is_refused(lab):
    one = lab.runs[0]
    files = (one.model.keras_bytes, one.model.tflite_bytes)
    for change in ({"settings": {"epochs": 0}}, {"model": None}, {"start": 3}):
        with pytest.raises(LabError):
            RunRecord.from_dict(one.to_dict() | change, files, files)


@pytest.mark.parametrize(
    "change",
    [
        {"history": [], "stopped": True},
        {"history": [1, {"epoch": "one"}, {"epoch": float("nan"), "samples_seen": 0, "seconds": 0}]},
        {"history": 3},
        {"history": [{"epoch": i / 100_000, "samples_seen": i, "seconds": i, "loss": 1.0} for i in range(100_000)]},
        {"mnist_before": {"correct": 9, "n": 10, "interval": [float("nan"), 1]}},
        {"mnist_before": {"correct": 1}},
        {"personal_after": {"correct": 11, "n": 10, "interval": [0, 1]}},
        {"seconds": float("inf")},
        {"stopped": None},
    ],
)
def test_an_odd_run_opens_with_what_is_good_of_it(lab, change):
    one = lab.runs[0]
    files = (one.model.keras_bytes, one.model.tflite_bytes)
    run = RunRecord.from_dict(one.to_dict() | change, files, files, b"state").run
    assert 1 <= len(run.history) <= history.MAX_POINTS + 1 and all(np.isfinite(list(p.values())).all() for p in run.history)
    for score in (run.mnist_before, run.personal_after):
        assert score is None or 0 <= score.interval[0] <= score.accuracy <= score.interval[1] <= 1
    assert np.isfinite(run.seconds) and run.settings == one.run.settings
