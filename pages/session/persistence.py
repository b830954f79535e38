"""The lab of a session in the store: restore, copy, adopt, save and delete it."""

import contextlib
from collections.abc import Callable
from concurrent.futures import Future

import streamlit as st

from digitcore.errors import LabError
from digitcore.jobs.tasks import TrainTask
from digitcore.storage import database
from digitcore.storage.background_saver import BackgroundSaver, SaveState
from digitcore.storage.database import StoredLab
from digitcore.sweeps.runner import was_running
from pages.session import resources, state
from pages.session.lab_session import LabSession
from pages.session.sweep_recorder import ActiveWork, forget_ended

TOKEN_PARAMETER, VIEW_PARAMETER = "lab", "view"  # parameters of the page's address
WRITE_SECONDS = 0.3  # A write that takes longer continues in the background, and the page says so.
READ_SECONDS = 1.0  # maximum time to wait for the write of another window
DELETE_SECONDS = 5.0
POLL_SECONDS = 0.05  # maximum time that a fragment waits for the database
# These widgets may be drawn before the lab is restored.
RESTORED_WIDGETS = ("start_from", "start_run", "hold_out", "train_after_label", "paper")
MAX_SKIPPED = 5  # damaged parts that the page names
UNKNOWN_TOKEN = "The lab was deleted or has expired. You are in a new lab."
AWAITED = (
    "Your lab cannot be reached now. Your changes are kept in this window and are added to your lab when the database responds."
)
COPY = "This is a copy of a lab. Your changes are saved in a new lab, and the original does not change."
REWRITTEN = "The database of the server was deleted. This lab was saved again. Labs that were not open are lost."
BACK_AGAIN = "Your lab is available again. Your changes were added to it."


def restore(session: LabSession) -> None:
    """Open the lab of the page's address at the first run, and try again while the store does not respond."""
    saving = session.saving
    names = () if resources.is_store_off() else (TOKEN_PARAMETER, VIEW_PARAMETER)
    saving.begin(*(st.query_params.get(name, "") for name in names))
    if not saving.take_turn():
        return
    saver = resources.saver()
    if saver is None:
        saving.set_notice(resources.store_error())
        return
    _open(session, saver, saving.awaited_token)


def _open(session: LabSession, saver: BackgroundSaver, token: str) -> None:
    """Load the lab of this token, or set a notice that says why it cannot be loaded."""
    is_copy = bool(session.saving.view_token)
    try:
        saver.flush(token, READ_SECONDS)
        found = saver.store.load_view(token) if is_copy else saver.store.load(token)
    except LabError:
        session.saving.set_notice(AWAITED)
        return
    if found is None:
        session.saving.end_waiting(notice=UNKNOWN_TOKEN)
        return
    if is_copy:
        _open_copy(session, found)
        return
    saver.mark_used(token)
    _open_own(session, token, found)


def _open_copy(session: LabSession, found: StoredLab) -> None:
    with session.lock:
        if session.snapshot().is_empty:
            session.restore(found.snapshot)
        else:
            session.restore_before(found.snapshot)
        session.saving.end_waiting_for_copy(session.snapshot(), COPY)
    st.toast(COPY, duration="long")


def _open_own(session: LabSession, token: str, found: StoredLab) -> None:
    works = resources.active_work()
    running = [work for work in list(works.values()) if work.token == token]
    left = next((work for work in running if not resources.is_connected(work.owner)), None)
    for key in RESTORED_WIDGETS:
        state.forget_widget(key)
    with session.lock:
        is_empty = session.snapshot().is_empty
        if left is not None:  # A session runs one training. The work of a further device waits for its own reload.
            session.work.adopt(left.jobs, session.owner)
            session.training.adopt_sweep(left.sweep, session.owner)
            works.pop(left.owner, None)
        if is_empty:
            session.restore(found.snapshot)
        else:
            session.restore_before(found.snapshot)
        if not running and is_empty and was_running(found.snapshot.sweep):
            session.training.resume_sweep(session.owner)
        saved = SaveState(token, found.version, found.snapshot, found.snapshot, damaged=found.damaged)
        session.classroom.expect(found.has_class)
        session.saving.end_waiting(saved, " ".join(found.skipped[:MAX_SKIPPED]), is_opened_by_link=True)
    if not is_empty:
        st.toast(BACK_AGAIN)


def save(session: LabSession) -> None:
    """Save the changes of the lab. A lab gets its address when it is saved for the first time."""
    saver, saving = resources.saver(), session.saving
    if saving.awaited_token:
        _show(address(session))  # A change of the page has removed the token from the address.
        return
    if saver is None or (saving.state is None and not _is_worth_saving(session)):
        return
    saved = saving.start(session.snapshot())
    if writing := _submit(session, saver, saved):
        with contextlib.suppress(TimeoutError):
            writing.result(WRITE_SECONDS)
    if saver.take_rewritten(saved):
        saving.set_notice(REWRITTEN)
    saver.poll(saved)
    _note_work(session, saved.token, lambda: _submit(session, saver, saved))
    _show(address(session))


def _is_worth_saving(session: LabSession) -> bool:
    """Return whether a lab that is not stored has content that is not a copy of another lab."""
    snapshot = session.snapshot()
    return not (snapshot.is_empty or snapshot.is_looked_at(session.saving.copied))


def _submit(session: LabSession, saver: BackgroundSaver, saved: SaveState) -> Future[None] | None:
    """Queue a write of the session's lab. The lock keeps `take_over` from changing the lab in between."""
    with session.lock:
        return saver.save(saved, session.snapshot())


def poll(session: LabSession) -> bool:
    """Look for changes of other devices. Return whether there are some that `take_over` takes over."""
    saver, saved = resources.saver(), session.saving.state
    if saver is None or saved is None:
        return False
    if looking := saver.poll(saved):
        with contextlib.suppress(TimeoutError):
            looking.result(POLL_SECONDS)
    return saved.has_incoming


def take_over(session: LabSession) -> None:
    """Take over the changes of other devices before the page is drawn, and say so."""
    saver, saved = resources.saver(), session.saving.state
    if saver is None or saved is None or not saved.has_incoming:
        return
    with session.lock:
        changes = saver.take(saved, session.snapshot())
        sentence = session.take_over(changes)
        saver.confirm(saved, changes, session.snapshot())
        session.saving.mark_shared()
    if sentence:
        st.toast(sentence, duration="long")


def address(session: LabSession) -> dict[str, str]:
    """Return the address parameters that name this lab on each page."""
    saving, room = session.saving, session.classroom.address
    if saving.view_token:
        return {VIEW_PARAMETER: saving.view_token} | room
    token = saving.awaited_token or (saving.state.token if saving.state else "")
    return ({TOKEN_PARAMETER: token} if token else {}) | room


def view_address(session: LabSession) -> dict[str, str]:
    """Return the address parameters of the read-only link; {} before the lab is saved."""
    return {VIEW_PARAMETER: database.view_token(session.saving.state.token)} if session.saving.state else {}


def _show(address: dict[str, str]) -> None:
    """Make the lab's token the page's address. It replaces the settings of a link, which are part of the lab now."""
    if st.query_params.to_dict() != address:
        st.query_params.from_dict(address)


def error(session: LabSession) -> str:
    """Return the reason why the lab is not saved, or is not the lab of the address; "" if there is no reason."""
    saved = session.saving.state
    return (saved.error if saved else "") or session.saving.notice or resources.store_error()


def delete(session: LabSession) -> str:
    """Delete the lab from the store. Return the reason if that fails, else ""."""
    saver, saved = resources.saver(), session.saving.state
    if saver and saved:
        try:
            saver.delete(saved, DELETE_SECONDS)
        except LabError as error:
            return str(error)
    return ""


def renew_link(session: LabSession) -> str:
    """Give the lab new links. The former links open nothing any more. Return the reason if that fails, else ""."""
    saver, saved = resources.saver(), session.saving.state
    if saver is None or saved is None:
        return resources.store_error()
    former = saved.token
    try:
        saver.renew_token(saved, DELETE_SECONDS)
    except LabError as error:
        return str(error)
    for work in list(resources.active_work().values()):
        if work.token == former:
            work.token = saved.token
    return ""


def size(session: LabSession) -> int | None:
    """Return the size of the stored lab in bytes; `None` if it is not stored."""
    saver, saved = resources.saver(), session.saving.state
    if saver is None or saved is None or not saved.version:
        return None
    try:
        return saver.store.size(saved.token)
    except LabError:
        return None


def _note_work(session: LabSession, token: str, save: Callable[[], object]) -> None:
    """Record the running work of the lab, so that the session after a reload can adopt the work."""
    sweep = session.training.sweep
    sweep = sweep if sweep and not sweep.is_idle else None
    jobs = tuple(session.work.running(TrainTask))
    works = resources.active_work()
    if jobs or sweep:
        noted = works.get(session.owner)
        if noted is None:
            forget_ended(works, resources.is_present)
        works[session.owner] = ActiveWork(token, jobs, sweep, session.owner, save, noted.n_recorded if noted else -1)
    else:
        works.pop(session.owner, None)
    if sweep:
        resources.sweep_recorder()
