"""A lab in one file, and back."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from digitcore import labfile
from digitcore.errors import DigitLabError, LabError
from digitcore.labs import LabRecord
from digitcore.runs import TrainSettings
from tests import hostile
from tests.conftest import equal


def test_a_lab_of_shipped_models_comes_back_as_it_was(lab):
    back = labfile.read(labfile.write(lab))
    one_without_state = replace(lab, runs=tuple(replace(run, run=replace(run.run, state=None)) for run in lab.runs))
    assert equal(without_figures(back), without_figures(one_without_state))


def without_figures(record):
    """What a card says of where and when, and figures that are no numbers, do not travel."""

    def clean(bundle):
        kept = {name: value for name, value in bundle.card.figures.items() if type(value) in (int, float)}
        settings = asdict(TrainSettings.from_dict(bundle.card.settings)) if bundle.card.trained else {}
        card = replace(bundle.card, figures=kept, settings=settings, versions={}, machine="", date="", recipe="")
        return replace(bundle, card=card)

    runs = tuple(replace(one, run=replace(one.run, model=clean(one.model)), start=clean(one.start)) for one in record.runs)
    return replace(record, runs=runs, uploads=tuple(map(clean, record.uploads)))


def test_a_trained_model_is_opened_anew(tmp_path, lab, genius):
    """Its weights are its own, so that it is no shipped one; it answers as before."""
    from digitcore import training

    model = training.opened(genius)
    model.set_weights([weights * 1.01 for weights in model.get_weights()])
    changed = training._bundle(model, replace(genius.card, name="run 1"))
    record = replace(lab, runs=(replace(lab.runs[0], run=replace(lab.runs[0].run, model=changed)),), uploads=())
    back = labfile.read(labfile.write(record))
    digits = lab.samples.digits
    assert np.allclose(back.runs[0].model.predictor().probabilities(digits), changed.predictor().probabilities(digits), atol=1e-5)
    assert back.runs[0].model.name == "run 1"


def test_an_empty_lab():
    assert labfile.read(labfile.write(LabRecord())).same_as(LabRecord()) is False
    assert not labfile.read(labfile.write(LabRecord())).worth_keeping


def test_broken_and_hostile_labs_are_refused(lab, genius):
    """All but those whose models Keras alone can refuse; `benchmarks/hostile.py` tries them as well."""
    unopened = dict(hostile.labs(replace(lab, uploads=()), genius, 0))
    for name, data in unopened.items():
        with pytest.raises(DigitLabError):
            labfile.read(data)
            pytest.fail(name)


def test_a_newer_lab_says_so(lab):
    parts = hostile.members_of(labfile.write(lab))
    about = json.loads(parts["lab.json"]) | {"version": 2}
    with pytest.raises(LabError, match="newer Digit Lab"):
        labfile.read(hostile.zipped(parts | {"lab.json": json.dumps(about)}))
