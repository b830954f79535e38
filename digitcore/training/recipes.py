"""Recipes: the network and the settings of each shipped model. `digitlab train NAME` trains a recipe."""

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from digitcore.errors import ModelError, SettingsError
from digitcore.mnist import TRAINING_SIZE, VALIDATION_SIZE
from digitcore.models.network_spec import NetworkSpec, is_spec
from digitcore.training.settings import TrainSettings


@dataclass(frozen=True)
class Recipe:
    """The network of a shipped model and the settings of its training.

    Attributes:
        network: Registered name of the network, or the JSON of a network.
        settings: Settings of the training, or None if the weights stay random.

    Example:
        >>> RECIPES["mlp"].network
        'mlp'
    """

    network: str
    settings: TrainSettings | None = None

    def variant(self, values: Mapping[str, Any]) -> TrainSettings:
        """Return the settings of the recipe with changed values.

        The learning rate of a recipe belongs to its optimizer. If the values change the optimizer and name no learning rate, the
        learning rate is None ("auto"), so that it suits the new optimizer, as on the Train page.

        Args:
            values: Setting name → new value.

        Raises:
            SettingsError: If the recipe has random weights and is not trained, or a value is not valid.

        Example:
            >>> RECIPES["mlp"].variant({"optimizer": "sgd"}).learning_rate is None
            True
            >>> RECIPES["mlp"].variant({"epochs": 2}).learning_rate
            0.001
        """
        if self.settings is None:
            raise SettingsError("A recipe with random weights is not trained. Choose another recipe.")
        is_changed = values.get("optimizer", self.settings.optimizer) != self.settings.optimizer
        return self.settings.replace(**({"learning_rate": None} if is_changed else {}) | dict(values))


MNIST_ONLY = TrainSettings(
    mnist_samples=TRAINING_SIZE,
    epochs=6,
    batch_size=128,
    learning_rate=1e-3,
    schedule="constant",
    validation_samples=VALIDATION_SIZE,
)
NOISE_FAMILY = MNIST_ONLY.replace(learning_rate=2e-3, schedule="cosine")

RECIPES = {
    "untrained": Recipe("genius"),
    "genius": Recipe(
        "genius",
        MNIST_ONLY.replace(
            synthetic_samples=15_000,
            pen_samples=12_000,
            non_digit_samples=15_000,
            epochs=60,
            learning_rate=2e-3,
            schedule="cosine",
            label_smoothing=0.05,
            augment=True,
            corrupted_share=0.4,
            ema_momentum=0.999,
        ),
    ),
    "mlp": Recipe("mlp", MNIST_ONLY.replace(epochs=12, schedule="cosine")),
    "convnet": Recipe("convnet", MNIST_ONLY.replace(epochs=15)),
    "cnn13": Recipe("cnn13", MNIST_ONLY.replace(epochs=20)),
    "plain": Recipe("noise4", NOISE_FAMILY),
    "salt-pepper": Recipe("noise4", NOISE_FAMILY.replace(noise="salt-pepper")),
    "salt-pepper-5": Recipe("noise5", NOISE_FAMILY.replace(noise="salt-pepper")),
    "gaussian": Recipe("noise4", NOISE_FAMILY.replace(noise="gaussian")),
    "gaussian-deep": Recipe("noise-deep", NOISE_FAMILY.replace(noise="gaussian")),
    "fast": Recipe(
        "fast",
        TrainSettings(
            mnist_samples=36_000,
            epochs=1,
            batch_size=64,
            learning_rate=0.03,
            beta_2=0.99,
            schedule="triangular",
            label_smoothing=0.1,
        ),
    ),
}


NETWORKS = tuple(dict.fromkeys(recipe.network for recipe in RECIPES.values()))


def check_network(network: str) -> str:
    """Check a network that was given by its name or as JSON.

    Args:
        network: Registered name, or the JSON of a `NetworkSpec`.

    Returns:
        The name, or the JSON in its compact form.

    Raises:
        ModelError: If there is no such network, or its JSON is invalid.

    Example:
        >>> check_network("mlp")
        'mlp'
    """
    if is_spec(network):
        return NetworkSpec.from_json(network).to_json()
    if network not in NETWORKS:
        raise ModelError(f"The network must be one of {', '.join(NETWORKS)}, or JSON, not {reprlib.repr(network)}.")
    return network


def get_recipe(name: str) -> Recipe:
    """Return a recipe by its name.

    Args:
        name: Name of a shipped model.

    Raises:
        SettingsError: If there is no such recipe. The message lists all recipes.

    Example:
        >>> get_recipe("fast").settings.epochs
        1
    """
    if name not in RECIPES:
        raise SettingsError(f"There is no recipe called “{name}”. Choose one of {', '.join(RECIPES)}.")
    return RECIPES[name]
