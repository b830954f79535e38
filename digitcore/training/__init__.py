"""Training: settings in, run out."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from digitcore.samples import SampleSet
    from digitcore.training.run import Point, Run
    from digitcore.training.settings import TrainSettings
    from digitcore.training.trainer import train

__all__ = ["Point", "Run", "SampleSet", "TrainSettings", "train"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "run": ["Point", "Run", "SampleSet"],
        "settings": ["TrainSettings"],
        "trainer": ["train"],
    },
)
