"""How the models were trained: loss and accuracy of training and validation, on one axis."""

import streamlit as st

from digitcore import charts
from pages.shared.lab import Lab
from pages.views import parts

BY = {"Epoch": "epoch", "Digits seen": "seen", "Seconds": "seconds"}


def show(lab: Lab, models: parts.Models) -> None:
    """Curves as the cards and runs hold them: nothing is computed."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        by = st.segmented_control("By", list(BY), default="Epoch", required=True, key="curves_by", persist_state="session")
        log = st.toggle("Logarithmic loss", key="curves_log", persist_state="session")
        chained = st.toggle(
            "With what came before",
            key="curves_chained",
            persist_state="session",
            help="A run starts where the training of its initial model ended, so that a lineage reads as one curve.",
        )
    histories = {name: charts.lineage(_lineage(lab, model)) if chained else model.card.history for name, model in models.items()}
    if silent := [name for name, history in histories.items() if len(history) < 2]:
        st.caption(f"Never trained, so without a curve: {', '.join(silent)}.")
    axis = BY[by or "Epoch"]
    for column, measure in zip(st.columns(2), charts.MEASURES, strict=True):
        table = charts.curve_table(histories, measure)
        if table.empty:
            continue
        on_log = log and measure == "loss"
        column.altair_chart(charts.curves(table, measure, by=axis, log=on_log, height=360), key=f"losses_{measure}")
        with column:
            parts.table(table, measure)
    st.caption(
        "Solid: the digits learnt from. Dashed: MNIST digits never learnt from. 0 is before the training. "
        "Seconds were measured on the machine that trained."
    )


def _lineage(lab, model):
    """The histories from the first ancestor on, oldest first."""
    known, found, seen = lab.every_model(), [], set()
    while model is not None and model.name not in seen:
        seen.add(model.name)
        found.append(model.card.history)
        model = known.get(model.card.parent or "")
    return found[::-1]
