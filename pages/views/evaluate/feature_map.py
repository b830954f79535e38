"""The Map view: MNIST's digits and the user's drawings, placed by the features of a network."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from digitcore import charts, mnist
from digitcore.evaluation.feature_map import FeatureMap
from digitcore.jobs.tasks import FeatureMapTask
from digitcore.samples import SampleSet
from pages.components.digit_details import digit_details
from pages.components.figures import data_url
from pages.components.model_choice import Models, download_table
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
    table = _table(found, own.digits, own.labels)
    chart = charts.digit_map(table)
    event: Any = st.altair_chart(chart, key="feature_map", on_select="rerun", selection_mode=charts.MAP_SELECTION)
    download_table(table.drop(columns="picture"), "map")
    clicked = event.selection.get(charts.MAP_SELECTION) or []
    if clicked:
        _show_digit(clicked[0]["kind"], int(clicked[0]["number"]), own, models)
    else:
        st.caption("Point at a digit to see its picture. Click a digit to open its details.")


def _table(found: FeatureMap, digits: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Return one row per digit, and a second row per drawing for its place by the baseline."""
    test_digits, _ = mnist.load_test()
    of_mnist, yours, yours_before = charts.MAP_KINDS
    parts = [
        (of_mnist, found.positions, found.labels, [data_url(digit) for digit in test_digits[: len(found.labels)]]),
        (yours, found.placed[0], labels, [data_url(digit) for digit in digits]),
        (yours_before, found.placed[-1], labels, [""] * len(digits)),
    ]
    frames = [
        pd.DataFrame(
            {"x": places[:, 0], "y": places[:, 1], "label": shown, "kind": kind, "number": range(len(shown)), "picture": pictures}
        )
        for kind, places, shown, pictures in parts
    ]
    return pd.concat(frames, ignore_index=True)


def _show_digit(kind: str, number: int, own: SampleSet, models: Models) -> None:
    digits, labels = mnist.load_test() if kind == charts.MAP_KINDS[0] else (own.digits, own.labels)
    if number < len(digits):
        digit_details(digits[number], models, int(labels[number]), "map")
