"""The details of one digit: predictions, important pixels, and the nearest MNIST digits."""

from collections.abc import Iterable, Mapping

import numpy as np
import streamlit as st

from digitcore import mnist
from digitcore.evaluation import attribution
from digitcore.evaluation.metrics import Evaluation
from digitcore.jobs.tasks import NeighborsTask
from digitcore.models.bundle import ModelBundle
from pages.components import figures, gallery
from pages.components.figures import Figure
from pages.components.model_choice import Models
from pages.components.prediction import Reading, prediction
from pages.session import formatting, resources
from pages.session.lab_session import LabSession

ATTRIBUTION_HEIGHT = 112  # px


def read_digit(digit: np.ndarray | None, models: Models, colors: Mapping[str, str]) -> list[Reading]:
    """Return each model's reading of a digit, (28, 28) uint8; `None` means that nothing is drawn."""
    return [
        Reading(
            name,
            None if digit is None else resources.predictor(model).probabilities(digit[None])[0],
            model.card.confidence_threshold,
            colors[name],
        )
        for name, model in models.items()
    ]


def mnist_cells(numbers: Iterable[int], evaluations: dict[str, Evaluation]) -> list[gallery.Cell]:
    """Return gallery cells of MNIST test digits with the true digit and each model's prediction."""
    digits, labels = mnist.load_test()
    cells = []
    for i in list(numbers)[: gallery.MAX_CELLS]:
        predicted = " → ".join(str(one.predictions[i]) for one in evaluations.values())
        cells.append(gallery.Cell(int(i), digits[i], f"true {labels[i]}, predicted {predicted}"))
    return cells


def digit_details(session: LabSession, digit: np.ndarray, models: Models, label: int | None, key: str) -> None:
    """Draw the probabilities of each model, and the pixels that its prediction depends on."""
    readings = read_digit(digit, models, session.models.colors(models))
    with st.container(border=True, key=f"full_{key}"):
        if label is not None:
            st.markdown(f"**True {label}.**")
        bars, pixels = st.columns([3, 2]) if len(models) < 3 else (st.container(), st.container())
        with bars:
            prediction(readings, digit)
        with pixels:
            st.markdown(
                "Pixels that matter",
                help="A small patch is erased at each position. Orange means that the prediction becomes less likely, and blue "
                "means that the prediction becomes more likely.",
            )
            figures.figure_row([_attribution_figure(reading, models[reading.model], digit) for reading in readings])


def nearest_digits(session: LabSession, model: ModelBundle, name: str, digit: np.ndarray) -> None:
    """Draw the MNIST digits that are nearest to a digit in a model's feature space."""
    st.markdown(
        f"**Nearest MNIST digits (by {formatting.escape(name)}'s features)**",
        help="Distances to 20,000 training digits are measured in the network's penultimate layer. The usual distance between "
        "two MNIST digits is 1.0.",
    )
    found = session.work.result(NeighborsTask(model, digit[None]))
    if found is None:
        st.caption("Searching …")
        return
    if found.distances[0, 0] > found.far:
        st.markdown(
            f"This drawing is **unlike MNIST**: the distance to the nearest digit is {found.distances[0, 0]:.1f} times the usual "
            f"distance. Only one in a hundred MNIST digits has a distance above {found.far:.1f}. The prediction may be wrong."
        )
    nearest = zip(found.digits[0], found.labels[0], found.distances[0], strict=True)
    figures.figure_row([Figure(image, f"{formatting.with_article(label)}, {distance:.1f}") for image, label, distance in nearest])


def _attribution_figure(reading: Reading, model: ModelBundle, digit: np.ndarray) -> Figure:
    predicted = reading.ranking[0]
    occlusion = attribution.occlusion(resources.predictor(model), digit, predicted)
    return Figure(figures.tint(digit, occlusion), f"{reading.model}: {formatting.with_article(predicted)}", ATTRIBUTION_HEIGHT)
