"""The Errors view: misclassified digits, most confident first."""

import numpy as np
import streamlit as st

from digitcore.jobs.tasks import EvaluateTask
from pages.components import gallery
from pages.components.digit_details import digit_details, mnist_cells
from pages.components.model_choice import Models, choose_model
from pages.session import formatting, training_summary
from pages.session.lab_session import LabSession


def show(session: LabSession, models: Models) -> None:
    """Draw the misclassified MNIST test digits. A click shows the details of a digit."""
    name = choose_model(models, "misread", "Errors of")
    results = session.work.results({name: EvaluateTask(model) for name, model in models.items()})
    if name not in results:
        st.caption(training_summary.WAIT)
        return
    evaluation = results[name].evaluation
    wrong = np.flatnonzero(~evaluation.is_correct)
    by_confidence = wrong[np.argsort(-evaluation.confidence[wrong], kind="stable")]
    st.markdown(
        f"{formatting.escape(name)} makes **{len(wrong):,}** errors in {evaluation.n:,} digits. The most confident errors come "
        "first. Click a digit to see the predictions of all models."
    )
    cells = [
        gallery.Cell(cell.number, cell.digit, f"{cell.caption} ({formatting.percent(evaluation.confidence[cell.number])})")
        for cell in mnist_cells(by_confidence, {name: evaluation})
    ]
    selected = gallery.gallery(cells, "misread_gallery", len(wrong))
    if selected is not None:
        digit_details(session, selected.digit, models, int(evaluation.labels[selected.number]), "misread")
