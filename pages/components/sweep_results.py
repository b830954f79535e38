"""The results of a sweep: progress, charts, effects of the parameters, trials, downloads."""

from functools import partial

import streamlit as st

from digitcore import displays
from digitcore.sweeps import effects, summary
from digitcore.sweeps.runner import Sweep
from digitcore.sweeps.search import HALVING
from digitcore.sweeps.trial import HELD_OUT, VALIDATION
from pages.session import formatting, state
from pages.session.lab_session import LabSession


def sweep_results(session: LabSession, sweep: Sweep) -> None:
    """Show the progress, the charts, the effects and the trials of a sweep. The page runs again when a trial has ended."""
    _show_progress(sweep)
    if sweep.has_score(VALIDATION):
        score = sweep.plan.ranked_by
        if sweep.has_score(HELD_OUT):
            score = str(
                st.segmented_control(
                    "Score",
                    list(summary.SCORE_TITLES),
                    default=score,
                    required=True,
                    key="sweep_score",
                    format_func=lambda name: summary.SCORE_TITLES[name],
                )
            )
        display = displays.sweep(sweep, score)
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
    rows = summary.effects_table(sweep, score)
    if not rows:
        return
    spread = summary.describe_spread(effects.seed_spread(table, names, score, sweep.n_scored(score)))
    after = f" after {formatting.plural(int(table['trained_epochs'].iloc[0]), 'epoch')}" * (sweep.plan.pruner == HALVING)
    st.markdown(f"**Effect of each parameter** on {summary.SCORE_TITLES[score]}{after}. {spread}")
    columns = {
        "Difference (points)": st.column_config.NumberColumn(
            format="%.2f", help="This is the difference between the mean scores of the best and the worst value."
        ),
        "Importance": st.column_config.TextColumn(
            help="This is the parameter's share of the importance for the best scores, by PED-ANOVA (S. Watanabe et al., 2023)."
        ),
    }
    st.dataframe(rows, hide_index=True, key="sweep_effects", column_config=columns)
    for sentences in summary.describe_interactions(sweep, score):
        st.markdown(sentences)
    st.caption(
        "The effects and the interactions of two parameters are tested by an analysis of variance. The p values are corrected "
        "for the number of tests (Holm). The best score of many trials is partly due to chance. Expect a slightly lower score on "
        "new digits."
    )


def _show_trials(sweep: Sweep) -> None:
    columns = {
        summary.COLUMN_TITLES["parameters"]: st.column_config.NumberColumn(format="localized"),
        summary.COLUMN_TITLES["seconds"]: st.column_config.NumberColumn(format="%.1f"),
    }
    st.dataframe(summary.trials_table(sweep), hide_index=True, key="sweep_table", placeholder="–", column_config=columns)
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
