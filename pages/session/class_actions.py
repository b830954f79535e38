"""What a session does in its class: start, join and leave it, follow the teacher, and change the teacher's decisions."""

from collections.abc import Callable

import streamlit as st

from digitcore.classroom import rules
from digitcore.classroom.pupils import ClassState
from digitcore.classroom.rules import ClassOptions
from digitcore.errors import DigitLabError, LabError, StoreUnreachableError
from digitcore.storage import database
from digitcore.storage.background_saver import BackgroundSaver, SaveState
from digitcore.storage.classes import UNKNOWN_CODE, ClassStore, Membership, StoredClass
from digitcore.storage.snapshot import LabSnapshot
from pages.session import persistence, resources, state
from pages.session.classroom import CODE_PARAMETER, PROJECTOR_PARAMETER
from pages.session.lab_session import LabSession
from pages.session.model_library import PRETRAINED, UNTRAINED
from pages.session.persistence import TOKEN_PARAMETER

MAX_CODE_TEXT = 20  # characters of a join code in the address
SAVE_SECONDS = 5.0  # maximum time to wait for the teacher's lab to be saved
NO_STORE = "This server does not save labs now, so it has no classes."
TOO_MANY_CODES = "Too many wrong codes were typed. Wait a minute, then type the code again."
UNREACHABLE = "The class cannot be reached now. The page tries again."
SENT_WIDGETS = ("start_from", "start_run")


def begin(session: LabSession) -> None:
    """Read the join code or the token of a projector in the page's address at the first run."""
    names = (CODE_PARAMETER, PROJECTOR_PARAMETER)
    code, token = (st.query_params.get(name, "") for name in names) if not resources.is_store_off() else ("", "")
    session.classroom.begin(code[:MAX_CODE_TEXT], token)


def is_at_class(session: LabSession) -> bool:
    """Return whether the page's address names a class, a projector or the lab of a teacher. The first run of a session asks."""
    begin(session)
    if not session.classroom.address and TOKEN_PARAMETER in st.query_params:
        persistence.restore(session)
        follow(session)
    return bool(session.classroom.address) or session.classroom.is_teacher


def follow(session: LabSession, only_if_due: bool = False) -> None:
    """Read the class of the session's lab. A pupil's session applies sent settings and published models.

    Args:
        session: The session.
        only_if_due: Whether to do nothing if the class was read a moment ago.
    """
    classroom, saved = session.classroom, session.saving.state
    token = classroom.projector_token or (saved.token if saved and saved.version else "")
    if not token or not classroom.needs_reading or (only_if_due and not classroom.is_due()):
        return
    if (classes := resources.classes()) is None:
        return
    try:
        classroom.read(classes, token)
        if room := classroom.room:
            model = classes.model(room.id) if classroom.has_new_model else None
            if session.follow_class(room, model):
                for name in SENT_WIDGETS:
                    state.forget_widget(name)
        if classroom.notice == UNREACHABLE:
            classroom.set_notice("")
    except LabError:
        classroom.set_notice(UNREACHABLE)


def invite(session: LabSession, text: str) -> None:
    """Check the join code in a text, and offer its class to the person. A notice says why a code is refused."""
    try:
        session.classroom.invite(*check_code(text))
    except LabError as error:
        session.classroom.set_notice(str(error))


def check_code(text: str) -> tuple[str, str]:
    """Return the join code in a text and the name of its class. Wrong codes are limited.

    Raises:
        LabError: If no open class has the code, or too many wrong codes were tried.
    """
    guesses, address, classes = resources.code_guesses(), st.context.ip_address or "", resources.classes()
    if classes is None:
        raise LabError(NO_STORE)
    if guesses.is_exceeded(address):
        raise LabError(TOO_MANY_CODES)
    code = rules.read_code(text)
    try:
        if not code:
            raise LabError(UNKNOWN_CODE)
        return code, classes.check_code(code).name
    except StoreUnreachableError:
        raise
    except LabError:
        guesses.count(address)
        raise


def join(session: LabSession, code: str, nickname: str) -> None:
    """Join a class with a new lab. The present lab is kept at its link.

    Raises:
        LabError: If the code or the nickname is refused. Then nothing has changed.
    """
    code, _ = check_code(code)
    nickname = rules.check_nickname(nickname)
    saver = _saver()
    token, empty = database.new_token(), LabSnapshot()
    version = saver.store.save(token, empty)
    try:
        membership = _classes().join(token, code, nickname)
    except LabError:
        saver.store.delete(token)
        raise
    with session.lock:
        session.replace_with(empty)  # This makes a new part `classroom`.
        session.saving.end_waiting(SaveState(token, version, empty, empty))
        session.classroom.begin("", "")
        session.classroom.attach(token, membership)
        session.activate(PRETRAINED)  # The tiles show what this model reads until the teacher publishes a model.
    for name in SENT_WIDGETS:
        state.forget_widget(name)
    follow(session)


def leave(session: LabSession) -> None:
    """Leave the class. The drawings stay in the pupil's lab and do not belong to the class any more."""
    try:
        _classes().leave(session.classroom.token)
    except LabError as error:
        session.classroom.set_notice(str(error))
    else:
        session.classroom.leave()


def start(session: LabSession, name: str, options: ClassOptions) -> None:
    """Start a class. The lab of the session becomes the lab of the teacher. Its trainings start from genius by default.

    Raises:
        LabError: If the name is not allowed, or the lab cannot be saved.
    """
    name, saver, snapshot = rules.check_class_name(name), _saver(), session.snapshot()
    saved = session.saving.start(snapshot)
    if writing := saver.save(saved, snapshot):
        try:
            writing.result(SAVE_SECONDS)
        except TimeoutError as error:
            raise LabError(saved.error or UNREACHABLE) from error
    room = _classes().create(saved.token, name, options)
    session.classroom.attach(saved.token, Membership(room, room.id, ""))
    if session.start_model()[0].name == UNTRAINED:
        session.activate(PRETRAINED)  # The pupils compare their class with this model.
    for widget in SENT_WIDGETS:
        state.forget_widget(widget)
    follow(session)


def decide(
    session: LabSession,
    change: Callable[[ClassState], ClassState],
    notice: str = "",
    undo: Callable[[ClassState], ClassState] | None = None,
) -> None:
    """Change the decisions of the teacher.

    Args:
        session: The session of the teacher.
        change: Function of the present decisions.
        notice: The outcome, in a sentence.
        undo: Function that undoes the change.
    """
    update(session, lambda room: _classes().change(room.id, change), notice, undo)


def update(
    session: LabSession,
    change: Callable[[StoredClass], StoredClass],
    notice: str = "",
    undo: Callable[[ClassState], ClassState] | None = None,
) -> None:
    """Change the class of the session. An error becomes the notice.

    Args:
        session: The session of the teacher.
        change: Writes the change, and returns the new class.
        notice: The outcome, in a sentence.
        undo: Function that undoes the change.
    """
    room = session.classroom.room
    if room is None or not session.classroom.is_teacher:
        return
    try:
        session.classroom.set_room(change(room), notice, undo)
    except DigitLabError as error:
        session.classroom.set_notice(str(error))


def _classes() -> ClassStore:
    if (classes := resources.classes()) is None:
        raise LabError(NO_STORE)
    return classes


def _saver() -> BackgroundSaver:
    if (saver := resources.saver()) is None:
        raise LabError(NO_STORE)
    return saver
