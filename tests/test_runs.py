import dataclasses

import pytest

from digitcore.errors import SettingsError
from digitcore.recipes import RECIPES, recipe
from digitcore.runs import CHOSEN, RANGES, Score, TrainSettings, differences


def test_json_round_trip():
    settings = TrainSettings(epochs=7, learning_rate=0.01, augment=True)
    assert TrainSettings.from_json(settings.to_json()) == settings
    assert TrainSettings.from_json("{}") == TrainSettings()


@pytest.mark.parametrize(
    "text", ["", "[]", "3", '{"epochs": 0}', '{"epochs": 2.5}', '{"epochs": "3"}', '{"epochs": true}', '{"lr": 1}']
)
def test_wrong_json_is_refused(text):
    with pytest.raises(SettingsError):
        TrainSettings.from_json(text)


@pytest.mark.parametrize("name", RANGES)
def test_ranges_are_kept(name):
    low, high = RANGES[name]
    for value in (low - 1, high + 1, float("nan"), "x" if name in CHOSEN else None):
        with pytest.raises(SettingsError, match=name):
            TrainSettings(**{name: value})


def test_settled_leaves_nothing_open():
    for trained in (True, False):
        settled = TrainSettings().settled(trained)
        assert None not in dataclasses.astuple(settled) and settled.schedule != "auto"
        assert settled.settled(not trained) == settled
    chosen = TrainSettings(gentle=0.0, learning_rate=0.1, batch_size=8, schedule="triangular")
    assert chosen.settled(True) == chosen == chosen.settled(False)


def test_settings_cannot_be_changed_in_place():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainSettings().epochs = 4


def test_differences():
    assert differences([TrainSettings(), TrainSettings(epochs=4, seed=2)]) == ["epochs", "seed"]
    assert differences([TrainSettings()]) == []


def test_unknown_schedule_and_recipe():
    with pytest.raises(SettingsError, match="schedule"):
        TrainSettings(schedule="zigzag")
    with pytest.raises(SettingsError, match="focus"):
        TrainSettings(focus="7 and 9")
    with pytest.raises(SettingsError, match=", ".join(RECIPES)):
        recipe("nobody")


def test_score():
    assert Score(3, 4).share == 0.75 and Score(0, 0).share == 0
