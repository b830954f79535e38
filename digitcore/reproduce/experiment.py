"""What a run depends on: its initial model, its samples and its settings."""

import re
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from digitcore.models import registry, upload
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.storage.snapshot import RunRecord
from digitcore.training.recipes import RECIPES, get_recipe
from digitcore.training.settings import DEFAULTS, TrainSettings
from digitcore.values import plural

SAMPLES_FILE, START_FOLDER = "drawings.npz", "start"  # beside the code


@dataclass(frozen=True, eq=False)
class Experiment:
    """Everything that is needed to train a model again.

    Attributes:
        name: Name of the trained model.
        settings: The settings as they were given, before None and "auto" were resolved.
        samples: The training samples, and the held-out samples, which are marked as held out.
        start: The initial model, or `None` if the network is built from the seed.
        network: Name or JSON of the network. It is "imported" if the initial model was imported.
        layers_file: Content of a .keras file with the layers of the network.
        recipe: Name of the recipe, or "" for a run of a lab.
        n_missing: Number of training drawings that the lab has no longer.

    Example:
        >>> Experiment.of_recipe("fast").settings.epochs
        1
    """

    name: str
    settings: TrainSettings
    samples: SampleSet
    start: ModelBundle | None
    network: str
    layers_file: bytes
    recipe: str = ""
    n_missing: int = 0

    @classmethod
    def of_run(cls, record: RunRecord, samples: SampleSet) -> "Experiment":
        """Return the experiment of a run of a lab.

        Args:
            record: The run.
            samples: The samples of the lab.

        Example:
            >>> from digitcore.training.run import Run
            >>> genius = registry.load("genius")
            >>> record = RunRecord(Run(genius.rename("run 1"), [], TrainSettings(), "genius", 1.0), genius)
            >>> Experiment.of_run(record, SampleSet()).start_name
            'genius'
        """
        hashes = record.run.sample_hashes
        is_training = ~samples.held_out if hashes is None else samples.is_learnt(hashes)
        chosen = np.flatnonzero(is_training | samples.held_out)
        used = replace(samples.take(chosen), held_out=~is_training[chosen])
        n_drawings = int((~used.is_example & ~used.held_out).sum())
        n_missing = max(0, record.model.card.training_data.drawings - n_drawings)
        settings, start = record.run.settings, upload.find_shipped(record.start.keras_bytes) or record.start
        is_built = not start.card.trained and start.card.settings.get("seed") == settings.seed
        network, layers_file = start.card.network, start.keras_bytes
        return cls(record.name, settings, used, None if is_built else start, network, layers_file, n_missing=n_missing)

    @classmethod
    def of_recipe(cls, name: str, **changes: Any) -> "Experiment":
        """Return the experiment of a shipped model.

        Args:
            name: Name of the recipe.
            changes: Settings that differ from the recipe.

        Raises:
            SettingsError: If there is no such recipe, or it has random weights and is not trained.

        Example:
            >>> Experiment.of_recipe("mlp", epochs=2).settings.epochs
            2
        """
        recipe, layers_file = get_recipe(name), registry.load(name).keras_bytes
        return cls(f"{name}-again", recipe.variant(changes), SampleSet(), None, recipe.network, layers_file, recipe=name)

    @property
    def start_name(self) -> str:
        """Name of the shipped model that the run started from, or "" for another model and for a built network."""
        found = upload.find_shipped(self.start.keras_bytes) if self.start else None
        return found.name if found else ""

    @property
    def is_fine_tuning(self) -> bool:
        """Whether the run started from a trained model."""
        return self.start is not None and self.start.card.trained

    @property
    def folder(self) -> str:
        """Name of the folder of the trained model."""
        return re.sub(r"[^\w.-]+", "-", self.name)

    @property
    def changed_settings(self) -> dict[str, Any]:
        """The settings that differ from the recipe, or from the defaults, by name."""
        recipe = RECIPES[self.recipe].settings if self.recipe else None
        base = asdict(recipe) if recipe else DEFAULTS
        return {name: value for name, value in asdict(self.settings).items() if value != base[name]}

    @property
    def warning(self) -> str:
        """A sentence if the code cannot give the same result; otherwise ""."""
        if not self.n_missing:
            return ""
        was = "was" if self.n_missing == 1 else "were"
        return f"{plural(self.n_missing, 'training drawing')} of this run {was} deleted, so the result will differ."
