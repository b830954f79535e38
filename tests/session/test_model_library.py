import pytest

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


def test_undoing_a_training_activates_the_model_that_was_active_before(models, genius, untrained):
    first = add(models, genius, untrained)
    assert models.undo_training(first) == "untrained", "the training started from the active model"
    models.activate("run 1")
    second = add(models, genius, untrained)
    assert models.undo_training(second) == "run 1", "a new network was trained again"
    assert models.active_run is first
    models.activate("run 2")
    models.delete_run("run 1")
    assert models.undo_training(second) == "untrained"


def test_going_back_activates_the_previous_model(models, genius, untrained):
    first = add(models, untrained, genius)
    assert models.go_back(first) == "genius"
    assert models.active_run is None
    assert models.trained is None
    assert models.active("untrained") is genius
    assert models.pair("untrained") == ("plain", "genius")
    assert names(models) == ["run 1"]
    second = add(models, genius, first.model)
    assert models.active_run is second
    assert models.go_back(second) == "run 1"
    assert models.active_run is first
    models.delete_run("run 1")
    assert models.go_back(second) == "run 1", "a deleted model is added again"
    assert models.trained.hash == untrained.hash, "a deleted model is added again"
    restored = ModelLibrary(models._resources)
    models.go_back(first)
    restored.restore(models.runs, models.uploads, models.preferences())
    assert restored.active() is genius


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
