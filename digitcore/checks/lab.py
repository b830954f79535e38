"""All checks of a lab."""

from digitcore.checks import data, run, sweep
from digitcore.checks.check import CHECKS, CheckResult
from digitcore.checks.subject import Subject
from digitcore.errors import LabError
from digitcore.storage.snapshot import LabSnapshot, RunRecord

GROUPS = (data, run, sweep)  # These modules register the checks.


def check_lab(lab: LabSnapshot, run_name: str = "") -> list[CheckResult]:
    """Check the drawings, a run and the sweep of a lab.

    Args:
        lab: The lab.
        run_name: Name of the run. If "", the latest run is checked, even if it has failed.

    Returns:
        The result of each check, in the order of their numbers.

    Raises:
        LabError: If the lab has no run of this name.

    Example:
        >>> sorted({str(result.status) for result in check_lab(LabSnapshot())})
        ['not applicable']
    """
    subject = Subject(lab, find_run(lab, run_name))
    return [
        CheckResult(check.id, check.title, finding.status, finding.sentence, check.tip, check.page)
        for check in CHECKS
        for finding in [check.find(subject)]
    ]


def find_run(lab: LabSnapshot, name: str = "") -> RunRecord | None:
    """Return a run by its name, or the latest run. The result is `None` if the lab has no run.

    Args:
        lab: The lab.
        name: Name of the run, or "".

    Raises:
        LabError: If the lab has no run of this name.

    Example:
        >>> find_run(LabSnapshot()) is None
        True
    """
    found = [record for record in lab.runs if name in ("", record.name)]
    if name and not found:
        names = ", ".join(record.name for record in lab.runs) or "no runs"
        raise LabError(f"The lab has no run called “{name}”. It has {names}.")
    return found[-1] if found else None


__all__ = ["CHECKS", "check_lab", "find_run"]
