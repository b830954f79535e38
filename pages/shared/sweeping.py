"""The sweep on the Train page: choose settings and values, watch the results come, apply the best."""

import io
import math

import streamlit as st

from digitcore import charts
from digitcore.errors import DigitLabError
from digitcore.sweeps import Sweep
from pages.shared import caches, frame, state
from pages.shared.lab import Lab

VALUES = {
    "sample_weight": [1, 5, 20, 50, 100],
    "mnist_samples": [0, 200, 500, 1000, 5000],
    "epochs": [1, 2, 4, 8],
    "learning_rate": [1e-4, 5e-4, 1e-3, 3e-3],
    "batch_size": [16, 32, 128],
    "gentle": [0.0, 0.3, 0.6],
}
PICKED = {"sample_weight": [5, 50], "mnist_samples": [200, 1000]}


def show(lab: Lab, start) -> None:
    """Inputs, and below them the results of the session's latest sweep."""
    if not st.toggle("Sweep: which settings teach best?", key="sweeping", persist_state="session"):
        return
    running = lab.sweep is not None and not lab.sweep.over
    grid, draws, seeds = _choose()
    with st.container(horizontal=True):
        st.button(
            "Start the sweep", key="sweep", on_click=_begin, args=(lab, start, grid, draws, seeds), disabled=running or not grid
        )
        if lab.sweep:
            stopping = lab.sweep.stopping
            label = "Stopping …" if running and stopping else "Stop"
            st.button(label, key="sweep_stop", on_click=lab.sweep.stop, disabled=not running or stopping)
            st.button("Go on", key="sweep_go", on_click=lab.sweep.go, disabled=running or lab.sweep.done == len(lab.sweep.points))
    if not len(lab.samples):
        st.caption("No labelled drawings yet: only MNIST is scored.")
    elif not lab.samples.held_out.any():
        st.caption(
            "No drawing is held out yet, so the score is on the drawings learnt from. Label four of a digit to hold one out."
        )
    if lab.sweep:
        st.fragment(_show_results, run_every=frame.PATIENT if running else None)(lab)


def _choose():
    names = st.multiselect(
        "Settings to try",
        list(VALUES),
        default=list(PICKED),
        format_func=lambda name: name.replace("_", " "),
        key="sweep_settings",
        persist_state="session",
    )
    grid = {}
    for name in names:
        grid[name] = st.multiselect(
            f"Values of {name.replace('_', ' ')}",
            VALUES[name],
            default=PICKED.get(name, VALUES[name][:2]),
            key=f"sweep_{name}",
            persist_state="session",
        )
    grid = {name: values for name, values in grid.items() if values}
    every = math.prod(len(values) for values in grid.values())
    draws = every
    if every > 1:
        draws = st.slider(
            "Combinations to try",
            1,
            every,
            every,
            key=f"sweep_draws_{every}",
            help="Fewer than all are drawn at random, by the seed under Advanced.",
            persist_state="session",
        )
    seeds = st.slider(
        "Seeds for each", 1, 5, 1, key="sweep_seeds", help="More seeds show how much is luck.", persist_state="session"
    )
    return grid, draws, seeds


def _begin(lab, start, grid, draws, seeds):
    try:
        lab.sweep = Sweep(caches.jobs(), start, lab.lesson(), lab.chosen, grid, seeds, lab.owner, draws)
        lab.sweep.go()
    except DigitLabError as error:
        lab.notice = str(error)


def _show_results(lab):
    was_over = lab.sweep.over
    lab.sweep.look()
    if lab.sweep.over and not was_over:
        st.rerun()
    st.progress(lab.sweep.done / len(lab.sweep.points), text=f"{lab.sweep.done} of {len(lab.sweep.points)} trainings done")
    means = lab.sweep.means()
    if len(means):
        swept = list(lab.sweep.grid)
        st.altair_chart(charts.heat_map(means, swept[0], swept[min(1, len(swept) - 1)]), key="sweep_map")
        best = lab.sweep.best()
        words = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in best.items())
        st.markdown(f"Best so far: {words}.")
        if st.button("Apply it", key="sweep_apply"):
            lab.applied = best
            st.rerun()
    table = lab.sweep.table()
    st.dataframe(table, hide_index=True, key="sweep_table")
    parquet = io.BytesIO()
    table.to_parquet(parquet, index=False)
    with st.container(horizontal=True):
        st.download_button("Download (CSV)", table.to_csv(index=False), "sweep.csv", "text/csv", key="sweep_csv")
        st.download_button("Download (Parquet)", parquet.getvalue(), "sweep.parquet", key="sweep_parquet")


def apply(lab: Lab, widgets: dict[str, str]) -> None:
    """Set the sliders to the best values, before they are drawn.

    Args:
        lab: the session's.
        widgets: setting → key of its widget; other settings stay.
    """
    for name, value in lab.applied.items():
        if name in widgets:
            state.put(widgets[name], value)
    lab.applied = {}
