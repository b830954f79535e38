"""The version of this program's code."""

import functools
import subprocess
from pathlib import Path

import digitcore

CHECKOUT = Path(__file__).resolve().parent.parent
TIMEOUT = 5  # seconds


@functools.cache
def code_version() -> str:
    """Return the version of the package and, in a checkout of the project, the commit.

    Returns:
        A text such as "0.1.0", "0.1.0+1781d4e" or, if tracked files differ from the commit, "0.1.0+1781d4e.changed".

    Example:
        >>> code_version().startswith(digitcore.__version__)
        True
    """
    commit = _git("rev-parse", "--short=12", "HEAD") if (CHECKOUT / ".git").exists() else ""
    if not commit:
        return digitcore.__version__
    is_changed = bool(_git("status", "--porcelain", "--untracked-files=no", "--", "digitcore"))
    return f"{digitcore.__version__}+{commit}{'.changed' * is_changed}"


def _git(*arguments: str) -> str:
    """Return the output of a Git command, or "" if Git fails or is not installed."""
    try:
        done = subprocess.run(["git", "-C", CHECKOUT, *arguments], capture_output=True, text=True, timeout=TIMEOUT)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
