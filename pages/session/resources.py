"""What all sessions share: the shipped models, their predictors, the worker, the store. The only caches."""

import contextlib
import functools
import time
from collections.abc import Mapping, MutableMapping
from types import MappingProxyType
from typing import Any

import numpy as np
import streamlit as st
from streamlit import runtime
from streamlit.runtime.secrets import secrets_singleton as secrets
from zict import LRU

from digitcore import mnist
from digitcore.config import load_config
from digitcore.errors import LabError, ModelError
from digitcore.jobs.service import JobService
from digitcore.models import registry
from digitcore.models.bundle import ModelBundle
from digitcore.predictor import Predictor
from digitcore.storage import database
from digitcore.storage.background_saver import BackgroundSaver
from digitcore.storage.database import LabStore
from pages.session.live_budget import LiveBudget
from pages.session.server_resources import ServerResources
from pages.session.sweep_recorder import ActiveWork, SweepRecorder

MAX_RESULTS = 200  # of the worker, 0.4 MB each at most
MAX_PREDICTOR_BYTES = 128_000_000
MAX_PROBABILITIES = 256
RECONNECT_SECONDS = 120  # that Streamlit keeps a session whose connection was lost
STORE_RETRY_SECONDS = 10
MNIST_RETRY_SECONDS = 10
_BY_HASH: dict[str | type, Any] = {ModelBundle: lambda bundle: bundle.hash}


def services() -> ServerResources:
    """What a session needs."""
    return ServerResources(jobs, shipped_model, registry.names, usable_models, probabilities, results)


@st.cache_resource(show_spinner=False)
def shipped_model(name: str) -> ModelBundle:
    """A shipped model."""
    return registry.load(name)


@st.cache_data(show_spinner=False)
def usable_models() -> list[str]:
    """The names of the shipped models whose files are sound. Opens all of them: for pages that show them."""
    return [name for name in registry.names() if not model_error(name)]


@st.cache_data(show_spinner=False)
def model_error(name: str) -> str:
    """What is wrong with a shipped model's files, in a sentence; "" when they are sound."""
    try:
        shipped_model(name)
    except ModelError as error:
        return str(error)
    return ""


@st.cache_resource(show_spinner=False)
def _predictors() -> MutableMapping[str, Predictor]:
    """By the model's hash; the memory of all together is limited."""
    cache: MutableMapping[str, Predictor] = LRU(MAX_PREDICTOR_BYTES, {}, weight=lambda _, predictor: predictor.n_bytes)
    return cache


def predictor(bundle: ModelBundle) -> Predictor:
    """A model's predictor."""
    cache = _predictors()
    with contextlib.suppress(KeyError):
        return cache[bundle.hash]
    made = bundle.predictor()
    cache[bundle.hash] = made
    return made


@st.cache_data(show_spinner=False, max_entries=MAX_PROBABILITIES, hash_funcs=_BY_HASH)
def probabilities(bundle: ModelBundle, digits: np.ndarray) -> np.ndarray:
    """A model's probabilities for digits, (N, 28, 28) uint8 → (N, 10) float32."""
    return predictor(bundle).probabilities(digits)


@st.cache_resource(show_spinner=False)
def results() -> MutableMapping[Any, Any]:
    """What the worker has found out, by what was asked and of which model."""
    cache: MutableMapping[Any, Any] = LRU(MAX_RESULTS, {})
    return cache


@st.cache_resource(show_spinner=False)
def live_budget() -> LiveBudget:
    """For the predictions during strokes on this server."""
    return LiveBudget(load_config().live)


@st.cache_resource(show_spinner=False)
def jobs() -> JobService:
    """The worker of this server."""
    return JobService(is_connected=functools.partial(is_present, works=active_work()))


@st.cache_resource(show_spinner=False)
def _open_store() -> BackgroundSaver:
    config = load_config()
    has_secret = secrets.load_if_toml_exists() and "labs" in st.secrets.get("connections", {})
    options: dict[str, Any] = dict(database.ENGINE_OPTIONS)
    if config.store or not has_secret:
        options["url"] = database.with_driver(config.store or database.default_url())
    try:
        connection = st.connection("labs", type="sql", **options)
    except database.URL_ERRORS as error:
        raise LabError(database.BAD_URL) from error
    return BackgroundSaver(LabStore(connection.engine), config.keep_days)


def is_store_off() -> bool:
    """Whether this server shall not save labs."""
    return load_config().is_store_off


@st.cache_data(show_spinner=False, ttl=STORE_RETRY_SECONDS)
def store_error() -> str:
    """Why labs are not saved, in a sentence; "" when they are, or when this server shall not."""
    if is_store_off():
        return ""
    try:
        _open_store()
    except LabError as error:
        return str(error)
    return ""


def saver() -> BackgroundSaver | None:
    """What saves labs; None where storing is switched off or the store cannot be reached."""
    return None if is_store_off() or store_error() else _open_store()


@st.cache_resource(show_spinner=False)
def active_work() -> dict[str, ActiveWork]:
    """What runs for labs of the store, by the lab's token, so that a session that comes after a reload finds it."""
    return {}


@st.cache_resource(show_spinner=False)
def sweep_recorder() -> SweepRecorder:
    """What looks after the sweeps of this server."""
    return SweepRecorder(jobs(), active_work(), is_present)


_last_seen: dict[str, float] = {}  # session id → when it was last connected, in s


def is_connected(session: str) -> bool:
    """Whether a session has a browser at this moment."""
    return runtime.exists() and runtime.get_instance().is_active_session(session)


def is_present(owner: str, works: Mapping[str, ActiveWork] = MappingProxyType({})) -> bool:
    """Whether a session is connected, or was so lately that its browser may come back.

    A sweep's owner is “session/sweep”; one of a saved lab goes on without a browser.
    """
    session, _, kind = owner.partition("/")
    if kind and any(work.owner == session and work.sweep is not None for work in list(works.values())):
        return True
    if not runtime.exists():
        return True
    now = time.monotonic()
    if is_connected(session):
        _last_seen[session] = now
    return now - _last_seen.setdefault(session, now) < RECONNECT_SECONDS


@st.cache_data(show_spinner=False, ttl=MNIST_RETRY_SECONDS)
def has_mnist() -> bool:
    """Whether the data set is on this machine."""
    return mnist.is_available()
