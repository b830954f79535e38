"""The choice of one of the compared models, and the table behind a chart."""

import pandas as pd
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


def with_fixed_colors(table: pd.DataFrame, models: Models) -> pd.DataFrame:
    """Return a chart's table in which each model keeps its color, even if other models are missing."""
    return table.assign(model=pd.Categorical(table["model"], list(models)))


def download_table(table: pd.DataFrame, name: str, label: str = "Table") -> None:
    """Draw a button that opens the table behind a chart and offers it as a file of this name."""
    with st.popover(label, type="tertiary"):
        st.dataframe(table, hide_index=True, key=f"table_{name}")
        st.download_button("Download (CSV)", table.to_csv(index=False), f"{name}.csv", "text/csv", key=f"download_{name}")
