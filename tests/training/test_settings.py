import dataclasses
import re

import pytest

from digitcore.errors import SettingsError
from digitcore.training.settings import DEFAULTS, SETTING_SPECS, TrainSettings, differing_names
from digitcore.training.settings_text import parse_value, parse_values


def test_settings_are_the_same_after_json():
    settings = TrainSettings(epochs=7, learning_rate=0.01, augment=True)
    assert TrainSettings.from_json(settings.to_json()) == settings
    assert TrainSettings.from_json("{}") == TrainSettings()


@pytest.mark.parametrize(
    "text", ["", "[]", "3", '{"epochs": 0}', '{"epochs": 2.5}', '{"epochs": "3"}', '{"epochs": true}', '{"lr": 1}']
)
def test_invalid_json_is_refused(text):
    with pytest.raises(SettingsError):
        TrainSettings.from_json(text)


NUMBERS = [name for name, spec in SETTING_SPECS.items() if spec.high]


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_out_of_range_are_refused(name):
    spec = SETTING_SPECS[name]
    for value in (spec.low - 1, spec.high + 1, float("nan"), "x", True, *([] if spec.is_optional else [None])):
        with pytest.raises(SettingsError, match=name):
            TrainSettings(**{name: value})
    assert getattr(TrainSettings(**{name: spec.low}), name) == spec.low


@pytest.mark.parametrize("name", SETTING_SPECS)
def test_values_that_forms_and_sweeps_offer_are_valid(name):
    spec = SETTING_SPECS[name]
    assert spec.label
    assert spec.help
    for value in (DEFAULTS[name], *spec.options, *spec.sweep_values, *spec.choices):
        TrainSettings(**{name: str(value) if spec.widget == "pills" else value})
    if spec.widget in ("select_slider", "slider"):
        assert DEFAULTS[name] in spec.options
        assert spec.options == tuple(sorted(spec.options, key=lambda v: (v is not None, v)))


def test_number_is_not_a_boolean():
    with pytest.raises(SettingsError, match="augment"):
        TrainSettings(augment=1)


def test_values_of_the_command_line_get_their_type():
    assert parse_values(["epochs=3", "noise=gaussian"]) == {"epochs": "3", "noise": "gaussian"}
    assert [parse_value(*pair) for pair in (("epochs", "3"), ("learning_rate", "null"), ("oversample", "79"))] == [3, None, "79"]
    assert type(parse_value("sample_weight", "5")) is float
    assert type(parse_value("mnist_samples", "5")) is int
    for pair in ("epochs", "epoch=3", "=3"):
        with pytest.raises(SettingsError, match=r"NAME=VALUE|no setting called"):
            parse_values([pair])


def test_resolved_settings_have_no_automatic_values():
    for trained in (True, False):
        resolved = TrainSettings().resolved(trained)
        assert None not in dataclasses.astuple(resolved)
        assert resolved.schedule != "auto"
        assert resolved.resolved(not trained) == resolved
    explicit = TrainSettings(weight_interpolation=0.0, learning_rate=0.1, batch_size=8, schedule="triangular", weight_decay=0.0)
    assert explicit.resolved(True) == explicit == explicit.resolved(False)


def test_repr_names_only_changed_settings():
    assert repr(TrainSettings()) == "TrainSettings()"
    assert repr(TrainSettings(epochs=4, noise="gaussian")) == "TrainSettings(epochs=4, noise='gaussian')"


@pytest.mark.parametrize("name", SETTING_SPECS)
def test_help_is_one_sentence(name):
    assert re.fullmatch(r"[A-Z].*[^.]\.", SETTING_SPECS[name].help)
    assert ". " not in SETTING_SPECS[name].help


def test_settings_cannot_be_changed_in_place():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainSettings().epochs = 4


def test_differing_settings_are_named():
    assert differing_names([TrainSettings(), TrainSettings(epochs=4, seed=2)]) == ["epochs", "seed"]
    assert differing_names([TrainSettings()]) == []


def test_unknown_choices_are_refused():
    with pytest.raises(SettingsError, match="schedule"):
        TrainSettings(schedule="zigzag")
    with pytest.raises(SettingsError, match="oversample"):
        TrainSettings(oversample="7 and 9")


def test_automatic_values_depend_on_the_optimizer():
    assert TrainSettings(optimizer="sgd").resolved(True).learning_rate == pytest.approx(5e-3)
    assert TrainSettings(optimizer="adamw").resolved(True).weight_decay == 0.004
    assert TrainSettings(optimizer="adamw", weight_decay=0.0).resolved(True).weight_decay == 0
