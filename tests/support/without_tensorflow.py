"""A pytest plugin for quick runs: a test that would import TensorFlow is skipped. Use it with `pytest -p`.

The import takes several seconds in each process, and tests that need it train or convert models.
"""

import importlib.abc
import sys

import pytest

HEAVY = ("keras", "tensorflow")


class SkipHeavyImports(importlib.abc.MetaPathFinder):
    """An import hook that skips the test that imports one of the heavy packages."""

    def find_spec(self, name, path, target=None):
        if name in HEAVY:
            pytest.skip(f"imports {name}, which a quick run leaves out", allow_module_level=True)


def pytest_configure(config):
    sys.meta_path.insert(0, SkipHeavyImports())
