"""The lesson of a session: which lesson is open, the user's guesses, and the runs that belong to it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from digitcore.lessons import LESSONS, Lesson, Trial
from digitcore.storage.snapshot import RunRecord
from pages.session.session_part import SessionPart, synchronized

MAX_GUESS = 200  # characters
ANY_SEED = 0


class LessonState(SessionPart):
    """The open lesson and the user's guesses.

    Attributes:
        number: Number of the open lesson, from 1; 0 if no lesson is open.
        guesses: Number of a lesson → what the user expects.
        form_before: The preferences of the form before the lesson was opened.
    """

    def __init__(self, lock: Any = None) -> None:
        super().__init__(lock)
        self.number = 0
        self.guesses: dict[int, str] = {}
        self.form_before: dict[str, Any] = {}

    @property
    def lesson(self) -> Lesson | None:
        """The open lesson, or `None`."""
        return LESSONS[self.number - 1] if self.number else None

    @synchronized
    def open(self, number: int) -> None:
        """Open a lesson. The number 0 closes the open lesson."""
        self.number = number if 1 <= number <= len(LESSONS) else 0

    @synchronized
    def keep_form(self, preferences: dict[str, Any]) -> None:
        """Store the preferences of the form, which is set again when the lesson is closed."""
        self.form_before = preferences

    @synchronized
    def guess(self, text: str) -> None:
        """Store what the user expects of the open lesson."""
        self.guesses = {**self.guesses, self.number: text.strip()[:MAX_GUESS]}

    def preferences(self) -> dict[str, Any]:
        """Return the values to store with the lab."""
        guesses = {str(number): text for number, text in self.guesses.items()}
        return {"lesson": self.number, "guesses": guesses, "form_before_lesson": self.form_before}

    @synchronized
    def restore(self, preferences: dict[str, Any]) -> None:
        """Restore stored values. Preferences of a wrong type are ignored."""
        number, guesses = preferences.get("lesson"), preferences.get("guesses")
        self.open(number if type(number) is int else 0)
        before = preferences.get("form_before_lesson")
        self.form_before = before if isinstance(before, dict) else {}
        known = guesses if isinstance(guesses, dict) else {}
        texts = {number: known.get(str(number)) for number in range(1, len(LESSONS) + 1)}
        self.guesses = {number: text[:MAX_GUESS] for number, text in texts.items() if isinstance(text, str)}


def find_run(lesson: Lesson, trial: Trial, runs: Sequence[RunRecord]) -> RunRecord | None:
    """Return the latest run with the settings and the network of a trial, with any seed; `None` if there is none.

    A run that was stopped does not count. A run that failed counts, because some settings of a lesson fail.
    """
    settings, network = lesson.training(trial)

    def is_wanted(record: RunRecord) -> bool:
        run = record.run
        is_same_start = record.start.card.network == network and not record.start.card.trained
        if not network:
            is_same_start = record.start.name == lesson.start
        has_drawings = run.model.card.training_data.drawings > 0
        return (
            is_same_start
            and not run.stopped
            and replace(run.settings, seed=ANY_SEED) == replace(settings, seed=ANY_SEED)
            and has_drawings == (lesson.digit is not None)
        )

    return next(filter(is_wanted, reversed(runs)), None)
