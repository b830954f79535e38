from dataclasses import replace

import pytest

from digitcore.storage.changes import LabChanges, PartIds
from digitcore.storage.snapshot import LabSnapshot, upload_id
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings
from pages.session.model_library import MAX_COMPARED, ModelLibrary


@pytest.fixture
def models(resources):
    return ModelLibrary(resources)


def add(models, model, start):
    run = Run(model=model, history=model.card.history, settings=TrainSettings(), parent=start.name, seconds=1.0)
    return models.add_run(run, start)


def names(models):
    return [record.name for record in models.runs]


def test_without_runs_the_shipped_model_predicts(models, genius, untrained):
    assert models.trained is None
    assert models.active() is genius
    assert models.initial("untrained") is untrained
    assert models.pair() == ("plain", "genius")
    assert models.compared() == ["plain", "genius"]
    assert models.pair("untrained") == ("untrained", "genius")
    models.activate("plain")
    assert models.pair() == ("genius", "plain")


def test_the_latest_run_predicts_until_another_is_activated(models, genius, untrained):
    add(models, untrained, genius)
    add(models, genius, untrained)
    assert models.trained.name == "run 2"
    assert models.initial().name == "untrained"
    models.activate("run 1")
    assert models.trained.hash == untrained.hash
    assert models.initial().name == "genius"
    assert list(models.own) == ["run 2", "run 1"]


def test_an_upload_predicts_and_is_compared_with_the_default_baseline(models, untrained, genius):
    add(models, genius, untrained)
    name = models.add_upload(untrained.rename("mine"))
    models.activate(name)
    assert models.active_run is None
    assert models.trained.name == "mine"
    assert models.initial() is genius
    models.remove_upload(name)
    assert models.trained.name == "run 1"


def test_going_back_activates_the_previous_model(models, genius, untrained):
    first = add(models, untrained, genius)
    assert models.undo_training(first) == "genius"
    assert models.active_run is None
    assert models.trained is None
    assert models.active("untrained") is genius
    assert models.pair("untrained") == ("plain", "genius")
    assert names(models) == ["run 1"]
    second = add(models, genius, first.model)
    assert models.active_run is second
    assert models.undo_training(second) == "run 1"
    assert models.active_run is first
    models.delete_run("run 1")
    assert models.undo_training(second) == "run 1", "a deleted model is added again"
    assert models.trained.hash == untrained.hash, "a deleted model is added again"
    restored = ModelLibrary(models._resources)
    models.undo_training(first)
    restored.restore(models.runs, models.uploads, models.preferences())
    assert restored.active() is genius


def test_going_back_from_a_run_activates_the_model_that_was_active_before(models, genius, untrained):
    other = replace(genius, tflite_bytes=genius.tflite_bytes + b"0")  # It has another hash than every shipped model.
    first = add(models, other, genius)
    run = Run(model=untrained, history=[], settings=TrainSettings(), parent="genius", seconds=1.0)
    second = models.add_run(run, genius, first.model.hash)
    assert models.previous(second).name == "run 1"
    models.rename_run(first, "mine")
    assert models.undo_training(second) == "mine"
    models.delete_run("mine")
    assert models.undo_training(second) == "genius", "the initial model, because the former model was deleted"


def test_two_models_never_share_a_name(models, genius, untrained):
    first = add(models, untrained, genius)
    assert models.rename_run(first, "run 2")
    add(models, genius, untrained)
    assert names(models) == ["run 2", "run 3"]
    assert models.trained.hash == genius.hash
    assert models.add_upload(untrained.rename("run 3")) == "run 3 2"
    assert models.add_upload(genius) == "genius 2"


@pytest.mark.parametrize("name", ["", " ", "   ", "<b>", "run 2", "genius", "a\nb", "x" * 41, " a", "a "])
def test_invalid_names_of_a_run_are_rejected(models, genius, untrained, name):
    first = add(models, untrained, genius)
    add(models, genius, untrained)
    assert not models.rename_run(first, name)
    assert names(models) == ["run 1", "run 2"]
    assert models.rejected_name == name
    assert models.rename_run(first, "run 1")
    assert models.rejected_name is None


def test_a_renamed_run_stays_active_and_compared(models, genius, untrained):
    record = add(models, genius, untrained)
    models.activate("run 1")
    assert models.compared() == ["untrained", "run 1"]
    models.rename_run(record, "mine")
    assert models.active_name == "mine"
    assert models.compared() == ["untrained", "mine"]


def test_an_old_record_of_a_renamed_run_still_identifies_it(models, genius, untrained):
    before = add(models, genius, untrained)
    models.rename_run(before, "mine")
    assert models.present(before) is models.runs[0]
    assert models.present(before).name == "mine"
    assert models.rename_run(before, "ours")
    assert names(models) == ["ours"]
    assert models.active_name == "ours"
    models.delete_run("ours")
    assert models.present(before) is None
    assert models.rename_run(before, "gone")
    assert names(models) == []


def test_deleting_a_run_is_undone(models, genius, untrained):
    for model, start in ((untrained, genius), (genius, untrained), (untrained, genius)):
        add(models, model, start)
    models.activate("run 2")
    models.delete_run("run 2")
    assert names(models) == ["run 1", "run 3"]
    assert models.trained.name == "run 3"
    models.undo_delete()
    assert names(models) == ["run 1", "run 2", "run 3"]
    assert models.trained.name == "run 2"
    assert models.deleted is None
    models.undo_delete()
    models.delete_run("nothing")
    assert len(models.runs) == 3


def test_the_comparison_follows_the_active_model(models, genius, untrained):
    assert models.compared() == ["plain", "genius"], "visited before the first training"
    add(models, genius, untrained)
    assert models.compared() == ["untrained", "run 1"]
    models.set_compared(["untrained", "run 1", "plain"])
    assert models.compared() == ["untrained", "run 1", "plain"], "the user's choice stays"
    add(models, untrained, genius)
    assert models.compared() == ["genius", "run 2", "plain"], "with the new pair in front of what the user has added"
    models.set_compared([])
    assert models.compared() == []


def test_the_number_of_compared_models_is_limited(models, genius, untrained):
    for _ in range(8):
        add(models, genius, untrained)
    models.compared()
    models.set_compared([f"run {n}" for n in range(1, 9)])
    assert len(models.compared()) == MAX_COMPARED


def test_preferences_survive(models, resources, genius, untrained):
    add(models, genius, untrained)
    add(models, untrained, genius)
    models.activate("run 1")
    models.compared()
    models.set_compared(["run 2", "plain"])
    models.has_compared = True
    restored = ModelLibrary(resources)
    restored.restore(models.runs, models.uploads, models.preferences())
    assert restored.preferences() == models.preferences()
    assert restored.trained.name == "run 1"
    assert restored.compared() == ["run 2", "plain"]


@pytest.mark.parametrize(
    "preferences",
    [{}, {"run_counter": -3, "active_model": 7, "compared_models": 3}, {"compared_models": [1, None], "compared_pair": "ab"}],
)
def test_damaged_preferences_are_ignored(models, preferences):
    models.restore((), (), preferences)
    assert models.run_counter == 0
    assert models.active_name == ""
    assert models.compared() == ["plain", "genius"]


def test_a_run_is_compared_with_the_built_network_that_it_started_from(models, genius, untrained):
    add(models, genius, untrained.rename("untrained custom"))
    assert models.compared() == ["untrained custom", "run 1"]
    assert models.comparable()["untrained custom"].hash == untrained.hash
    assert "untrained custom" not in models.every_model()


def test_a_run_keeps_its_color_its_note_and_its_tags(models, genius, untrained):
    first, second = add(models, genius, untrained), add(models, genius, untrained)
    colors = models.colors(["untrained", "run 1", "run 2"])
    assert len(set(colors.values())) == 3
    models.annotate(first, " my best one ", ["baseline", " ", "baseline"])
    models.delete_run("run 1")
    models.undo_delete()
    models.rename_run(models.runs[0], "best")
    assert (models.runs[0].note, models.runs[0].tags) == ("my best one", ("baseline",))
    assert models.colors(["best"]) == {"best": colors["run 1"]}
    assert models.colors(["run 2"]) == {"run 2": colors["run 2"]}
    assert models.next_color not in colors.values()
    assert second.number == 2


def test_two_devices_give_the_same_names_to_runs_of_one_name(resources, genius, untrained):
    """Both devices train a run 1. The newer run is renamed on both devices, also where it is active and compared."""
    one, other = ModelLibrary(resources), ModelLibrary(resources)
    for models in (one, other):
        add(models, genius, untrained)
        models.add_upload(untrained.rename("mine") if models is one else genius.rename("mine"))
    assert other.compared() == ["untrained", "run 1"]
    states = [LabSnapshot(runs=models.runs, uploads=models.uploads) for models in (one, other)]
    renamed = [one.take_over(LabChanges.between(LabSnapshot(), states[1]))]
    renamed.append(other.take_over(LabChanges.between(LabSnapshot(), states[0])))
    assert [names.get("run 1") for names in renamed] == [None, "run 2"]
    assert [names.get("mine") for names in renamed] in ([None, "mine 2"], ["mine 2", None])
    assert names(one) == names(other) == ["run 1", "run 2"]
    assert [record.number for record in (*one.runs, *other.runs)] == [1, 2] * 2, "their colors differ"
    assert (one.active_name, other.active_name) == ("run 1", "run 2")
    assert other.compared() == ["untrained", "run 2"]
    assert {model.name for model in one.uploads} == {"mine", "mine 2"}
    assert set(map(upload_id, one.uploads)) == set(map(upload_id, other.uploads))
    one.delete_run("run 1")
    one.take_over(LabChanges(removed=PartIds(runs=frozenset([one.runs[0].id]))))
    assert names(one) == []
    one.undo_delete()
    assert names(one) == ["run 1"]
