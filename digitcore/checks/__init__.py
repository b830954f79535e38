"""Numbered checks of the drawings, a run and the sweep of a lab. `docs/checks.md` describes each check.

Importing this package is quick: the checks are loaded when they are first used.

Example:
    >>> from digitcore.checks import check_lab
    >>> from digitcore.storage.snapshot import LabSnapshot
    >>> str(check_lab(LabSnapshot())[0].status)
    'not applicable'
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from digitcore.checks.check import Check, CheckResult, Status
    from digitcore.checks.lab import CHECKS, check_lab
    from digitcore.checks.task import CheckTask

__all__ = ["CHECKS", "Check", "CheckResult", "CheckTask", "Status", "check_lab"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={"check": ["Check", "CheckResult", "Status"], "lab": ["CHECKS", "check_lab"], "task": ["CheckTask"]},
)
