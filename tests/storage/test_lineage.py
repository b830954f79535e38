"""The tree of a lab's models, and the runs that learnt from a sample."""

from dataclasses import asdict, replace

from digitcore import models
from digitcore.storage import lineage
from digitcore.storage.snapshot import RunRecord, card_from_untrusted
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings


def record(name, model, start, hashes=(), inherited=(), error=""):
    card = replace(model.card, name=name, sample_hashes=list(hashes))
    run = Run(model.with_card(card), [], TrainSettings(), start.name, 1.0, error=error)
    return RunRecord(replace(run, sample_hashes=frozenset([*hashes, *inherited])), start)


def test_runs_stand_below_the_models_they_started_from():
    genius, mlp, fast, plain, convnet = map(models.load, ("genius", "mlp", "fast", "plain", "convnet"))
    first, failed = record("run 1", mlp, genius), record("run 2", plain, genius, error="It failed.")
    records = [first, failed, record("run 3", fast, first.model), record("run 4", convnet, genius)]
    found = [(node.name, node.depth) for node in lineage.tree(records)]
    assert found == [("genius", 0), ("run 1", 1), ("run 3", 2), ("run 4", 1)]
    assert lineage.tree(records[2:3])[0].name == "run 1", "a deleted run is still the initial model of another run"


def test_runs_with_the_same_model_are_shown_once():
    genius, mlp, fast = map(models.load, ("genius", "mlp", "fast"))
    records = [record("run 1", mlp, genius), record("run 2", mlp, genius), record("run 3", fast, mlp), record("run 4", mlp, fast)]
    found = [(node.name, node.depth) for node in lineage.tree(records)]
    assert found == [("genius", 0), ("run 1", 1), ("run 3", 2), ("run 4", 3), ("run 2", 1)]


def test_a_sample_knows_the_runs_that_learnt_from_it():
    genius, mlp, fast = map(models.load, ("genius", "mlp", "fast"))
    first = record("run 1", mlp, genius, ["a" * 16])
    second = record("run 2", fast, first.model, ["b" * 16], ["a" * 16])
    found = lineage.runs_of_sample([first, second], "a" * 16)
    assert found.direct == (first,)
    assert found.inherited == ("run 2",)
    assert lineage.runs_of_sample([first, second], "c" * 16).direct == ()


def test_the_lineage_on_an_untrusted_card_is_checked():
    card = asdict(models.load("genius").card)
    good = {"sample_hashes": ["a" * 16], "start_sha256": "b" * 64, "versions": {"keras": "3.15.1"}, "date": "2026-07-01"}
    assert {name: asdict(card_from_untrusted(card | good))[name] for name in good} == good
    bad = {"sample_hashes": ["<b>"], "start_sha256": 7, "versions": {"keras": 3, "a": "b" * 101}, "date": "<script>"}
    empty = {"sample_hashes": [], "start_sha256": "", "versions": {}, "date": ""}
    assert {name: asdict(card_from_untrusted(card | bad))[name] for name in bad} == empty
