"""Training of digit models: `train` takes a model, samples and settings, and returns a `Run`.

Importing this package is quick: Keras is loaded when `train` is first used.
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from digitcore.training.run import Point, Run
    from digitcore.training.settings import TrainSettings
    from digitcore.training.trainer import train

__all__ = ["Point", "Run", "TrainSettings", "train"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "run": ["Point", "Run"],
        "settings": ["TrainSettings"],
        "trainer": ["train"],
    },
)
