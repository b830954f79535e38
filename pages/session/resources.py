"""The resources that all sessions share: models, predictors, the job service, the store. All caches are here.

The shipped models are in caches of functools, because each page reads them many times, and a cache of Streamlit is slower.
"""

import contextlib
import functools
import time
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np
import streamlit as st
from streamlit import runtime
from streamlit.runtime.secrets import secrets_singleton as secrets
from zict import LRU

from digitcore import mnist
from digitcore.config import load_config
from digitcore.errors import LabError, ModelError
from digitcore.jobs.job import Job
from digitcore.jobs.service import JobService
from digitcore.jobs.tasks.api_train import ApiTrainTask
from digitcore.models import browser_program, registry
from digitcore.models.bundle import ModelBundle
from digitcore.predictor import Predictor
from digitcore.storage import database
from digitcore.storage.background_saver import BackgroundSaver
from digitcore.storage.classes import ClassStore
from digitcore.storage.database import LabStore
from digitcore.sweeps.trial import TrialTask
from pages.session.guess_limit import GuessLimit
from pages.session.prediction_cache import PredictionCache
from pages.session.server_resources import ServerResources
from pages.session.sweep_recorder import ActiveWork, SweepRecorder

MAX_RESULTS = 200  # results of the worker, each at most 0.4 MB
MAX_PREDICTOR_BYTES = 128_000_000
MAX_PREDICTIONS = 100_000  # cached predictions of one digit, about 0.3 kB each
_BY_HASH: dict[str | type, Any] = {ModelBundle: lambda bundle: bundle.hash}
MAX_PROGRAMS = 16  # programs for the browser, each about as large as a .tflite file
RECONNECT_SECONDS = 120  # Streamlit keeps a session for this time after its connection was lost.
MAX_SEEN = 10_000  # sessions whose last connection is remembered, about 0.2 kB each
STORE_RETRY_SECONDS = 10
MNIST_RETRY_SECONDS = 10


def server_resources() -> ServerResources:
    """Return the resources that a session uses."""
    return ServerResources(jobs, shipped_model, shipped_names, usable_models, probabilities, results)


@functools.cache
def shipped_names() -> Sequence[str]:
    """Return the names of the shipped models."""
    return tuple(registry.names())


@functools.cache
def shipped_model(name: str) -> ModelBundle:
    """Return a shipped model."""
    return registry.load(name)


@functools.cache
def usable_models() -> Sequence[str]:
    """Return the names of the shipped models whose files are valid. This reads the files of all shipped models."""
    return tuple(name for name in shipped_names() if not model_error(name))


@functools.cache
def model_error(name: str) -> str:
    """Return the error message for damaged files of a shipped model; "" if the files are valid."""
    try:
        shipped_model(name)
    except ModelError as error:
        return str(error)
    return ""


@st.cache_resource(show_spinner=False)
def _predictors() -> MutableMapping[str, Predictor]:
    """Return the predictors by the hashes of their models. Their total memory is limited."""
    cache: MutableMapping[str, Predictor] = LRU(MAX_PREDICTOR_BYTES, {}, weight=lambda _, predictor: predictor.n_bytes)
    return cache


def predictor(bundle: ModelBundle) -> Predictor:
    """Return the predictor of a model."""
    cache = _predictors()
    with contextlib.suppress(KeyError):
        return cache[bundle.hash]
    made = bundle.predictor()
    cache[bundle.hash] = made
    return made


@st.cache_resource(show_spinner=False)
def _predictions() -> PredictionCache:
    return PredictionCache(MAX_PREDICTIONS)


def probabilities(bundle: ModelBundle, digits: np.ndarray) -> np.ndarray:
    """Return a model's probabilities for digits, (N, 28, 28) uint8 → (N, 10) float32. Each digit is predicted once."""
    return _predictions().probabilities(bundle.hash, digits, lambda new: predictor(bundle).probabilities(new))


@st.cache_resource(show_spinner=False)
def results() -> MutableMapping[Any, Any]:
    """Return the cache of the worker's results by the keys of their tasks."""
    cache: MutableMapping[Any, Any] = LRU(MAX_RESULTS, {})
    return cache


@st.cache_resource(show_spinner=False, max_entries=MAX_PROGRAMS, hash_funcs=_BY_HASH)
def _browser_program(bundle: ModelBundle) -> bytes | None:
    try:
        return browser_program.convert(bundle.tflite_bytes)
    except ModelError:  # The server reports a damaged file when it predicts.
        return None


def program_path(bundle: ModelBundle) -> str | None:
    """Return the path of a model's program for the browser, below the server's base path; `None` if it cannot run there."""
    program = _browser_program(bundle)
    if program is None:
        return None
    files = runtime.get_instance().media_file_mgr
    return files.add(program, "application/octet-stream", f"program-{bundle.hash}")


@st.cache_resource(show_spinner=False)
def jobs() -> JobService:
    """Return the service that runs jobs."""
    works = active_work()
    return JobService(is_wanted=lambda job: is_wanted(job, works))


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
    """Check whether saving is switched off on this server."""
    return load_config().is_store_off


@st.cache_data(show_spinner=False, ttl=STORE_RETRY_SECONDS)
def store_error() -> str:
    """Return the reason why labs cannot be saved; "" if labs can be saved, or if saving is switched off."""
    if is_store_off():
        return ""
    try:
        _open_store()
    except LabError as error:
        return str(error)
    return ""


def saver() -> BackgroundSaver | None:
    """Return the object that saves labs; `None` if saving is switched off or the store cannot be reached."""
    return None if is_store_off() or store_error() else _open_store()


def classes() -> ClassStore | None:
    """Return the store of classes; `None` if labs cannot be saved."""
    found = saver()
    return ClassStore(found.store) if found else None


@st.cache_resource(show_spinner=False)
def code_guesses() -> GuessLimit:
    """Return the limit of wrong join codes."""
    return GuessLimit()


@st.cache_resource(show_spinner=False)
def active_work() -> dict[str, ActiveWork]:
    """Return the running work of stored labs by the identifiers of its sessions. The session after a reload adopts the work."""
    return {}


@st.cache_resource(show_spinner=False)
def sweep_recorder() -> SweepRecorder:
    """Return the thread that advances the sweeps of this server."""
    return SweepRecorder(jobs(), active_work(), is_present)


# Session id → time of its last connection, in s.
_last_seen: MutableMapping[str, float] = LRU(MAX_SEEN, {})


def is_connected(session: str) -> bool:
    """Check whether a session has an open browser now."""
    return runtime.exists() and runtime.get_instance().is_active_session(session)


def is_present(session: str) -> bool:
    """Check whether a session is connected, or was connected so recently that its browser may reconnect."""
    if not runtime.exists():
        return True
    now = time.monotonic()
    if is_connected(session):
        _last_seen[session] = now
    return now - _last_seen.setdefault(session, now) < RECONNECT_SECONDS


def is_wanted(job: Job[Any], works: Mapping[str, ActiveWork]) -> bool:
    """Check whether a job must continue: its session is present, or it is of the API, or a trial of a stored lab's sweep."""
    if isinstance(job.task, ApiTrainTask):
        return True
    work = works.get(job.owner)
    is_stored_trial = isinstance(job.task, TrialTask) and work is not None and work.sweep is not None
    return is_stored_trial or is_present(job.owner)


@st.cache_data(show_spinner=False, ttl=MNIST_RETRY_SECONDS)
def has_mnist() -> bool:
    """Check whether MNIST is on this machine."""
    return mnist.is_available()
