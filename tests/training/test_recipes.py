from dataclasses import replace

import pytest

from digitcore import models
from digitcore.errors import SettingsError
from digitcore.training.recipes import RECIPES, get_recipe
from digitcore.training.settings import TrainSettings


def test_every_shipped_model_was_trained_by_its_recipe():
    assert set(models.names()) == set(RECIPES)
    for name, recipe in RECIPES.items():
        card = models.load(name).card
        assert (card.name, card.recipe, card.network) == (name, name, recipe.network)
        if recipe.settings:
            trained, asked = TrainSettings.from_dict(card.settings).resolved(False), recipe.settings.resolved(False)
            assert replace(trained, sample_weight=asked.sample_weight) == asked, (
                "The weight of samples has no effect without samples."
            )


def test_error_of_an_unknown_recipe_lists_the_recipes():
    with pytest.raises(SettingsError, match=", ".join(RECIPES)):
        get_recipe("nobody")
