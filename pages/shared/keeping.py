"""Keeping the lab: written in the background after each change, found again by the page's address."""

import contextlib

import streamlit as st

from digitcore import store
from digitcore.errors import LabError
from digitcore.store import Keeper, Kept
from pages.shared import caches
from pages.shared.lab import Lab

ADDRESS = "lab"  # the query parameter
MOMENT = 0.3  # s
UNKNOWN = "There is no lab under this address: it was forgotten, or nobody opened it for long. This is a new one."


def find(lab: Lab) -> None:
    """Once a session: open the lab that the page's address names."""
    if lab.sought:
        return
    lab.sought = True
    token, keeper = st.query_params.get(ADDRESS), caches.keeper()
    if token and keeper:
        lab.moved = _open(lab, keeper, token)


def _open(lab, keeper, token):
    """Be the lab of this token; what went wrong, in a sentence."""
    try:
        keeper.wait()  # what another window of this server is about to write
        found = keeper.store.load(token)
    except LabError as error:
        return str(error)
    if found is None:
        return UNKNOWN
    record, version = found
    lab.restore(record)
    lab.kept = Kept(token, version, record, record)
    _take_over_training(lab)
    return ""


def keep(lab: Lab) -> None:
    """Write what has changed; a lab gets its address with the first thing that is worth keeping.

    Waits a moment for the write, so that what the page says of it is true; a slow one goes on in the background.
    """
    keeper, record = caches.keeper(), lab.record()
    if keeper is None or (lab.kept is None and not record.worth_keeping):
        return
    if lab.kept is None:
        lab.kept = Kept(store.token())
    if not record.same_as(lab.kept.wanted):
        lab.moved = ""  # it was said; the user has gone on since
    if writing := keeper.keep(lab.kept, record):
        with contextlib.suppress(TimeoutError):
            writing.result(MOMENT)
    if lab.kept.conflict:
        lab.moved, lab.kept = lab.kept.trouble, Kept(store.token())
        keeper.keep(lab.kept, record)
    if st.query_params.get(ADDRESS) != lab.kept.token:
        st.query_params[ADDRESS] = lab.kept.token
    _note_training(lab)


def trouble(lab: Lab) -> str:
    """Why the lab is not saved, or not the one of the address, in a sentence; "" when all is well."""
    return (lab.kept.trouble if lab.kept else "") or lab.moved or caches.store_trouble()


def forget(lab: Lab) -> str:
    """Delete the lab from the store; what went wrong, in a sentence."""
    keeper: Keeper | None = caches.keeper()
    if keeper and lab.kept:
        try:
            keeper.wait()
            keeper.store.forget(lab.kept.token)
        except LabError as error:
            return str(error)
    return ""


def size(lab: Lab) -> int | None:
    """Bytes of the lab in the store; None where it is not there."""
    keeper = caches.keeper()
    if keeper is None or lab.kept is None or not lab.kept.version:
        return None
    try:
        return keeper.store.size(lab.kept.token)
    except LabError:
        return None


def _note_training(lab):
    """So that a session that comes after a reload finds the training that runs."""
    if lab.training:
        caches.under_way()[lab.kept.token] = lab.training, lab.settings, lab.pending
    else:
        caches.under_way().pop(lab.kept.token, None)


def _take_over_training(lab):
    """Of a session that has gone; while it is there, the run is its own."""
    job, settings, start = caches.under_way().get(lab.kept.token, (None, lab.settings, None))
    if job is not None and not caches.is_connected(job.owner):
        job.owner = lab.owner
        lab.training, lab.settings, lab.pending = job, settings, start
