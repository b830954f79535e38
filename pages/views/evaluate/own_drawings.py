"""The My drawings view: the user's drawings as predicted by two models, and the accuracy of the first predictions."""

import numpy as np
import streamlit as st

from digitcore.displays import prequential
from digitcore.evaluation.comparison import PairedComparison
from digitcore.evaluation.metrics import Evaluation
from digitcore.evaluation.prequential import prequential_table
from digitcore.samples import SampleSet
from pages.components import gallery, presentation
from pages.components.digit_details import digit_details, nearest_digits
from pages.components.model_choice import Models, pair_names
from pages.session import formatting, resources, training_summary
from pages.session.lab_session import LabSession

CORRECT_IN_BOTH = "Correct in both"


def show(session: LabSession, models: Models) -> None:
    """Draw the user's samples. A click shows the details of a drawing and the nearest MNIST digits."""
    samples = session.samples.current.drawn_part()
    if not len(samples):
        st.markdown("No drawings yet. Label drawings on the Draw page.")
        return
    chosen = pair_names(models)
    baseline, candidate = chosen
    evaluations = [
        Evaluation.from_probabilities(samples.labels, resources.probabilities(models[name], samples.digits)) for name in chosen
    ]
    found = PairedComparison(*evaluations)
    is_unseen = session.unseen([models[name] for name in chosen])[~session.samples.current.is_example]
    _show_comparison(evaluations, is_unseen, baseline, candidate)
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
    cells = [_cell(samples, found, int(number), bool(is_unseen[number])) for number in kinds[kind or CORRECT_IN_BOTH]]
    selected = gallery.gallery(cells, "drawings_gallery") if cells else None
    if not cells:
        st.caption("No drawings of this kind.")
    if selected is not None:
        label = int(samples.labels[selected.number])
        digit_details(session, selected.digit, {name: models[name] for name in chosen}, label, "drawings")
        nearest_digits(session, models[candidate], candidate, selected.digit)
    _show_first_predictions(session)


def _show_comparison(evaluations: list[Evaluation], is_unseen: np.ndarray, baseline: str, candidate: str) -> None:
    """Compare both models on the drawings that neither has learnt from. A test on training drawings would be biased."""
    n_unseen = int(is_unseen.sum())
    if not n_unseen:
        st.markdown(training_summary.drawings_headline(PairedComparison(*evaluations), has_learnt=True))
        return
    parts = (Evaluation.from_probabilities(one.labels[is_unseen], one.probabilities[is_unseen]) for one in evaluations)
    on_unseen = PairedComparison(*parts)
    what = f"unseen drawing{'s' * (n_unseen != 1)}"
    st.markdown(training_summary.comparison(on_unseen, baseline, candidate, what), help=training_summary.UNSEEN_HELP)
    if n_unseen < len(is_unseen):
        st.caption(
            f"The comparison leaves out {formatting.drawings(len(is_unseen) - n_unseen)} that may have been used for training."
        )


def _show_first_predictions(session: LabSession) -> None:
    """Draw the running accuracy of the predictions that were made before the drawings had labels."""
    names = {model.hash: name for name, model in session.models.every_model().items()}
    table = prequential_table(session.samples.current, names)
    if table.empty:
        return
    n, correct = len(table), int(table["correct"].iloc[-1])
    bounds = formatting.interval(table[["low", "high"]].iloc[-1].tolist(), 0)
    st.markdown(
        f"**First predictions.** **{correct} of {n}** drawings were predicted correctly before they had a label "
        f"(95 % interval {bounds}).",
        help="The active model predicted each drawing before it was trained on the drawing. Therefore this accuracy needs no "
        "held-out drawings (prequential evaluation, A. P. Dawid 1984).",
    )
    caption = "The band is the 95 % interval. Wrong predictions are orange. At a dashed line, another model became active."
    presentation.show(prequential(table), "prequential", caption)


def _cell(samples: SampleSet, found: PairedComparison, number: int, is_unseen: bool) -> gallery.Cell:
    before, after = found.baseline.predictions[number], found.candidate.predictions[number]
    caption = f"true {samples.labels[number]}, predicted {before} → {after}{', unseen' * is_unseen}"
    return gallery.Cell(number, samples.digits[number], caption)
