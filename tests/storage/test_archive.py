"""A lab in one file, and back."""

import io
import json
import zipfile
from dataclasses import asdict, replace

import numpy as np
import pytest

from digitcore import models
from digitcore.data import sample_files
from digitcore.errors import DigitLabError, LabError, SampleError
from digitcore.models import keras_io
from digitcore.models.network_spec import Block, NetworkSpec
from digitcore.storage import archive
from digitcore.storage.snapshot import LabSnapshot
from digitcore.training.settings import TrainSettings
from tests.support import fuzz
from tests.support.labs import assert_equal


def test_a_lab_of_shipped_models_comes_back_as_it_was(lab):
    opened = archive.read(archive.write(lab))
    without_state = replace(lab, runs=tuple(replace(run, run=replace(run.run, resume_state=None)) for run in lab.runs))
    assert opened.skipped == []
    assert_equal(_as_exported(opened.snapshot), _as_exported(without_state))


def _as_exported(snapshot):
    """Provenance, and metrics that are not numbers, are not exported."""

    def reduce(bundle):
        metrics = {name: value for name, value in bundle.card.metrics.items() if type(value) in (int, float)}
        settings = asdict(TrainSettings.from_dict(bundle.card.settings)) if bundle.card.trained else {}
        card = replace(bundle.card, metrics=metrics, settings=settings, versions={}, machine="", date="", recipe="")
        return replace(bundle, card=card)

    runs = tuple(replace(one, run=replace(one.run, model=reduce(one.model)), start=reduce(one.start)) for one in snapshot.runs)
    return replace(snapshot, runs=runs, uploads=tuple(map(reduce, snapshot.uploads)))


def test_a_sweep_is_exported(lab):
    sweep = {"start": "genius", "grid": {"epochs": [1]}, "trials": []}
    assert archive.read(archive.write(replace(lab, sweep=sweep))).snapshot.sweep == sweep


def test_a_trained_model_is_opened_anew(lab):
    """Its weights are its own, so that it is no shipped one; it predicts as before."""
    start = models.load("mlp")
    model = keras_io.open_model(start)
    model.set_weights([weights * 1.01 for weights in model.get_weights()])
    changed = keras_io.to_bundle(model, replace(start.card, name="run 1"))
    record = replace(lab.runs[0], run=replace(lab.runs[0].run, model=changed))
    opened = archive.read(archive.write(replace(lab, runs=(record,), uploads=()))).snapshot
    digits = lab.samples.digits
    probabilities = [bundle.predictor().probabilities(digits) for bundle in (opened.runs[0].model, changed)]
    assert np.allclose(*probabilities, atol=1e-5) and opened.runs[0].model.name == "run 1"


def test_a_built_network_is_exported_and_a_hostile_one_is_not(lab):
    def with_network(text):
        network = NetworkSpec((Block("dense", 8),)).to_json()
        built = keras_io.random_model(network, name="run 1")
        built = built.with_card(replace(built.card, network=text or network))
        record = replace(lab.runs[0], run=replace(lab.runs[0].run, model=built), start=built.rename("untrained"))
        return archive.read(archive.write(replace(lab, runs=(record,), uploads=())))

    opened = with_network("")
    assert opened.skipped == [] and opened.snapshot.runs[0].model.card.network.startswith('{"activation"')
    assert with_network('{"blocks":[{"kind":"dense","size":1000000}]}').snapshot.runs == ()


def test_an_empty_lab():
    assert archive.read(archive.write(LabSnapshot())).snapshot.is_empty


def test_a_lab_given_as_samples_is_sent_to_my_lab(lab):
    with pytest.raises(SampleError, match="contains a whole lab"):
        sample_files.read(archive.write(lab))


@pytest.mark.parametrize("name", [[], {}, None, 5, "x"])
def test_a_model_named_by_something_else_costs_its_entry_alone(lab, name):
    with zipfile.ZipFile(io.BytesIO(archive.write(replace(lab, uploads=())))) as file:
        members = {member: file.read(member) for member in file.namelist()}
    values = json.loads(members["lab.json"])
    values["runs"][0]["start"] = name
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for member, body in (members | {"lab.json": json.dumps(values)}).items():
            file.writestr(member, body)
    opened = archive.read(content.getvalue())
    assert [record.name for record in opened.snapshot.runs] == ["run 2"] and opened.skipped == [
        "Run 1 was skipped: it is damaged."
    ]


UNREADABLE = (
    "newer",
    "no version",
    "no runs",
    "empty",
    "text",
    "pickle",
    "pickle in a zip",
    "path trick",
    "many members",
    "bomb",
)


def test_hostile_labs_are_rejected_or_opened_without_what_is_damaged(lab, genius):
    """All but those whose models Keras alone can reject; `benchmarks/fuzz.py` tries them as well."""
    outcomes = {}
    for name, content in fuzz.lab_uploads(replace(lab, uploads=()), genius, 0):
        try:
            outcomes[name] = archive.read(content)
        except DigitLabError as error:
            outcomes[name] = str(error)
    for name in UNREADABLE:
        assert isinstance(outcomes[name], str), name
    repaired = ("a card with an invalid metrics", "history of words")
    assert all(outcomes[name].snapshot.runs and not outcomes[name].skipped for name in repaired)
    opened = {name: outcome for name, outcome in outcomes.items() if name not in (*UNREADABLE, *repaired, "nested zip")}
    assert len(opened) >= 10
    for name, outcome in opened.items():
        assert not isinstance(outcome, str), f"{name}: {outcome}"
        assert outcome.skipped, name
        assert max(map(len, outcome.skipped)) < 300


@pytest.mark.parametrize("name", ["", "  ", "<b>", "genius"])
def test_a_run_that_cannot_be_named_so_is_skipped_and_the_rest_opened(lab, name):
    parts = fuzz.read_zip(archive.write(lab))
    content = json.loads(parts["lab.json"])
    content["runs"][0]["record"]["model"]["name"] = name
    opened = archive.read(fuzz.make_zip(parts | {"lab.json": json.dumps(content)}))
    assert [run.name for run in opened.snapshot.runs] == ["run 2"] and len(opened.snapshot.samples) == len(lab.samples)
    assert len(opened.skipped) == 1 and opened.skipped[0].startswith("Run 1 was skipped")


def test_damaged_samples_are_skipped_and_the_rest_opened(lab):
    parts = fuzz.read_zip(archive.write(lab))
    opened = archive.read(fuzz.make_zip(parts | {"samples.npz": b"damaged"}))
    assert len(opened.snapshot.runs) == 2 and not len(opened.snapshot.samples)
    assert opened.skipped[0].startswith("The drawings were skipped")


def test_a_lab_of_which_nothing_is_left_is_rejected(lab):
    parts = fuzz.read_zip(archive.write(replace(lab, uploads=(), samples=LabSnapshot().samples)))
    content = json.loads(parts["lab.json"]) | {"runs": [1, 2]}
    with pytest.raises(LabError, match="Nothing of this lab"):
        archive.read(fuzz.make_zip(parts | {"lab.json": json.dumps(content)}))


def test_a_newer_lab_says_so(lab):
    parts = fuzz.read_zip(archive.write(lab))
    content = json.loads(parts["lab.json"]) | {"version": 2}
    with pytest.raises(LabError, match="newer Digit Lab"):
        archive.read(fuzz.make_zip(parts | {"lab.json": json.dumps(content)}))
