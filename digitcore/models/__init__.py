"""Networks, and the files in which trained models are kept."""

from typing import TYPE_CHECKING

from digitcore._lazy import lazy_attributes

if TYPE_CHECKING:
    from digitcore.models.bundle import ModelBundle, ModelCard
    from digitcore.models.registry import SHIPPED_FOLDER, load, names, save

__all__ = ["SHIPPED_FOLDER", "ModelBundle", "ModelCard", "load", "names", "save"]

__getattr__ = lazy_attributes(
    __name__,
    {
        "ModelBundle": "bundle",
        "ModelCard": "bundle",
        "SHIPPED_FOLDER": "registry",
        "load": "registry",
        "names": "registry",
        "save": "registry",
    },
)
