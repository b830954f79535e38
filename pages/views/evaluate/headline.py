"""The headline of the Evaluate page: the verdict about two models, and the drawings that only one model predicts correctly."""

import streamlit as st

from digitcore.evaluation.comparison import PairedComparison
from digitcore.evaluation.metrics import Evaluation
from digitcore.jobs.tasks import EvaluateTask
from pages.components.changed_drawings import changed_drawings
from pages.components.model_choice import Models, pair_names
from pages.components.verdict import verdict_card
from pages.session import comparison_summary, resources, training_summary
from pages.session.lab_session import LabSession


def show(session: LabSession, models: Models) -> None:
    """Draw the verdict. Its MNIST part appears when the evaluation is done."""
    pair = {name: models[name] for name in pair_names(models)}
    tested, is_unseen = session.tested_drawings(pair.values())
    probabilities = [resources.probabilities(model, tested.digits) for model in pair.values()]
    drawings = PairedComparison(*(Evaluation.from_probabilities(tested.labels, one) for one in probabilities))
    results = session.work.results({name: EvaluateTask(model) for name, model in pair.items()})
    mnist = PairedComparison(*(results[name].evaluation for name in pair)) if len(results) == len(pair) else None
    if mnist is not None:
        session.models.mark_compared()
    on_drawings = training_summary.drawings_headline(drawings, has_learnt=not is_unseen)
    detail = f"{on_drawings} {training_summary.mnist_headline(mnist, *pair.values())}"
    verdict = comparison_summary.verdict(drawings, mnist, is_unseen=is_unseen, detail=detail)
    with verdict_card(verdict.tone):
        st.markdown(f"**{verdict.headline}**")
        changed_drawings(tested, *pair.values())
        help = training_summary.UNSEEN_HELP if is_unseen and drawings.candidate.n else None
        st.markdown(verdict.detail, help=help)
