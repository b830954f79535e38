"""The Map view: MNIST's digits and the user's drawings, placed by the features of a network."""

import numpy as np
import streamlit as st

from digitcore import charts, mnist
from digitcore.displays import feature_map
from digitcore.jobs.tasks import FeatureMapTask
from digitcore.samples import SampleSet
from pages.components import presentation
from pages.components.digit_details import digit_details
from pages.components.figures import data_url
from pages.components.model_choice import Models
from pages.session import formatting
from pages.session.lab_session import LabSession

MAX_OWN = 200  # newest drawings that are placed on the map


def show(session: LabSession, models: Models) -> None:
    """Draw the map of the candidate, with the drawings placed by candidate and baseline. A click opens a digit."""
    (before, baseline), (after, candidate) = list(models.items())[:2]
    samples = session.samples.current.drawn_part()
    own = samples.take(np.arange(len(samples))[-MAX_OWN:])
    found = session.work.result(FeatureMapTask((candidate, baseline), own.digits))
    st.markdown(
        f"The map shows 2,000 of MNIST's test digits. Digits that look similar to **{formatting.escape(after)}** lie close "
        "together. Distances between groups have no meaning."
    )
    if found is None:
        st.caption("The first computation of the map takes some seconds.")
        return
    if len(own):
        st.markdown(
            "Circles show your drawings among the digits that are nearest to them. A line starts where "
            f"**{formatting.escape(before)}** places the drawing."
        )
    test_digits, _ = mnist.load_test()
    pictures = [data_url(digit) for digit in test_digits[: len(found.labels)]], [data_url(digit) for digit in own.digits]
    display = feature_map(found, own.labels, pictures)
    clicked = presentation.show_selectable(display, "feature_map", charts.MAP_SELECTION)
    presentation.download(display)
    if clicked:
        _show_digit(session, clicked[0]["kind"], int(clicked[0]["number"]), own, models)
    else:
        st.caption("Point at a digit to see its picture. Click a digit to open its details.")


def _show_digit(session: LabSession, kind: str, number: int, own: SampleSet, models: Models) -> None:
    digits, labels = mnist.load_test() if kind == charts.MAP_KINDS[0] else (own.digits, own.labels)
    if number < len(digits):
        digit_details(session, digits[number], models, int(labels[number]), "map")
