"""Which digit is read as which: the confusion matrix, and the digits behind each of its cells."""

import numpy as np
import streamlit as st

from digitcore import charts
from digitcore.evaluation import confused_pairs, confusion_table, digit_table
from pages.shared import gallery, results
from pages.shared.lab import Lab
from pages.views import parts


def show(lab: Lab, models: parts.Models) -> None:
    """On MNIST's test digits; a click on a cell shows its digits."""
    name = parts.one(models, "confusion")
    judged = results.judged(lab, {name: models[name]})
    if not judged:
        st.caption(parts.WAIT)
        return
    found = judged[name].mnist
    st.markdown(_confused(confused_pairs(found)))
    cells = st.segmented_control("Cells say", ["Counts", "Rates"], default="Counts", required=True, key="confusion_cells")
    table = confusion_table(found)
    matrix, digits = st.columns([3, 2])
    with matrix:
        event = st.altair_chart(
            charts.confusion(table, rates=cells == "Rates"),
            key=f"confusion_{name}",
            on_select="rerun",
            selection_mode=charts.CELL,
        )
        with st.container(horizontal=True):
            parts.table(table, f"confusion {name}", "Table of cells")
            parts.table(digit_table(found), f"digits {name}", "Table of digits")
    with digits:
        _show_cell(found, name, event.selection.get(charts.CELL) or [])


def _show_cell(found, name, cells):
    if not cells:
        st.caption("Click a cell of the matrix to see its digits.")
        return
    drawn, read = (int(cells[0][part]) for part in ("drawn", "read"))
    inside = np.flatnonzero((found.labels == drawn) & (found.guesses == read))
    if not len(inside):
        st.caption(f"{name} reads no {drawn} as {read}.")
        return
    surest = inside[np.argsort(-found.confidence[inside], kind="stable")]
    st.markdown(f"**{len(inside):,} digits that are a {drawn}, read as {read}** by {name}, the surest first.")
    gallery.show(parts.test_cells(surest, {name: found}), f"cell_{drawn}_{read}", len(surest))


def _confused(pairs) -> str:
    """The pairs of digits that are taken for each other most; the table is `evaluation.confused_pairs`."""
    if pairs.empty:
        return "No digit is taken for another."
    rows = list(pairs.itertuples(index=False, name=None))
    named = [f"{first} and {second} ({count:,})" for first, second, count, _ in rows]
    classic = [f"{first}/{second}" for first, second, _, known in rows if known]
    told = f" {', '.join(classic)}: hands all over the world make these alike." if classic else ""
    return f"Most often taken for each other: {', '.join(named)}.{told}"
