"""Saving the lab of a session after each change, and finding it again by the page's address."""

import contextlib

import streamlit as st

from digitcore.errors import LabError
from digitcore.storage import database
from digitcore.storage.background_saver import BackgroundSaver, SaveState
from digitcore.storage.database import StoredLab
from pages.session import resources, state
from pages.session.lab_session import LabSession
from pages.session.resources import ActiveWork

TOKEN_PARAMETER = "lab"  # of the address
WRITE_SECONDS = 0.3  # to wait for a write, so that what the page says of it is true; a slow one goes on in the background
READ_SECONDS = 1.0  # to wait for what another window of this server is about to write
DELETE_SECONDS = 5.0
RESTORED_WIDGETS = ("start_from", "start_run", "hold_out", "train_after_label", "paper")  # drawn perhaps before the lab came
MAX_SKIPPED = 5  # damaged parts that are named
UNKNOWN_TOKEN = "There is no lab under this address: it was forgotten, or nobody opened it for long. This is a new one."
AWAITED = (
    "Your saved lab cannot be reached now. What you do here is kept in this window, and added to your lab as soon as it is back."
)
BACK_AGAIN = "Your lab is back, and what you did meanwhile was added to it."


def restore(session: LabSession) -> None:
    """Open the lab that the page's address names: at the first run, and again while its store does not answer."""
    saving = session.saving
    saving.begin("" if resources.is_store_off() else st.query_params.get(TOKEN_PARAMETER, ""))
    if not saving.take_turn():
        return
    saver = resources.saver()
    if saver is None:
        saving.notice = resources.store_error()
        return
    _open(session, saver, saving.awaited_token)


def _open(session: LabSession, saver: BackgroundSaver, token: str) -> None:
    """Become the lab of this token, or note why not."""
    try:
        saver.flush(token, READ_SECONDS)
        found = saver.store.load(token)
    except LabError:
        session.saving.notice = AWAITED
        return
    if found is None:
        session.saving.end_waiting(notice=UNKNOWN_TOKEN)
        return
    saver.mark_used(token)
    _take_over(session, token, found)


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
        saved = SaveState(token, found.version, found.snapshot, found.snapshot, is_partial=bool(found.skipped))
        session.saving.end_waiting(saved, " ".join(found.skipped[:MAX_SKIPPED]))
    if not is_empty:
        st.toast(BACK_AGAIN)


def save(session: LabSession) -> None:
    """Write what has changed; a lab gets its address with the first thing that is worth saving."""
    saver, snapshot, saving = resources.saver(), session.snapshot(), session.saving
    if saving.awaited_token:
        _show_token(saving.awaited_token)  # a change of the page has taken it out of the address
        return
    if saver is None or (saving.state is None and snapshot.is_empty):
        return
    with session.lock:
        if saving.state is None:
            saving.state = SaveState(database.new_token())
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
    _note_work(session, saved.token)
    _show_token(saved.token)


def address(session: LabSession) -> dict[str, str]:
    """What the address of each page holds of this lab."""
    token = session.saving.awaited_token or (session.saving.state.token if session.saving.state else "")
    return {TOKEN_PARAMETER: token} if token else {}


def _show_token(token: str) -> None:
    """Make a lab's token the page's address; the settings of a link stand in the lab from now on."""
    if st.query_params.to_dict() != {TOKEN_PARAMETER: token}:
        st.query_params.from_dict({TOKEN_PARAMETER: token})


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


def _note_work(session: LabSession, token: str) -> None:
    """So that a session that comes after a reload finds what runs."""
    training = session.training
    sweep = training.sweep if training.sweep and not training.sweep.is_idle else None
    if training.job or sweep:
        resources.active_work()[token] = ActiveWork(training.job, sweep, session.owner)
    else:
        resources.active_work().pop(token, None)
