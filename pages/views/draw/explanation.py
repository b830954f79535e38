"""The explanation of a prediction. It is computed when the user asks for it, so that strokes are not delayed."""

import numpy as np
import streamlit as st

from digitcore.evaluation import attribution
from digitcore.jobs.tasks import ActivationsTask
from digitcore.models.bundle import ModelBundle
from pages.components import figures
from pages.components.digit_details import digit_details, nearest_digits
from pages.components.figures import Figure
from pages.components.model_choice import Models
from pages.session import formatting, resources
from pages.session.lab_session import LabSession

COUNTERFACTUAL_HEIGHT, LAYER_HEIGHT = 84, 42  # px


def show(session: LabSession, models: Models) -> None:
    """Explain the drawing: important pixels, a counterfactual, similar digits and the layers."""
    digit = session.canvas.drawing.digit
    if st.button("Explain this drawing", key="explain") and digit is not None:
        session.canvas.explain(digit)
    explained = session.canvas.explained_digit
    if explained is None:
        st.caption("The button explains the drawing on the canvas.")
        return
    name = list(models)[-1]
    digit_details(session, explained, models, None, "why")
    _show_counterfactual(name, models[name], explained)
    nearest_digits(session, models[name], name, explained)
    _show_layers(session, models[name], name, explained)


def _show_counterfactual(name: str, model: ModelBundle, digit: np.ndarray) -> None:
    probabilities = resources.probabilities(model, digit[None])[0]
    target = st.segmented_control(
        f"Smallest change that gives another prediction ({formatting.escape(name)})",
        range(10),
        default=int(np.argsort(-probabilities)[1]),
        required=True,
        key="towards",
        help="Small spots of ink are added or erased one by one, each where it increases the other digit's probability most.",
    )
    target = int(target or 0)
    changed = attribution.counterfactual(resources.predictor(model), digit, target)
    other = formatting.with_article(target)
    figures.figure_row(
        [
            Figure(digit, f"{other}: {formatting.percent(probabilities[target], 1)}", COUNTERFACTUAL_HEIGHT),
            Figure(changed.digit, f"{other}: {formatting.percent(changed.probability, 1)}", COUNTERFACTUAL_HEIGHT),
        ]
    )
    st.caption(
        f"The change adds {formatting.plural(changed.n_added, 'spot')} of ink and erases "
        f"{formatting.plural(changed.n_erased, 'spot')}."
    )


def _show_layers(session: LabSession, model: ModelBundle, name: str, digit: np.ndarray) -> None:
    st.markdown(
        f"**Layer by layer in {formatting.escape(name)}**",
        help="The pictures show activations. They are bright where a filter or unit responds. A dead unit responds to no digit.",
    )
    layers = session.work.result(ActivationsTask(model, digit))
    if layers is None:
        st.caption("Computing …")
        return
    for layer in layers:
        dead = f", {formatting.percent(layer.dead_share)} dead" if layer.dead_share is not None else ""
        st.caption(f"{layer.name}: {layer.n_units:,} units{dead}")
        figures.figure_row([Figure(image, "", LAYER_HEIGHT) for image in layer.maps])
