"""Choosing one or two of the compared models, and the table behind a chart."""

import pandas as pd
import streamlit as st

from digitcore.models.bundle import ModelBundle
from pages.session.lab_session import LabSession

Models = dict[str, ModelBundle]


def choose_model(models: Models, key: str, label: str = "Model") -> str:
    """One of the models: its name; at first the second, which is the candidate of the pair."""
    names = list(models)
    if len(names) == 1:
        return names[0]
    chosen = st.segmented_control(label, names, default=names[1], required=True, key=f"{key}_{'_'.join(names)}")
    return str(chosen or names[1])


def choose_pair(session: LabSession, models: Models) -> tuple[str, str] | None:
    """Baseline and candidate, the same in every view; None while there is only one model.

    At first the active model against what it started from.
    """
    names = list(models)
    if len(names) < 2:
        st.markdown("Choose a second model above to compare.")
        return None
    baseline, candidate = session.models.pair(session.default_start)
    if baseline not in models or candidate not in models:
        baseline, candidate = names[:2]
    key = "_".join([baseline, candidate, *names])
    left, right = st.columns(2)
    first = left.selectbox("Baseline", names, names.index(baseline), key=f"baseline_{key}", persist_state="session")
    others = [name for name in names if name != first]
    index = others.index(candidate) if candidate in others else 0
    second = right.selectbox("Candidate", others, index, key=f"candidate_{first}_{key}", persist_state="session")
    return str(first), str(second)


def download_table(table: pd.DataFrame, name: str, label: str = "Table") -> None:
    """A small button that opens the table behind a chart, to look at and to download as a file of this name."""
    with st.popover(label, type="tertiary"):
        st.dataframe(table, hide_index=True, key=f"table_{name}")
        st.download_button("Download (CSV)", table.to_csv(index=False), f"{name}.csv", "text/csv", key=f"download_{name}")
