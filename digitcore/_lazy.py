"""Attributes of a package that are imported when they are first used (PEP 562)."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def lazy_attributes(package: str, owners: Mapping[str, str]) -> Callable[[str], Any]:
    """Build a package's `__getattr__`.

    Args:
        package: the package's `__name__`.
        owners: public name → submodule that defines it.
    """

    def __getattr__(name: str) -> Any:
        if name not in owners:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{owners[name]}"), name)

    return __getattr__
