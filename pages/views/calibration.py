"""Is a model as sure as it is right, and what does “unsure” cost?"""

import pandas as pd
import streamlit as st

from digitcore import charts
from digitcore.evaluation import Evaluation, coverage_table, reliability_table
from pages.shared import results
from pages.shared.lab import Lab
from pages.views import parts


def show(lab: Lab, models: parts.Models) -> None:
    """Reliability and coverage of every model on MNIST's test digits."""
    judged = {name: one.mnist for name, one in results.judged(lab, models).items()}
    if not judged:
        st.caption(parts.WAIT)
        return
    thresholds = {name: models[name].card.unsure_below for name in judged}
    left, right = st.columns(2)
    with left:
        table = pd.concat([reliability_table(found).assign(model=name) for name, found in judged.items()], ignore_index=True)
        st.altair_chart(charts.reliability(table), key="reliability")
        st.caption(
            "On the dashed line a model is as sure as it is right; above it, it is too modest. The thin lines are 95 % intervals."
        )
        parts.table(table, "reliability")
    with right:
        table = pd.concat([_coverage(name, found, thresholds[name]) for name, found in judged.items()], ignore_index=True)
        st.altair_chart(charts.coverage(table), key="coverage")
        st.caption("The dot: where the Draw page says “unsure”.")
        parts.table(table, "coverage")
    errors = ", ".join(f"{name} {found.calibration_error:.2%}" for name, found in judged.items())
    st.markdown(
        f"Calibration error: {errors}.",
        help="Expected calibration error: the mean distance between how sure it is and how often it is right, over 15 bins.",
    )
    name = parts.one({name: models[name] for name in judged}, "threshold")
    threshold = st.slider(
        "Say “unsure” below",
        0.0,
        1.0,
        float(round(thresholds[name], 2)),
        0.01,
        key=f"threshold_of_{name}",
        help="At 0 it always answers. Near 1 it answers only what it is almost certain of.",
    )
    st.markdown(_unsure(judged[name], threshold))


def _coverage(name, found, threshold):
    table = coverage_table(found).assign(model=name)
    nearest = (table["threshold"] - threshold).abs().idxmin()
    return table.assign(chosen=[row == nearest for row in range(len(table))])


def _unsure(judged: Evaluation, threshold: float) -> str:
    """What saying “unsure” below a threshold costs and saves."""
    quiet = judged.confidence < threshold
    answered = judged.of - int(quiet.sum())
    saved = int((quiet & ~judged.right).sum())
    right = f"{float(judged.right[~quiet].mean()):.2%} of those are right" if answered else "none is left"
    return (
        f"It answers **{answered:,}** of {judged.of:,} ({answered / judged.of:.1%}); {right}. "
        f"It is unsure about {int(quiet.sum()):,}, of which it would have misread {saved:,}."
    )
