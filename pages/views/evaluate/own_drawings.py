"""The My drawings view: the user's drawings as predicted by two models."""

import streamlit as st

from digitcore.evaluation.comparison import PairedComparison
from digitcore.evaluation.metrics import Evaluation
from digitcore.samples import SampleSet
from pages.components import gallery
from pages.components.digit_details import digit_details, nearest_digits
from pages.components.model_choice import Models, pair_names
from pages.session import resources, training_summary
from pages.session.lab_session import LabSession

CORRECT_IN_BOTH = "Correct in both"


def show(session: LabSession, models: Models) -> None:
    """Draw the user's samples. A click shows the details of a drawing and the nearest MNIST digits."""
    samples = session.samples.current
    if not len(samples):
        st.markdown("No drawings yet. Label drawings on the Draw page.")
        return
    chosen = pair_names(models)
    baseline, candidate = chosen
    evaluations = [
        Evaluation.from_probabilities(samples.labels, resources.probabilities(models[name], samples.digits)) for name in chosen
    ]
    found = PairedComparison(*evaluations)
    st.markdown(training_summary.comparison(found, baseline, candidate, "drawings"))
    n_test = int(samples.held_out.sum())
    if any(name in session.models.own for name in chosen):
        st.caption(f"{n_test:,} of the drawings are held out. The other drawings may have been used for training.")
    kinds = {
        "Corrected": found.fixed,
        "New errors": found.broken,
        "Still wrong": found.wrong_in_both,
        CORRECT_IN_BOTH: found.correct_in_both,
    }
    largest = max(kinds, key=lambda name: (name != CORRECT_IN_BOTH) * len(kinds[name]))
    kind = st.segmented_control(
        "Drawings",
        list(kinds),
        default=largest if len(kinds[largest]) else CORRECT_IN_BOTH,
        required=True,
        key=f"drawings_kind_{len(samples)}_{baseline}_{candidate}",
        format_func=lambda name: f"{name} ({len(kinds[name]):,})",
    )
    cells = [_cell(samples, found, int(number)) for number in kinds[kind or CORRECT_IN_BOTH]]
    if not cells:
        st.caption("No drawings of this kind.")
        return
    selected = gallery.gallery(cells, "drawings_gallery")
    if selected is not None:
        label = int(samples.labels[selected.number])
        digit_details(selected.digit, {name: models[name] for name in chosen}, label, "drawings")
        nearest_digits(session, models[candidate], candidate, selected.digit)


def _cell(samples: SampleSet, found: PairedComparison, number: int) -> gallery.Cell:
    held_out = ", held out" * bool(samples.held_out[number])
    before, after = found.baseline.predictions[number], found.candidate.predictions[number]
    return gallery.Cell(number, samples.digits[number], f"true {samples.labels[number]}, predicted {before} → {after}{held_out}")
