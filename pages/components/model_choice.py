"""The choice of one of the compared models."""

import streamlit as st

from digitcore.models.bundle import ModelBundle

Models = dict[str, ModelBundle]


def choose_model(models: Models, key: str, label: str = "Model") -> str:
    """Let the user choose one of the models. Return its name. The default is the candidate."""
    names = list(models)
    if len(names) == 1:
        return names[0]
    chosen = st.segmented_control(label, names, default=names[1], required=True, key=f"{key}_{'_'.join(names)}")
    return str(chosen or names[1])


def pair_names(models: Models) -> tuple[str, str]:
    """Return the names of baseline and candidate, which are the first two models."""
    baseline, candidate, *_ = models
    return baseline, candidate
