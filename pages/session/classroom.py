"""The class of a session: as its teacher, as a pupil, or as a projector."""

import datetime
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from digitcore.classroom.pupils import ClassDrawings, ClassState, Pupil, counted, gather
from digitcore.classroom.rules import MAX_PER_MINUTE, ClassOptions
from digitcore.jobs.tasks import LeaveOutTask
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.storage.classes import ClassStore, Membership, StoredClass
from pages.session.session_part import SessionPart, synchronized

CODE_PARAMETER, PROJECTOR_PARAMETER = "class", "project"  # parameters of the page's address
TEACHER_INTERVAL, PUPIL_INTERVAL = 2.0, 3.0  # s between two polls of the class
TOO_FAST = f"Wait a moment. A class allows {MAX_PER_MINUTE} drawings in a minute."
NO_IMPORT = "A class has only drawings that its pupils have drawn. Nothing was imported."
NO_TRAINING = "In this class, the teacher trains."


class Classroom(SessionPart):
    """The class of a session.

    Attributes:
        invitation: Join code in the page's address or typed by the person, until the person has joined or declined; or "".
        invited_to: Name of the class of the join code; "" before the code was checked.
        projector_token: View token of the teacher's lab if the session shows the class on a projector, else "".
        token: Token of the lab whose class is known; "" before the first look.
        is_expected: Whether the lab was opened and has a class, which was not read yet.
        membership: The class of the lab; `None` if the lab has no class.
        drawings: The drawings of the class that count. Only teachers and projectors have them.
        view: Slug of the chosen view. The page's script writes it.
        notice: Outcome of the last action in a sentence, or "".
        left_class: Name of the class that the person has left in this session, or "".
        undo: Undoes the last action on the decisions of the teacher; `None` if there is nothing to undo.
        model: The published model; `None` if no model is published. Only teachers and projectors have it.
        reviewed: The drawings whose labels the teacher reviews; `None` before a review. New drawings are not added during the
            review. The drawings of pupils who are not in the class any more are removed.
        chosen: Name of a choice of pupils → identifiers of the chosen pupils. The page's script writes it.
        left_out: The drawings and the task of the last leave-one-out table, or `None`.
        n_sent, n_published: Number of sent settings and of published models that this session has applied.
    """

    def __init__(self, lock: Any = None) -> None:
        super().__init__(lock)
        self.invitation = self.invited_to = self.projector_token = self.token = ""
        self.is_begun = self.is_expected = False
        self.membership: Membership | None = None
        self.drawings = ClassDrawings()
        self.view = ""
        self.notice = self.left_class = ""
        self.undo: Callable[[ClassState], ClassState] | None = None
        self.model: ModelBundle | None = None
        self.reviewed: ClassDrawings | None = None
        self.chosen: dict[str, list[str]] = {}
        self.left_out: tuple[ClassDrawings, LeaveOutTask] | None = None
        self.n_sent = self.n_published = 0
        self._pupils: tuple[Pupil, ...] = ()
        self._read_at = float("-inf")

    @property
    def room(self) -> StoredClass | None:
        """The class, or `None`."""
        return self.membership.room if self.membership else None

    @property
    def is_teacher(self) -> bool:
        """Whether the lab is the lab of the teacher."""
        return self.membership is not None and self.membership.is_teacher and not self.projector_token

    @property
    def is_pupil(self) -> bool:
        """Whether the lab is the lab of a pupil whom the teacher has not removed."""
        return self.membership is not None and not self.membership.is_teacher and not self.membership.is_removed

    @property
    def address(self) -> dict[str, str]:
        """The address parameters that name the class."""
        if self.projector_token:
            return {PROJECTOR_PARAMETER: self.projector_token}
        return {CODE_PARAMETER: self.invitation} if self.invitation else {}

    @property
    def polling_interval(self) -> float | None:
        """Seconds between two polls; `None` without a class."""
        if self.membership is None:
            return None
        return PUPIL_INTERVAL if self.is_pupil else TEACHER_INTERVAL

    @property
    def page_state(self) -> tuple[Any, ...]:
        """The state on which all pages of a pupil depend."""
        return (self.membership.room.version, self.membership.nickname) if self.membership and not self.is_teacher else ()

    @property
    def digits(self) -> tuple[int, ...]:
        """The digits that the session draws."""
        return self.room.options.digits if self.room else ClassOptions().digits

    @property
    def may_train(self) -> bool:
        """Whether the session may train."""
        return not self.is_pupil or self.room is None or self.room.options.may_train

    @synchronized
    def begin(self, code: str, projector_token: str) -> None:
        """Store the join code and the token of the projector in the page's address. Only the first call has an effect."""
        if not self.is_begun:
            self.is_begun, self.invitation, self.projector_token = True, code, projector_token

    @synchronized
    def invite(self, code: str, name: str) -> None:
        """Set the join code of the class that the person may join, and the name of the class."""
        self.invitation, self.invited_to, self.notice = code, name, ""

    @synchronized
    def decline(self) -> None:
        """Ignore the join code."""
        self.invitation = self.invited_to = self.notice = ""

    @synchronized
    def attach(self, token: str, membership: Membership | None) -> None:
        """Set the class of a lab."""
        self.token, self.membership, self.is_expected = token, membership, False
        if membership is None:
            self._pupils, self.drawings = (), ClassDrawings()

    @synchronized
    def leave(self) -> None:
        """Record that the lab has left its class."""
        self.left_class = self.room.name if self.room else ""
        self.attach(self.token, None)

    def is_due(self) -> bool:
        """Return whether the next poll is due."""
        return time.monotonic() - self._read_at >= (self.polling_interval or 0) / 2

    @property
    def needs_reading(self) -> bool:
        """Whether there is a class to read. A lab without a class gets one only by an action of this session."""
        return self.is_expected or self.membership is not None or bool(self.projector_token)

    @synchronized
    def expect(self, has_class: bool) -> None:
        """Record whether the lab that was opened has a class."""
        self.is_expected = has_class

    def read(self, classes: ClassStore, token: str) -> None:
        """Read the class of a lab if it has changed.

        Args:
            classes: The store of classes.
            token: Token of the lab, or of the teacher's lab for a projector.

        Raises:
            StoreUnreachableError: If the database does not answer.
        """
        self._read_at = time.monotonic()
        if token == self.token and classes.version(token) == self._version():
            found = self.membership
        elif self.projector_token:
            room = classes.find_view(token)
            found = Membership(room, room.id, "") if room else None
        else:
            found = classes.find(token)
        known = {pupil.id: pupil for pupil in self._pupils}
        pupils = classes.pupils(found.room.id, known) if found and found.is_teacher else ()
        with self.lock:
            self._set_pupils(found, pupils)
            self.attach(token, found)

    def _version(self) -> tuple[str, int, str] | None:
        return (self.membership.room.id, self.membership.room.version, self.membership.nickname) if self.membership else None

    def _set_pupils(self, found: Membership | None, pupils: tuple[Pupil, ...]) -> None:
        """Gather the drawings again if a lab or a decision of the teacher has changed."""
        has_changed = len(pupils) != len(self._pupils) or any(a is not b for a, b in zip(pupils, self._pupils, strict=True))
        if found and (has_changed or found is not self.membership):
            self.drawings = gather(pupils, found.room.state, found.room.options)
            if self.reviewed is not None:
                self.reviewed = self.reviewed.still_in(self.drawings)
        self._pupils = pupils

    def round(self, number: int) -> ClassDrawings:
        """Return the drawings of an earlier round, counted from 0."""
        room = self.room
        return gather(self._pupils, room.state, room.options, number) if room else ClassDrawings()

    @property
    def without_drawings(self) -> frozenset[str]:
        """Identifiers of the pupils whose labs have no drawing, also from earlier rounds."""
        present = {pupil.id for pupil in self.drawings.pupils}
        return frozenset(pupil.id for pupil in self._pupils if pupil.id in present and not len(pupil.samples))

    @property
    def has_learnt_from_absent(self) -> bool:
        """Whether the published model has learnt from drawings that are not in the class any more."""
        room = self.room
        if room is None or not room.has_model:
            return False
        pupils = [pupil for pupil in self._pupils if pupil.id not in room.state.removed_pupils]
        present = frozenset().union(*(pupil.samples.digit_hashes for pupil in pupils)) - room.state.removed_drawings
        return not room.state.learnt <= present

    @property
    def removed(self) -> list[Pupil]:
        """The pupils whom the teacher has removed."""
        return [pupil for pupil in self._pupils if self.room and pupil.id in self.room.state.removed_pupils]

    @synchronized
    def set_room(self, room: StoredClass, notice: str = "", undo: Callable[[ClassState], ClassState] | None = None) -> None:
        """Store the class after a change by this session."""
        if self.membership is not None:
            self.membership = self.membership._replace(room=room)
            self.drawings = gather(self._pupils, room.state, room.options)
            self.reviewed = None
        self.notice, self.undo = notice, undo

    @synchronized
    def set_notice(self, sentence: str) -> None:
        """Set the outcome of the last action."""
        self.notice, self.undo = sentence, None

    @synchronized
    def review(self) -> None:
        """Review the labels of the present drawings."""
        self.reviewed = self.drawings

    @synchronized
    def leave_out(self, task: LeaveOutTask) -> None:
        """Store the task of the leave-one-out table of the present drawings."""
        self.left_out = self.drawings, task

    @property
    def has_new_model(self) -> bool:
        """Whether a model was published that this session has not read yet."""
        return self.room is not None and self.room.has_model and self.room.state.n_published > self.n_published

    @synchronized
    def mark_applied(self, model: ModelBundle | None) -> None:
        """Record that the sent settings were applied and the published model was read."""
        if room := self.room:
            self.n_sent = room.state.n_sent
            if model is not None:
                self.model, self.n_published = model, room.state.n_published

    def counted(self, samples: SampleSet) -> SampleSet:
        """Return the samples of a pupil that count in the class."""
        room = self.room
        return counted(samples, room.state, room.options) if room else samples

    def reason_against(self, digit: int) -> str:
        """Return the reason why a pupil must not label drawings with a digit; "" if the class draws the digit."""
        if self.room is None or not self.is_pupil or digit in self.digits:
            return ""
        return f"This class draws {', '.join(map(str, self.digits))}."

    def refuse_label(self, digit: int, samples: SampleSet) -> str:
        """Return the reason why a pupil must not label a drawing with a digit; "" if there is none.

        Args:
            digit: The label.
            samples: The samples of the pupil.
        """
        room = self.room
        if room is None or not self.is_pupil:
            return ""
        if reason := self.reason_against(digit):
            return f"{reason} The drawing was not labelled."
        if len(self.counted(samples)) >= room.options.max_drawings:
            return f"You have {room.options.max_drawings} drawings, which is the maximum in this class."
        since = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=1)).isoformat(timespec="seconds")
        is_fast = sum(date > since for date in samples.dates) >= MAX_PER_MINUTE  # Drawings of another tab count, too.
        return TOO_FAST if is_fast else ""

    def preferences(self) -> dict[str, Any]:
        """Return the values to store with the lab of a pupil."""
        return {"n_sent": self.n_sent} if self.is_pupil else {}

    @synchronized
    def restore(self, preferences: dict[str, Any]) -> None:
        """Restore the stored values. Values of a wrong type are ignored."""
        n_sent = preferences.get("n_sent")
        self.n_sent = n_sent if isinstance(n_sent, int) else 0


def hide(pupil: str, is_hidden: bool) -> Callable[[ClassState], ClassState]:
    """Return the change that hides or shows the nickname of a pupil."""
    return lambda state: replace(state, hidden=_with(state.hidden, frozenset({pupil}), is_hidden))


def remove_pupils(pupils: frozenset[str], are_removed: bool) -> Callable[[ClassState], ClassState]:
    """Return the change that removes pupils from the class, or restores them."""
    return lambda state: replace(state, removed_pupils=_with(state.removed_pupils, pupils, are_removed))


def remove_drawings(hashes: frozenset[str], are_removed: bool) -> Callable[[ClassState], ClassState]:
    """Return the change that removes drawings from the class, or restores them."""
    return lambda state: replace(state, removed_drawings=_with(state.removed_drawings, hashes, are_removed))


def begin_round(hashes: frozenset[str]) -> Callable[[ClassState], ClassState]:
    """Return the change that archives the drawings with these content hashes as a round."""
    return lambda state: replace(state, rounds=(*state.rounds, hashes))


def end_round(state: ClassState) -> ClassState:
    """Continue the last archived round."""
    return replace(state, rounds=state.rounds[:-1])


def send_settings(preferences: dict[str, Any]) -> Callable[[ClassState], ClassState]:
    """Return the change that sends preferences of the Train page to all pupils."""
    return lambda state: replace(state, settings=preferences, n_sent=state.n_sent + 1)


def _with(names: frozenset[str], changed: frozenset[str], are_in: bool) -> frozenset[str]:
    return names | changed if are_in else names - changed
