"""The results of a sweep: progress, charts, effects of the parameters, trials, downloads."""

from functools import partial

import pandas as pd
import streamlit as st

from digitcore import displays
from digitcore.sweeps import effects, summary
from digitcore.sweeps import space as parameter_space
from digitcore.sweeps.importance import importances
from digitcore.sweeps.runner import Sweep
from digitcore.sweeps.search import HALVING
from digitcore.sweeps.trial import HELD_OUT, VALIDATION
from digitcore.values import format_value
from pages.session import formatting, state
from pages.session.lab_session import LabSession

SCORE_TITLES = {VALIDATION: "MNIST validation", HELD_OUT: "Held-out drawings"}
COLUMN_TITLES = {
    "seed": "Seed",
    "trained_epochs": "Epochs trained",
    "status": "Status",
    VALIDATION: SCORE_TITLES[VALIDATION],
    "validation_before": "MNIST validation before",
    "added_validation_errors": "Added validation errors",
    HELD_OUT: SCORE_TITLES[HELD_OUT],
    "held_out_before": "Held-out drawings before",
    "parameters": "Parameters",
    "seconds": "Seconds",
    "error": "Error",
}
SHARES = {VALIDATION: 2, "validation_before": 2, HELD_OUT: 1, "held_out_before": 1}  # decimal places


def sweep_results(session: LabSession, sweep: Sweep) -> None:
    """Show the progress, the charts, the effects and the trials of a sweep. The page runs again when a trial has ended."""
    _show_progress(sweep)
    if sweep.has_score(VALIDATION):
        score = sweep.plan.ranked_by
        if sweep.has_score(HELD_OUT):
            score = str(
                st.segmented_control(
                    "Score",
                    list(SCORE_TITLES),
                    default=score,
                    required=True,
                    key="sweep_score",
                    format_func=lambda name: SCORE_TITLES[name],
                )
            )
        display = displays.sweep(sweep, score, SCORE_TITLES[score])
        st.altair_chart(display.chart(), key="sweep_chart")
        st.markdown(display.alt_text())
        st.caption("No trial was scored on MNIST's test digits. A run that you train with the best settings is scored on them.")
        if st.button("Use these settings", key="sweep_apply"):
            session.training.apply_best()
            state.forget_widget("start_from")
            st.rerun()
        _show_effects(sweep, score)
    _show_trials(sweep)


def _show_progress(sweep: Sweep) -> None:
    n_stopped = sum(trial.stopped_early for trial in sweep.trials)
    stopped = f", {n_stopped} of them stopped early" if n_stopped else ""
    st.progress(sweep.n_done / sweep.n_planned, text=f"{sweep.n_done} of {sweep.n_planned} trials done{stopped}")


def _show_effects(sweep: Sweep, score: str) -> None:
    table, names = sweep.first_rung_table(), list(sweep.plan.space)
    found = effects.effects(table, names, score)
    if not found:
        return
    spread = summary.describe_spread(effects.seed_spread(table, names, score, sweep.n_scored(score)))
    after = f" after {formatting.plural(int(table['trained_epochs'].iloc[0]), 'epoch')}" * (sweep.plan.pruner == HALVING)
    st.markdown(f"**Effect of each parameter** on {SCORE_TITLES[score]}{after}. {spread}")
    important = importances(sweep, score)
    rows = [
        {
            "Parameter": _label(sweep, effect.name),
            "Best value": format_value(effect.best),
            "Difference (points)": 100 * effect.difference,
            "Clear effect": summary.describe_verdict(effect),
            **({"Importance": formatting.percent(important.get(effect.name, 0.0))} if important else {}),
        }
        for effect in found
    ]
    columns = {
        "Difference (points)": st.column_config.NumberColumn(
            format="%.2f", help="This is the difference between the mean scores of the best and the worst value."
        ),
        "Importance": st.column_config.TextColumn(
            help="The importance for reaching the scores of the best combinations, by PED-ANOVA (S. Watanabe et al., 2023). The "
            "shares of all parameters add up to 100 %."
        ),
    }
    st.dataframe(rows, hide_index=True, key="sweep_effects", column_config=columns)
    for one in effects.interactions(table, names, score):
        if one.is_significant:
            st.markdown(summary.describe_interaction(one, sweep))
    st.caption(
        "The effects and the interactions of two parameters are tested by an analysis of variance. The p values are corrected "
        "for the number of tests (Holm). The best score of many trials is partly due to chance. Expect a slightly lower score on "
        "new digits."
    )


def _show_trials(sweep: Sweep) -> None:
    table = sweep.table()
    columns = {
        COLUMN_TITLES["parameters"]: st.column_config.NumberColumn(format="localized"),
        COLUMN_TITLES["seconds"]: st.column_config.NumberColumn(format="%.1f"),
    }
    st.dataframe(_with_titles(table, sweep), hide_index=True, key="sweep_table", placeholder="–", column_config=columns)
    with st.container(horizontal=True):
        st.download_button("Download (CSV)", partial(_to_csv, sweep), "sweep.csv", "text/csv", key="sweep_csv")
        st.download_button("Download (Parquet)", partial(_to_parquet, sweep), "sweep.parquet", key="sweep_parquet")
        with st.popover("As command", type="tertiary"):
            st.code(sweep.command(), language="sh", wrap_lines=True)
            st.caption(
                "The command runs the same sweep. First export your drawings on the Draw page, and save them as my-drawings.npz."
            )


def _to_csv(sweep: Sweep) -> str:
    """Return the table as CSV. A press of the button calls this function, so the file has the latest results."""
    return sweep.table().to_csv(index=False)


def _to_parquet(sweep: Sweep) -> bytes:
    content: bytes = sweep.table().to_parquet(index=False)
    return content


def _with_titles(table: pd.DataFrame, sweep: Sweep) -> pd.DataFrame:
    """Return the table with readable titles. Downloads keep the names of parameters and scores."""
    shown = table.drop(columns=[name for name in table if name in COLUMN_TITLES and table[name].isna().all()])
    if not table["error"].any():
        shown = shown.drop(columns="error")
    if sweep.plan.pruner != HALVING:
        shown = shown.drop(columns="trained_epochs")
    for name, places in SHARES.items():
        if name in shown:
            shown[name] = [formatting.percent(share, places) if pd.notna(share) else None for share in table[name]]
    return shown.rename(columns=COLUMN_TITLES | {name: _label(sweep, name) for name in sweep.plan.space})


def _label(sweep: Sweep, name: str) -> str:
    return parameter_space.label(name, sweep.plan.network)
