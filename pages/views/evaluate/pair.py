"""The Compare two view: whether two models differ, and the digits that are corrected or become errors."""

import pandas as pd
import streamlit as st

from digitcore.displays import confusion_change, digit_accuracy
from digitcore.evaluation.comparison import PairedComparison
from digitcore.jobs.tasks import EvaluateTask
from pages.components import figures, gallery, presentation
from pages.components.digit_details import digit_details, mnist_cells
from pages.components.model_choice import Models, pair_names
from pages.session import formatting, training_summary
from pages.session.lab_session import LabSession
from pages.session.trained_runs import describe_seeds


def show(session: LabSession, models: Models) -> None:
    """Draw the comparison on MNIST's test digits."""
    chosen = pair_names(models)
    results = session.work.results({name: EvaluateTask(models[name]) for name in chosen})
    if len(results) < 2:
        st.caption(training_summary.WAIT)
        return
    baseline, candidate = chosen
    found = PairedComparison(results[baseline].evaluation, results[candidate].evaluation)
    st.markdown(training_summary.comparison(found, baseline, candidate))
    if seeds := describe_seeds(session, baseline, candidate):
        st.markdown(seeds)
    _show_contingency(found, baseline, candidate)
    left, right = st.columns(2)
    with left:
        display = digit_accuracy(found, chosen, session.models.colors(chosen))
        presentation.show(display, "digit_shares", "Thin lines are 95 % intervals.")
    with right:
        st.markdown("**Change in confusion**")
        caption = f"Blue means that {formatting.escape(candidate)} makes fewer errors, and orange means more errors."
        presentation.show(confusion_change(found, chosen), "confusion_change", caption, is_dark=figures.is_dark())
    _show_digits(session, found, chosen, models)


def _show_contingency(found: PairedComparison, baseline: str, candidate: str) -> None:
    rows = {
        f"{formatting.escape(candidate)} correct": [len(found.correct_in_both), len(found.fixed)],
        f"{formatting.escape(candidate)} wrong": [len(found.broken), len(found.wrong_in_both)],
    }
    index = [f"{formatting.escape(baseline)} correct", f"{formatting.escape(baseline)} wrong"]
    st.table(pd.DataFrame(rows, index=index).map("{:,}".format))


def _show_digits(session: LabSession, found: PairedComparison, chosen: tuple[str, str], models: Models) -> None:
    kinds = {"Corrected": found.fixed, "New errors": found.broken, "Wrong in both": found.wrong_in_both}
    kind = st.segmented_control(
        "Digits",
        list(kinds),
        default="Corrected",
        required=True,
        key="pair_kind",
        format_func=lambda name: f"{name} ({len(kinds[name]):,})",
    )
    numbers = kinds[kind or "Corrected"]
    evaluations = dict(zip(chosen, (found.baseline, found.candidate), strict=True))
    cells = mnist_cells(numbers, evaluations)
    if not cells:
        st.caption("No digits of this kind.")
        return
    selected = gallery.gallery(cells, "depth_gallery", len(numbers))
    if selected is not None:
        label = int(found.baseline.labels[selected.number])
        digit_details(session, selected.digit, {name: models[name] for name in chosen}, label, "depth")
