"""The Confusion view: the confusion matrix, and the digits in each cell."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from digitcore import charts
from digitcore.displays import confusion
from digitcore.evaluation.metrics import Evaluation, confused_pairs, digit_table
from digitcore.jobs.tasks import EvaluateTask
from pages.components import figures, gallery, presentation
from pages.components.digit_details import mnist_cells
from pages.components.model_choice import Models, choose_model
from pages.session import formatting, training_summary
from pages.session.lab_session import LabSession


def show(session: LabSession, models: Models) -> None:
    """Draw the confusion matrix on MNIST's test digits. A click on a cell shows its digits."""
    name = choose_model(models, "confusion")
    result = session.work.result(EvaluateTask(models[name]))
    if result is None:
        st.caption(training_summary.WAIT)
        return
    evaluation = result.evaluation
    st.markdown(_describe(confused_pairs(evaluation)))
    cells = st.segmented_control("Show", ["Counts", "Rates"], default="Counts", required=True, key="confusion_cells")
    matrix, digits = st.columns([3, 2])
    with matrix:
        display = confusion(evaluation.confusion, f"confusion {name}")
        appearance = {"rates": cells == "Rates", "is_dark": figures.is_dark()}
        clicked = presentation.show_selectable(display, f"confusion_{name}", charts.CELL_SELECTION, **appearance)
        with st.container(horizontal=True):
            presentation.download(display, "Table of cells")
            presentation.download_table(digit_table(evaluation), f"digits {name}", "Table of digits")
    with digits:
        _show_cell(evaluation, name, clicked)


def _show_cell(evaluation: Evaluation, name: str, cells: list[dict[str, Any]]) -> None:
    if not cells:
        st.caption("Click a cell of the matrix to see its digits.")
        return
    true, predicted = (int(cells[0][field]) for field in ("true", "predicted"))
    inside = np.flatnonzero((evaluation.labels == true) & (evaluation.predictions == predicted))
    shown = formatting.escape(name)
    if not len(inside):
        st.caption(f"{shown} predicts no {true} as {predicted}.")
        return
    by_confidence = inside[np.argsort(-evaluation.confidence[inside], kind="stable")]
    st.markdown(f"**{len(inside):,} digits: true {true}, predicted {predicted}** by {shown}, most confident first.")
    gallery.gallery(mnist_cells(by_confidence, {name: evaluation}), f"cell_{true}_{predicted}", len(by_confidence))


def _describe(pairs: pd.DataFrame) -> str:
    """Describe the most confused pairs of digits. The table comes from `metrics.confused_pairs`."""
    if pairs.empty:
        return "No errors."
    rows = list(pairs.itertuples(index=False, name=None))
    named = [f"{first} and {second} ({count:,})" for first, second, count, _ in rows]
    common = [f"{first}/{second}" for first, second, _, is_common in rows if is_common]
    explained = f" {', '.join(common)}: commonly confused." if common else ""
    return f"Most often confused: {', '.join(named)}.{explained}"
