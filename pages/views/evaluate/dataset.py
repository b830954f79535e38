"""The MNIST view: classes, images and difficult digits of the data set."""

import numpy as np
import streamlit as st

from digitcore.data.label_issues import DISPUTED_TEST_LABELS
from digitcore.displays import bars
from digitcore.evaluation.metrics import Evaluation
from digitcore.jobs.tasks import EvaluateTask, StatisticsTask
from pages.components import figures, gallery, presentation
from pages.components.digit_details import mnist_cells
from pages.components.figures import Figure
from pages.components.model_choice import Models, choose_model
from pages.session import formatting, training_summary
from pages.session.lab_session import LabSession

MAX_HARDEST = 40
DISPUTED_HELP = (
    "Fewer than three of five people confirmed the labels of these digits (C. Northcutt et al. 2021, “Pervasive label errors in "
    "test sets”). The labels may be wrong."
)
MOSAIC = "Twenty random training digits of each class."


def show(session: LabSession, models: Models) -> None:
    """Draw classes, mean images, a mosaic, ink statistics, and the digits that are hardest for a model."""
    seed = int(st.number_input("Sample", 1, 1000, 1, key="mosaic", help="Another number shows other digits.", width=160)) - 1
    found = session.work.result(StatisticsTask(seed))
    if found is None:
        st.caption(training_summary.WAIT)
        return
    mosaic, means = st.columns([3, 2])
    with mosaic:
        figures.picture(found.mosaic, MOSAIC, "100%")
        st.caption(MOSAIC)
    with means:
        st.markdown("**The mean of each digit**")
        figures.figure_row([Figure(image, str(digit)) for digit, image in enumerate(found.mean_images)])
        st.caption("The mean is sharp where all writers agree.")
    left, right = st.columns(2)
    with left:
        title = "Number of training digits"
        presentation.show(bars(found.class_counts, "digit", "training", title, "digits of each class", format=",d"), "classes")
        title = "Mean ink (share of the full image)"
        presentation.show(bars(found.shapes, "digit", "ink", title, "ink and width", format=".0%"), "shapes")
    with right:
        title = "Share of pixels by ink level (0 to 255)"
        levels = bars(found.ink_histogram, "ink", "share", title, "pixels by ink level", format=".1~%", log_scale=True)
        presentation.show(levels, "levels")
        title = "Mean width of the ink (pixels)"
        st.altair_chart(bars(found.shapes, "digit", "width", title, "ink and width", format="~r").chart(), key="widths")
    _show_hardest(session, models)


def _show_hardest(session: LabSession, models: Models) -> None:
    st.markdown("**Hardest examples**", help="These test digits have the highest loss.")
    name = choose_model(models, "odd", "Hardest for")
    result = session.work.result(EvaluateTask(models[name]))
    if result is None:
        st.caption(training_summary.WAIT)
        return
    evaluation = result.evaluation
    true_probabilities = evaluation.probabilities[np.arange(evaluation.n), evaluation.labels]
    hardest = np.argsort(true_probabilities, kind="stable")[:MAX_HARDEST]
    gallery.gallery(mnist_cells(hardest, {name: evaluation}), "odd_gallery")
    _show_disputed(name, evaluation)


def _show_disputed(name: str, evaluation: Evaluation) -> None:
    """Draw the digits with disputed labels, and show the accuracy with and without these digits."""
    st.markdown("**Disputed labels**", help=DISPUTED_HELP)
    disputed = np.array(sorted(DISPUTED_TEST_LABELS))
    n_errors, n_disputed = evaluation.n - evaluation.correct, int((~evaluation.is_correct[disputed]).sum())
    rest = evaluation.n - len(disputed)
    accuracy_of_rest = formatting.percent(1 - (n_errors - n_disputed) / rest, 2)
    st.markdown(
        f"{formatting.escape(name)} makes {formatting.plural(n_errors, 'error')} in all {evaluation.n:,} digits (accuracy "
        f"{formatting.percent(1 - n_errors / evaluation.n, 2)}). Without the {len(disputed)} disputed digits, it makes "
        f"{formatting.plural(n_errors - n_disputed, 'error')} in {rest:,} digits (accuracy {accuracy_of_rest})."
    )
    gallery.gallery(mnist_cells(disputed, {name: evaluation}), "disputed_gallery")
