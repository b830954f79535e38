"""The library of Digit Lab: it converts images to digits, predicts digits, and trains models on labelled digits.

The library does not import Streamlit, so it works in scripts, in notebooks and on the command line.

Attributes:
    __version__: Version of the installed package, or "unknown" if the code runs without being installed.

Example:
    >>> import digitcore
    >>> isinstance(digitcore.__version__, str)
    True
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    __version__: str
else:

    def __getattr__(name: str) -> str:
        """Read the version when it is first used, because the import of `importlib.metadata` is slow."""
        if name != "__version__":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("digitlab")
        except PackageNotFoundError:
            return "unknown"
