import json
import pickle
from dataclasses import asdict, replace

import pytest

from digitcore.errors import ModelError
from digitcore.models.bundle import MAX_COUNT, MAX_NAME, ModelCard, TrainingData, is_valid_name
from digitcore.models.network_spec import Block, NetworkSpec


def test_card_survives_json(genius):
    assert ModelCard.from_json(genius.card.to_json()) == genius.card


def test_unknown_names_of_a_card_are_ignored(genius):
    newer = json.loads(genius.card.to_json()) | {"a_later_field": 1}
    newer["training_data"]["a_later_count"] = 1
    assert ModelCard.from_json(json.dumps(newer)) == genius.card


@pytest.mark.parametrize("text", ["", "[]", "3", "{}", '{"name": 1}', "[" * 100_000])
def test_malformed_card_is_rejected(text):
    with pytest.raises(ModelError, match=r"card\.json is damaged"):
        ModelCard.from_json(text)


def test_training_data_survives_a_dictionary():
    data = TrainingData(20, 500, 30, 35, 40, 0.35)
    assert TrainingData.from_dict(asdict(data)) == data


@pytest.mark.parametrize(
    "values",
    [
        None,
        [],
        "Trained on 500 digits.",
        {"drawings": -1},
        {"drawings": True},
        {"drawings": "20"},
        {"mnist_digits": 1.5},
        {"mnist_digits": MAX_COUNT + 1},
        {"non_digits": None},
        {"corrupted_share": 1.1},
        {"corrupted_share": float("nan")},
        {"corrupted_share": "half"},
    ],
)
def test_malformed_training_data_is_rejected(genius, values):
    with pytest.raises(ValueError, match="training data"):
        TrainingData.from_dict(values)
    with pytest.raises(ModelError):
        ModelCard.from_json(json.dumps(json.loads(genius.card.to_json()) | {"training_data": values}))


def test_metrics_are_added_to_a_copy(genius):
    card = genius.card.with_metrics({"mnist_errors": 1})
    assert card.metrics["mnist_errors"] == 1
    assert genius.card.metrics["mnist_errors"] != 1
    assert card.metrics["mnist_loss"] == genius.card.metrics["mnist_loss"]


def test_renaming_keeps_the_files(genius):
    renamed = genius.rename("mine")
    assert renamed.name == "mine"
    assert genius.name == "genius"
    assert renamed.key == genius.key


def test_bundle_survives_pickling(genius):
    genius.key  # noqa: B018 The cached hash must not be pickled.
    assert set(genius.__getstate__()) == {"card", "keras_bytes", "tflite_bytes"}
    assert pickle.loads(pickle.dumps(genius)).key == genius.key


@pytest.mark.parametrize("name", ["a", "run 1", "my best 7-9", "x.y_z", "Ünïcode", "a" * MAX_NAME])
def test_valid_names(name):
    assert is_valid_name(name)


@pytest.mark.parametrize("name", ["", " ", "   ", " a", "a ", "<b>", "a/b", "a\nb", "a" * (MAX_NAME + 1), "[x](y)", None, 7])
def test_invalid_names(name):
    assert not is_valid_name(name)


@pytest.mark.parametrize("network", ["genius", NetworkSpec(tuple(Block("dense", size) for size in range(100, 112))).to_json()])
def test_repr_fits_on_one_line(genius, network):
    card = replace(genius.card, name="long name " * 4, network=network)
    for shown in (card, genius.with_card(card)):
        assert len(repr(shown)) < 200
        assert "\n" not in repr(shown)


def test_repr_names_the_model_and_its_accuracy(genius):
    assert "'genius'" in repr(genius)
    assert "mnist_accuracy=0.9966" in repr(genius)
