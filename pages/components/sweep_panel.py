"""The sweep on the Train page: choose settings and values, watch the results come, apply the best."""

import io
import math
from typing import Any

import pandas as pd
import streamlit as st

from digitcore import charts
from digitcore.jobs.sweep import Sweep
from digitcore.models.bundle import ModelBundle
from digitcore.training.settings import SETTING_SPECS
from pages.session import polling, state, text
from pages.session.lab_session import LabSession

SWEPT = {name: list(spec.sweep_values) for name, spec in SETTING_SPECS.items() if spec.sweep_values}
DEFAULT_GRID: dict[str, list[Any]] = {"sample_weight": [5.0, 50.0], "mnist_samples": [200, 1000]}
MAX_SEEDS = 5
COLUMN_TITLES = {
    "seed": "Seed",
    "status": "Status",
    "personal": "Your handwriting",
    "personal_before": "Your handwriting before",
    "mnist": "MNIST",
    "mnist_before": "MNIST before",
    "added_mnist_errors": "Added MNIST errors",
    "seconds": "Seconds",
    "error": "Error",
}


def sweep_panel(session: LabSession, start: ModelBundle) -> None:
    """Inputs, and below them the results of the session's latest sweep."""
    training = session.training
    state.seed_widget("sweeping", training.sweep is not None)
    if not st.toggle("Hyperparameter sweep", key="sweeping", persist_state="session"):
        return
    sweep = training.sweep
    is_running = sweep is not None and not sweep.is_idle
    grid, n_combinations, n_seeds = _choose_grid()
    with st.container(horizontal=True):
        st.button(
            "Start the sweep",
            key="sweep",
            on_click=_begin,
            args=(session, start, grid, n_seeds, n_combinations),
            disabled=is_running or not grid,
        )
        if sweep:
            label = "Stopping …" if is_running and sweep.is_stopping else "Stop"
            st.button(label, key="sweep_stop", on_click=sweep.stop, disabled=not is_running or sweep.is_stopping)
            is_complete = sweep.n_done == len(sweep.trials)
            st.button(
                "Resume",
                key="sweep_go",
                on_click=training.resume_sweep,
                args=(session.owner,),
                disabled=is_running or is_complete,
            )
    if training.sweep_error:
        st.error(training.sweep_error)
    if not len(session.samples):
        st.caption("No labelled drawings yet: only MNIST is scored.")
    elif not session.samples.current.held_out.any():
        st.caption(
            "No drawing is held out yet, so the score is on the drawings learnt from. Label four of a digit to hold one out."
        )
    if sweep:
        st.fragment(_show_results, run_every=polling.SLOW if is_running else None)(session, sweep)


def _choose_grid() -> tuple[dict[str, list[Any]], int, int]:
    names = st.multiselect(
        "Settings to try",
        list(SWEPT),
        default=list(DEFAULT_GRID),
        format_func=_label,
        key="sweep_settings",
        persist_state="session",
    )
    grid = {
        name: st.multiselect(
            f"Values of {_label(name)}",
            SWEPT[name],
            default=DEFAULT_GRID.get(name, SWEPT[name][:2]),
            format_func=lambda value: f"{value:g}",
            key=f"sweep_{name}",
            persist_state="session",
        )
        for name in names
    }
    grid = {name: values for name, values in grid.items() if values}
    total = math.prod(len(values) for values in grid.values())
    n_combinations = total
    if total > 1:
        n_combinations = st.slider(
            "Combinations to try",
            1,
            total,
            total,
            key=f"sweep_draws_{total}",
            help="Fewer than all are drawn at random, by the seed under Advanced.",
            persist_state="session",
        )
    n_seeds = st.slider(
        "Seeds for each", 1, MAX_SEEDS, 1, key="sweep_seeds", help="More seeds show how much is luck.", persist_state="session"
    )
    return grid, n_combinations, n_seeds


def _begin(session: LabSession, start: ModelBundle, grid: dict[str, list[Any]], n_seeds: int, n_combinations: int) -> None:
    session.training.begin_sweep(start, session.samples.for_training(), grid, n_seeds, n_combinations, session.owner)


def _show_results(session: LabSession, sweep: Sweep) -> None:
    was_idle = sweep.is_idle
    sweep.poll()
    if sweep.is_idle and not was_idle:
        st.rerun()
    st.progress(sweep.n_done / len(sweep.trials), text=f"{sweep.n_done} of {len(sweep.trials)} trainings done")
    means = sweep.means()
    if len(means):
        swept = [_label(name) for name in sweep.grid]
        titled = means.rename(columns=dict(zip(sweep.grid, swept, strict=True)))
        st.altair_chart(charts.sweep_heat_map(titled, swept[0], swept[min(1, len(swept) - 1)]), key="sweep_map")
        st.markdown(_describe_best(sweep, means))
        if st.button("Use these settings", key="sweep_apply"):
            session.training.apply_best()
            st.rerun()
    table = sweep.table()
    st.dataframe(_with_titles(table, sweep), hide_index=True, key="sweep_table", placeholder="–")
    parquet = io.BytesIO()
    table.to_parquet(parquet, index=False)
    with st.container(horizontal=True):
        st.download_button("Download (CSV)", table.to_csv(index=False), "sweep.csv", "text/csv", key="sweep_csv")
        st.download_button("Download (Parquet)", parquet.getvalue(), "sweep.parquet", key="sweep_parquet")


def _with_titles(table: pd.DataFrame, sweep: Sweep) -> pd.DataFrame:
    """The table as people read it; the downloads keep the names of the settings and scores."""
    shown = table.drop(columns="error") if not table["error"].any() else table.copy()
    for name, places in (("personal", 1), ("personal_before", 1), ("mnist", 2), ("mnist_before", 2)):
        shown[name] = [text.percent(share, places) if pd.notna(share) else None for share in table[name]]
    return shown.rename(columns=COLUMN_TITLES | {name: _label(name) for name in sweep.grid})


def _describe_best(sweep: Sweep, means: pd.DataFrame) -> str:
    best = ", ".join(f"{_label(name)} {value:g}" for name, value in (sweep.best() or {}).items())
    if means["personal"].nunique() > 1 or len(means) == 1:
        return f"Best so far: {best}."
    where = "your handwriting" if len(sweep.samples) else "the drawings"
    if means["mnist"].nunique() > 1:
        return f"No difference on {where} so far. Best on MNIST: {best}."
    return "No difference so far, neither on your handwriting nor on MNIST."


def _label(name: str) -> str:
    return SETTING_SPECS[name].label
