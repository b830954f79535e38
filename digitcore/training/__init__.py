"""Training: settings in, run out."""

from typing import TYPE_CHECKING

from digitcore._lazy import lazy_attributes

if TYPE_CHECKING:
    from digitcore.samples import SampleSet
    from digitcore.training.run import Point, Run
    from digitcore.training.settings import TrainSettings
    from digitcore.training.trainer import train

__all__ = ["Point", "Run", "SampleSet", "TrainSettings", "train"]

__getattr__ = lazy_attributes(
    __name__,
    {"Point": "run", "Run": "run", "SampleSet": "run", "TrainSettings": "settings", "train": "trainer"},
)
