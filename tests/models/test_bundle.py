import json
import pickle

import pytest

from digitcore.errors import ModelError
from digitcore.models.bundle import MAX_NAME, ModelCard, is_valid_name


def test_a_card_survives_json(genius):
    assert ModelCard.from_json(genius.card.to_json()) == genius.card
    newer = json.loads(genius.card.to_json()) | {"a_later_field": 1}
    assert ModelCard.from_json(json.dumps(newer)) == genius.card


@pytest.mark.parametrize("text", ["", "[]", "3", "{}", '{"name": 1}'])
def test_what_is_no_card_is_rejected(text):
    with pytest.raises(ModelError):
        ModelCard.from_json(text)


def test_metrics_are_added_to_a_copy(genius):
    card = genius.card.with_metrics({"mnist_errors": 1})
    assert card.metrics["mnist_errors"] == 1 != genius.card.metrics["mnist_errors"]
    assert card.metrics["mnist_loss"] == genius.card.metrics["mnist_loss"]


def test_renaming_keeps_the_files(genius):
    renamed = genius.rename("mine")
    assert renamed.name == "mine" and renamed.key == genius.key and genius.name == "genius"
    assert pickle.loads(pickle.dumps(renamed)).key == genius.key


@pytest.mark.parametrize("name", ["a", "run 1", "my best 7-9", "x.y_z", "Ünïcode", "a" * MAX_NAME])
def test_valid_names(name):
    assert is_valid_name(name)


@pytest.mark.parametrize("name", ["", " ", "   ", " a", "a ", "<b>", "a/b", "a\nb", "a" * (MAX_NAME + 1), "[x](y)", None, 7])
def test_invalid_names(name):
    assert not is_valid_name(name)
