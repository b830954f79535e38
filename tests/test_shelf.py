from dataclasses import replace

from digitcore import models, shelf
from digitcore.recipes import RECIPES


def test_readme_is_up_to_date():
    cards = [models.load(name).card for name in models.names()]
    assert (models.FOLDER / "README.md").read_text(encoding="utf-8") == shelf.page(cards), (
        "run python -m digitcore evaluate --write"
    )


def test_every_recipe_is_shipped_as_it_stands():
    assert set(models.names()) == set(RECIPES)
    for name, recipe in RECIPES.items():
        card = models.load(name).card
        assert (card.name, card.recipe, card.network) == (name, name, recipe.network)
        if recipe.settings:
            said, asked = recipe.settings.from_dict(card.settings).settled(False), recipe.settings.settled(False)
            assert replace(said, sample_weight=asked.sample_weight) == asked, "and without samples, their weight is idle"
