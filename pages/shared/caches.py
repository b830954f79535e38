"""What all sessions share: the shipped models, their predictors, the worker."""

import os
import time

import numpy as np
import streamlit as st
from streamlit import runtime
from streamlit.runtime.secrets import secrets_singleton as secrets
from zict import LRU

from digitcore import mnist, models, store
from digitcore.errors import LabError, ModelError
from digitcore.jobs import Job, JobService
from digitcore.models import ModelBundle
from digitcore.predictor import Predictor
from digitcore.runs import TrainSettings
from digitcore.store import Keeper, Store

KEPT = 200  # results of the worker, 0.4 MB each at most
COMES_BACK = 120  # s that Streamlit keeps a session whose connection was lost


@st.cache_resource(show_spinner=False)
def shipped(name: str) -> ModelBundle:
    """A model of the shelf."""
    return models.load(name)


@st.cache_data(show_spinner=False)
def shelf() -> list[str]:
    """The names of the shipped models whose files are sound. Opens all of them: for pages that show them."""
    return [name for name in models.names() if not damage(name)]


@st.cache_data(show_spinner=False)
def damage(name: str) -> str:
    """What is wrong with a shipped model's files, in a sentence; "" when they are sound."""
    try:
        shipped(name)
    except ModelError as error:
        return str(error)
    return ""


@st.cache_resource(show_spinner=False, max_entries=64, hash_funcs={ModelBundle: lambda bundle: bundle.hash})
def predictor(bundle: ModelBundle) -> Predictor:
    """A model ready to answer."""
    return bundle.predictor()


@st.cache_data(show_spinner=False, max_entries=256, hash_funcs={ModelBundle: lambda bundle: bundle.hash})
def probabilities(bundle: ModelBundle, digits: np.ndarray) -> np.ndarray:
    """What a model answers to digits, (N, 28, 28) uint8 → (N, 10) float32; remembered."""
    return predictor(bundle).probabilities(digits)


@st.cache_resource(show_spinner=False)
def results() -> LRU:
    """What the worker has found out, by what was asked and of which model."""
    return LRU(KEPT, {})


@st.cache_resource(show_spinner=False)
def jobs() -> JobService:
    """The worker of this server."""
    return JobService(is_there=_is_there)


@st.cache_resource(show_spinner=False)
def _open_keeper() -> Keeper:
    url = os.environ.get(store.ENVIRONMENT)
    named = secrets.load_if_toml_exists() and "labs" in st.secrets.get("connections", {})
    options = {} if named and not url else {"url": store.normal_url(url or store.default_url())}
    days = os.environ.get("DIGITLAB_KEEP_DAYS", "")
    try:
        engine = st.connection("labs", type="sql", **options).engine
    except store.BAD_URL as error:
        raise LabError(store.UNNAMED) from error
    return Keeper(Store(engine), float(days) if days.isdigit() else store.DAYS)


@st.cache_data(show_spinner=False, ttl=30)
def store_trouble() -> str:
    """Why labs are not saved, in a sentence; "" when they are, or when this server shall not."""
    if os.environ.get(store.ENVIRONMENT) == store.OFF:
        return ""
    try:
        _open_keeper()
    except LabError as error:
        return str(error)
    return ""


def keeper() -> Keeper | None:
    """What saves labs; None where storing is switched off or the store is out of reach."""
    return None if os.environ.get(store.ENVIRONMENT) == store.OFF or store_trouble() else _open_keeper()


@st.cache_resource(show_spinner=False)
def under_way() -> dict[str, tuple[Job, TrainSettings, ModelBundle | None]]:
    """The trainings that run for labs of the store, by the lab's token: the job, its settings, what it started from."""
    return {}


_last_seen: dict[str, float] = {}  # session id → when it was last connected, in s


def is_connected(session: str) -> bool:
    """Whether a session has a browser at this moment."""
    return runtime.exists() and runtime.get_instance().is_active_session(session)


def _is_there(session: str) -> bool:
    """Whether a session is connected, or was so lately that its browser may come back; a sweep's owner is “session/sweep”."""
    session = session.partition("/")[0]
    if not runtime.exists():
        return True
    now = time.monotonic()
    if is_connected(session):
        _last_seen[session] = now
    return now - _last_seen.setdefault(session, now) < COMES_BACK


@st.cache_data(show_spinner=False, ttl=10)
def has_mnist() -> bool:
    """Whether the data set is on this machine."""
    return mnist.is_here()
