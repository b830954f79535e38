"""Networks, and the files in which trained models are kept."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from digitcore.models.bundle import ModelBundle, ModelCard
    from digitcore.models.registry import SHIPPED_FOLDER, load, names, save

__all__ = ["SHIPPED_FOLDER", "ModelBundle", "ModelCard", "load", "names", "save"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "bundle": ["ModelBundle", "ModelCard"],
        "registry": ["SHIPPED_FOLDER", "load", "names", "save"],
    },
)
