"""A check, its result, and the registry of all checks.

To add a check, write a function in `data.py`, `run.py` or `sweep.py` that takes a `Subject` and returns a `Finding`, and decorate
it with `@check`. Then run `python docs/write_tables.py`.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from digitcore.checks.subject import Subject

PAGE = "docs/checks.md"


class Status(enum.StrEnum):
    """The outcome of a check.

    Example:
        >>> str(Status.NOT_APPLICABLE)
        'not applicable'
    """

    PASSED = "passed"
    ISSUE = "issue"
    NOT_APPLICABLE = "not applicable"


class Finding(NamedTuple):
    """The outcome of a check with one sentence about the numbers behind it.

    Example:
        >>> issue("2 drawings are equal.").status.value
        'issue'
    """

    status: Status
    sentence: str


def passed(sentence: str) -> Finding:
    """Return the finding of a check that found no problem.

    Args:
        sentence: What was found.

    Example:
        >>> passed("No drawings are equal.").status.value
        'passed'
    """
    return Finding(Status.PASSED, sentence)


def issue(sentence: str) -> Finding:
    """Return the finding of a check that found a problem.

    Args:
        sentence: What was found.

    Example:
        >>> issue("2 drawings are equal.").sentence
        '2 drawings are equal.'
    """
    return Finding(Status.ISSUE, sentence)


def not_applicable(sentence: str) -> Finding:
    """Return the finding of a check that needs something that the lab does not have.

    Args:
        sentence: What is missing.

    Example:
        >>> not_applicable("There are no drawings.").status.value
        'not applicable'
    """
    return Finding(Status.NOT_APPLICABLE, sentence)


@dataclass(frozen=True)
class Check:
    """A numbered check.

    Attributes:
        id: Identifier, for example "D01". D is for drawings, R for runs, and S for sweeps.
        title: The problem in a few words.
        rule: When the check finds an issue, in one sentence.
        reason: Why this is a problem, in one sentence.
        tip: What to do, in one sentence.
        find: Function that checks a subject.

    Example:
        >>> from digitcore.checks import CHECKS
        >>> [check.id for check in CHECKS][:2]
        ['D01', 'D02']
    """

    id: str
    title: str
    rule: str
    reason: str
    tip: str
    find: "Callable[[Subject], Finding]"

    @property
    def page(self) -> str:
        """Path of the section of the documentation, with its anchor."""
        return f"{PAGE}#{self.id.lower()}-{self.title.lower().replace(' ', '-')}"


@dataclass(frozen=True)
class CheckResult:
    """The result of a check on a lab.

    Attributes:
        id: Identifier of the check.
        title: Title of the check.
        status: The outcome.
        sentence: The numbers behind the outcome, in one sentence.
        tip: What to do about an issue.
        page: Section of the documentation.

    Example:
        >>> CheckResult("D01", "Equal drawings", Status.PASSED, "No drawings are equal.", "", "docs/checks.md").status.value
        'passed'
    """

    id: str
    title: str
    status: Status
    sentence: str
    tip: str
    page: str


CHECKS: list[Check] = []


def check(
    id: str, title: str, *, rule: str, reason: str, tip: str
) -> "Callable[[Callable[[Subject], Finding]], Callable[[Subject], Finding]]":
    """Register a function as a check. The arguments are the attributes of `Check`.

    Example:
        >>> @check("D99", "An example", rule="…", reason="…", tip="…")
        ... def find_nothing(subject):
        ...     return passed("Nothing was found.")
        >>> CHECKS.pop().id
        'D99'
    """

    def register(find: "Callable[[Subject], Finding]") -> "Callable[[Subject], Finding]":
        CHECKS.append(Check(id, title, rule, reason, tip, find))
        return find

    return register
