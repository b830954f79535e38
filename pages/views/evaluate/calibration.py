"""The Confidence view: calibration, and the effect of the confidence threshold."""

import streamlit as st

from digitcore.displays import calibration, coverage
from digitcore.evaluation.metrics import MIN_BIN_COUNT, Evaluation
from digitcore.jobs.tasks import EvaluateTask
from pages.components import presentation
from pages.components.model_choice import Models, choose_model
from pages.session import formatting, training_summary
from pages.session.lab_session import LabSession


def show(session: LabSession, models: Models) -> None:
    """Draw reliability and coverage of each model on MNIST's test digits."""
    results = session.work.results({name: EvaluateTask(model) for name, model in models.items()})
    evaluations = {name: result.evaluation for name, result in results.items()}
    if not evaluations:
        st.caption(training_summary.WAIT)
        return
    thresholds = {name: models[name].card.confidence_threshold for name in evaluations}
    left, right = st.columns(2)
    with left:
        caption = (
            "On the dashed line, confidence equals accuracy. Above the line, the model is under-confident. Thin lines are "
            f"95 % intervals. Each point is the mean of at least {MIN_BIN_COUNT} digits."
        )
        presentation.show(calibration(evaluations, session.models.colors(models)), "reliability", caption)
    with right:
        caption = "The dot marks the confidence threshold of the Draw page."
        presentation.show(coverage(evaluations, thresholds, session.models.colors(models)), "coverage", caption)
    errors = ", ".join(
        f"{formatting.escape(name)} {formatting.percent(one.calibration_error, 2)}" for name, one in evaluations.items()
    )
    st.markdown(
        f"Calibration error: {errors}.",
        help="The expected calibration error is the mean difference between confidence and accuracy over 15 bins.",
    )
    name = choose_model({name: models[name] for name in evaluations}, "threshold")
    threshold = st.slider(
        "Confidence threshold",
        0.0,
        1.0,
        float(round(thresholds[name], 2)),
        0.01,
        key=f"threshold_of_{name}",
        help="Below the threshold, the model answers “unsure”. With a threshold of 0, the model always answers.",
    )
    st.markdown(_describe_threshold(evaluations[name], threshold))


def _describe_threshold(evaluation: Evaluation, threshold: float) -> str:
    """Describe how many answers and errors a confidence threshold removes."""
    unsure = evaluation.confidence < threshold
    n_unsure = int(unsure.sum())
    n_answered = evaluation.n - n_unsure
    n_avoided = int((unsure & ~evaluation.is_correct).sum())
    accuracy = float(evaluation.is_correct[~unsure].mean()) if n_answered else 0.0
    right = f" {formatting.percent(accuracy, 2)} of these answers are correct." if n_answered else ""
    return (
        f"The model answers **{n_answered:,}** of {evaluation.n:,} digits ({formatting.percent(n_answered / evaluation.n, 1)})."
        f"{right} It is unsure about {n_unsure:,} digits. {n_avoided:,} of these predictions are wrong."
    )
