"""The models of a stored lab: which model predicts, which models are compared, and their colors."""

from dataclasses import replace

import pytest

from digitcore import palette
from digitcore.errors import ModelError
from digitcore.models import registry
from digitcore.storage import lab_models
from digitcore.storage.snapshot import LabSnapshot


@pytest.fixture
def chosen(lab):
    """Return a function that returns the lab in which another model is chosen."""
    return lambda name, **changes: replace(lab, preferences={"active_model": name}, **changes)


def failed(record, error="The training failed."):
    return replace(record, run=replace(record.run, error=error))


def test_only_the_files_decide_whether_a_model_is_shipped(genius):
    assert lab_models.is_shipped(genius.rename("mine"))
    assert not lab_models.is_shipped(replace(genius, keras_bytes=b"other"))


def test_every_model_of_a_lab_is_listed_newest_first(lab, genius):
    two = replace(lab, uploads=(*lab.uploads, genius.rename("yours")))
    every = lab_models.every_model(two)
    assert list(every) == ["run 2", "run 1", "yours", "mine", *registry.names()]
    assert [model.name for model in every.values()] == list(every)


def test_failed_runs_predict_nothing(lab):
    broken = replace(lab, runs=(lab.runs[0], failed(lab.runs[1])))
    assert lab_models.usable_runs(broken) == [lab.runs[0]]
    assert "run 2" not in lab_models.every_model(broken)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("run 1", "run 1"), ("run 2", "run 2"), ("genius", None), ("mine", None), ("deleted", "run 2"), ("", "run 2")],
)
def test_the_chosen_run_predicts_or_the_latest_run_if_no_model_is_chosen(chosen, name, expected):
    run = lab_models.active_run(chosen(name))
    assert (run and run.name) == expected


def test_no_run_predicts_without_runs_and_without_a_choice(lab, chosen):
    assert lab_models.active_run(chosen("deleted", runs=())) is None
    assert lab_models.active_run(replace(lab, preferences={})).name == "run 2"


def test_the_active_run_is_compared_with_its_start_by_default(lab, chosen, untrained):
    assert list(lab_models.compared(lab)) == ["untrained", "run 1"]
    assert lab_models.compared(lab)["run 1"] is lab.runs[0].model
    assert list(lab_models.compared(chosen("genius"))) == ["plain", "genius"]
    built = replace(lab.runs[0], start=untrained.rename("built"))
    assert lab_models.compared(replace(lab, runs=(built,)))["built"] is built.start


def test_the_models_that_the_page_compares_are_compared(lab):
    def compare(names):
        return list(lab_models.compared(replace(lab, preferences=lab.preferences | {"compared_models": names})))

    assert compare(["mine", "genius", "run 2"]) == ["mine", "genius", "run 2"]
    assert compare(["mine", "deleted", "mine", "genius"]) == ["mine", "genius"]
    assert compare(["mine", "deleted"]) == compare("mine") == ["untrained", "run 1"]
    assert compare(["mine", "genius"]) != list(lab_models.compared(lab, ["run 2", "mine"])) == ["run 2", "mine"]


def test_names_that_cannot_be_compared(lab):
    with pytest.raises(ModelError, match=r"^The lab has no model called “deleted”. Choose from run 2, run 1, mine, cnn13, "):
        lab_models.compared(lab, ["mine", "deleted", "gone"])
    with pytest.raises(ModelError, match=r"^A comparison needs 2 to 6 models, not 1. Name other models.$"):
        lab_models.compared(lab, ["mine", "mine"])
    assert len(lab_models.compared(lab, registry.names()[:6])) == 6
    with pytest.raises(ModelError, match="not 7"):
        lab_models.compared(lab, registry.names()[:7])


def test_shipped_models_are_listed_in_one_order():
    assert lab_models.in_order(["mlp", "genius", "cnn13", "untrained"]) == ["untrained", "genius", "mlp", "cnn13"]
    assert lab_models.in_order(["mlp"]) == ["mlp"]


def test_each_model_has_its_color(lab, genius):
    runs, uploads = (lab.runs[0], failed(lab.runs[1])), [genius.rename("mine"), genius.rename("yours")]
    names = ["yours", "mine", "run 1", "run 2", "genius", "built"]
    found = lab_models.colors(names, runs, uploads)
    assert list(found) == names
    assert found == {
        "yours": palette.run_color(-1),
        "mine": palette.run_color(0),
        "run 1": palette.run_color(1),
        "run 2": palette.FAILED,
        "genius": palette.shipped_color(1),
        "built": palette.GREY,
    }
    assert len(set(lab_models.colors(["untrained", "built"], runs).values())) == 2, "a repeated color is replaced"


def test_what_a_model_has_learnt_from_is_known_by_its_runs(lab, genius):
    own = replace(genius, keras_bytes=b"own", tflite_bytes=b"own")
    foreign = replace(own, tflite_bytes=b"foreign")
    run = replace(lab.runs[0], run=replace(lab.runs[0].run, model=own))
    known = replace(lab, runs=(run,))
    assert lab_models.learnt_from(known, own) == frozenset(run.run.sample_hashes)
    assert lab_models.learnt_from(known, genius) == frozenset(), "a shipped model has learnt nothing of the user"
    assert lab_models.learnt_from(known, foreign) is None
    assert lab_models.learnt_from(LabSnapshot(), own) is None
