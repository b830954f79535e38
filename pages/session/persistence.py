"""Saving the lab of a session after each change, and finding it again by the page's address."""

import contextlib
from collections.abc import Callable

import streamlit as st

from digitcore.errors import LabError
from digitcore.storage import database
from digitcore.storage.background_saver import BackgroundSaver, SaveState
from digitcore.storage.database import StoredLab
from digitcore.sweeps.runner import was_running
from pages.session import resources, state
from pages.session.lab_session import LabSession
from pages.session.sweep_recorder import ActiveWork

TOKEN_PARAMETER, VIEW_PARAMETER = "lab", "view"  # of the address
WRITE_SECONDS = 0.3  # to wait for a write, so that what the page says of it is true; a slow one goes on in the background
READ_SECONDS = 1.0  # to wait for what another window of this server is about to write
DELETE_SECONDS = 5.0
RESTORED_WIDGETS = ("start_from", "start_run", "hold_out", "train_after_label", "paper")  # drawn perhaps before the lab came
MAX_SKIPPED = 5  # damaged parts that are named
UNKNOWN_TOKEN = "There is no lab under this address: it was forgotten, or nobody opened it for long. This is a new one."
AWAITED = (
    "Your saved lab cannot be reached now. What you do here is kept in this window, and added to your lab as soon as it is back."
)
COPY = "This is a copy of a lab. What you change is saved as a lab of your own; the lab itself stays as it is."
BACK_AGAIN = "Your lab is back, and what you did meanwhile was added to it."


def restore(session: LabSession) -> None:
    """Open the lab that the page's address names: at the first run, and again while its store does not answer."""
    saving = session.saving
    names = () if resources.is_store_off() else (TOKEN_PARAMETER, VIEW_PARAMETER)
    saving.begin(*(st.query_params.get(name, "") for name in names))
    if not saving.take_turn():
        return
    saver = resources.saver()
    if saver is None:
        saving.notice = resources.store_error()
        return
    _open(session, saver, saving.awaited_token)


def _open(session: LabSession, saver: BackgroundSaver, token: str) -> None:
    """Become the lab of this token, or note why not."""
    is_copy = bool(session.saving.view_token)
    try:
        saver.flush(token, READ_SECONDS)
        found = saver.store.load_view(token) if is_copy else saver.store.load(token)
    except LabError:
        session.saving.notice = AWAITED
        return
    if found is None:
        session.saving.end_waiting(notice=UNKNOWN_TOKEN)
        return
    if is_copy:
        _take_copy(session, found)
        return
    saver.mark_used(token)
    _take_over(session, token, found)


def _take_copy(session: LabSession, found: StoredLab) -> None:
    with session.lock:
        if session.snapshot().is_empty:
            session.restore(found.snapshot)
        else:
            session.restore_before(found.snapshot)
        session.saving.end_waiting_for_copy(session.snapshot(), COPY)
    st.toast(COPY, duration="long")


def _take_over(session: LabSession, token: str, found: StoredLab) -> None:
    work = resources.active_work().get(token)
    for key in RESTORED_WIDGETS:
        state.forget_widget(key)
    with session.lock:
        is_empty = session.snapshot().is_empty
        if work is not None and not resources.is_connected(work.owner):
            session.training.adopt(work.job, work.sweep, session.owner)
        if is_empty:
            session.restore(found.snapshot)
        else:
            session.restore_before(found.snapshot)
        if work is None and is_empty and was_running(found.snapshot.sweep):
            session.training.resume_sweep(session.owner)
        saved = SaveState(token, found.version, found.snapshot, found.snapshot, is_partial=bool(found.skipped))
        session.saving.end_waiting(saved, " ".join(found.skipped[:MAX_SKIPPED]))
    if not is_empty:
        st.toast(BACK_AGAIN)


def save(session: LabSession) -> None:
    """Write what has changed; a lab gets its address with the first thing that is worth saving."""
    saver, snapshot, saving = resources.saver(), session.snapshot(), session.saving
    if saving.awaited_token:
        _show(address(session))  # a change of the page has taken it out of the address
        return
    is_worth_saving = not (snapshot.is_empty or snapshot.is_unchanged(saving.copied))
    if saver is None or (saving.state is None and not is_worth_saving):
        return
    with session.lock:
        if saving.state is None:
            saving.state, saving.view_token = SaveState(database.new_token()), ""
        saved = saving.state
        if not snapshot.is_unchanged(saved.pending):
            saving.notice = ""  # it was shown; the user has gone on since
    if writing := saver.save(saved, snapshot):
        with contextlib.suppress(TimeoutError):
            writing.result(WRITE_SECONDS)
    if saved.has_conflict:
        with session.lock:
            saving.notice, saving.state = saved.error, SaveState(database.new_token())
            saved = saving.state
        saver.save(saved, snapshot)
        st.toast(saving.notice, duration="long")
    _note_work(session, saved.token, lambda: saver.save(saved, session.snapshot()))
    _show(address(session))


def address(session: LabSession) -> dict[str, str]:
    """What the address of each page holds of this lab."""
    saving = session.saving
    if saving.view_token:
        return {VIEW_PARAMETER: saving.view_token}
    token = saving.awaited_token or (saving.state.token if saving.state else "")
    return {TOKEN_PARAMETER: token} if token else {}


def view_address(session: LabSession) -> dict[str, str]:
    """What the address for those who may only read this lab holds; {} before it is saved."""
    return {VIEW_PARAMETER: database.view_token(session.saving.state.token)} if session.saving.state else {}


def _show(address: dict[str, str]) -> None:
    """Make a lab's token the page's address; the settings of a link stand in the lab from now on."""
    if st.query_params.to_dict() != address:
        st.query_params.from_dict(address)


def error(session: LabSession) -> str:
    """Why the lab is not saved, or not the one of the address, in a sentence; "" when all is well."""
    saved = session.saving.state
    return (saved.error if saved else "") or session.saving.notice or resources.store_error()


def delete(session: LabSession) -> str:
    """Delete the lab from the store; what went wrong, in a sentence."""
    saver, saved = resources.saver(), session.saving.state
    if saver and saved:
        try:
            saver.delete(saved, DELETE_SECONDS)
        except LabError as error:
            return str(error)
    return ""


def size(session: LabSession) -> int | None:
    """Bytes of the lab in the store; None where it is not there."""
    saver, saved = resources.saver(), session.saving.state
    if saver is None or saved is None or not saved.version:
        return None
    try:
        return saver.store.size(saved.token)
    except LabError:
        return None


def _note_work(session: LabSession, token: str, save: Callable[[], object]) -> None:
    """So that a session that comes after a reload finds what runs."""
    training = session.training
    sweep = training.sweep if training.sweep and not training.sweep.is_idle else None
    works = resources.active_work()
    noted = works.get(token)
    is_own = noted is not None and noted.owner == session.owner
    if training.job or sweep:
        n_recorded = noted.n_recorded if noted is not None and is_own else -1
        works[token] = ActiveWork(training.job, sweep, session.owner, save, n_recorded)
    elif is_own:
        works.pop(token, None)
    if sweep:
        resources.sweep_recorder()
