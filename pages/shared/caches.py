"""What all sessions share: the shipped models, their predictors, the worker."""

import streamlit as st

from digitcore import mnist, models
from digitcore.jobs import JobService
from digitcore.models import ModelBundle
from digitcore.predictor import Predictor


@st.cache_resource(show_spinner=False)
def shipped(name: str) -> ModelBundle:
    """A model of the shelf."""
    return models.load(name)


@st.cache_data(show_spinner=False)
def shelf() -> list[str]:
    """The names of the shipped models."""
    return models.names()


@st.cache_resource(show_spinner=False, max_entries=64, hash_funcs={ModelBundle: lambda bundle: bundle.hash})
def predictor(bundle: ModelBundle) -> Predictor:
    """A model ready to answer."""
    return bundle.predictor()


@st.cache_resource(show_spinner=False)
def jobs() -> JobService:
    """The worker of this server."""
    return JobService()


@st.cache_data(show_spinner=False, ttl=10)
def has_mnist() -> bool:
    """Whether the data set is on this machine."""
    return mnist.is_here()
