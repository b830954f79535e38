"""How each shipped model is made: a network, settings and a seed."""

from dataclasses import dataclass

from digitcore.errors import SettingsError
from digitcore.runs import MNIST_TRAINING, TrainSettings


@dataclass(frozen=True)
class Recipe:
    """A network's name and the settings to train it with; None leaves its weights random."""

    network: str
    settings: TrainSettings | None


RECIPES = {
    "stupid": Recipe("genius", None),
    "genius": Recipe(
        "genius",
        TrainSettings(
            mnist_samples=MNIST_TRAINING,
            drawn_samples=12_000,
            epochs=12,
            batch_size=128,
            learning_rate=2e-3,
            schedule="cosine",
            label_smoothing=0.05,
            augment=True,
            validation_samples=5000,
        ),
    ),
}


def recipe(name: str) -> Recipe:
    """By name.

    Raises:
        SettingsError: when there is no such recipe.
    """
    if name not in RECIPES:
        raise SettingsError(f"There is no recipe called “{name}”. There are: {', '.join(RECIPES)}.")
    return RECIPES[name]
