"""Network architectures, and the files that hold trained models.

Example:
    >>> from digitcore import models
    >>> "genius" in models.names()
    True
    >>> models.load("genius")
    ModelBundle('genius', network='genius', parameters=182826, trained=True, mnist_accuracy=0.9966)
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from digitcore.models.bundle import ModelBundle, ModelCard, TrainingData
    from digitcore.models.reader import load
    from digitcore.models.registry import SHIPPED_FOLDER, names, save

__all__ = ["SHIPPED_FOLDER", "ModelBundle", "ModelCard", "TrainingData", "load", "names", "save"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "bundle": ["ModelBundle", "ModelCard", "TrainingData"],
        "reader": ["load"],
        "registry": ["SHIPPED_FOLDER", "names", "save"],
    },
)
