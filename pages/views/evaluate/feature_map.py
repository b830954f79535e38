"""The map: what the network holds alike lies close together, and one's own drawings among MNIST's."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from digitcore import charts, mnist
from digitcore.evaluation.feature_map import FeatureMap
from digitcore.samples import SampleSet
from pages.components.digit_details import digit_details
from pages.components.figures import data_url
from pages.components.model_choice import Models, download_table
from pages.session import queries, text
from pages.session.lab_session import LabSession

MAX_OWN = 200  # drawings that are placed, the newest


def show(session: LabSession, models: Models) -> None:
    """The map of the candidate, with the drawings where it and the baseline place them; a click opens a digit."""
    (before, baseline), (after, candidate) = list(models.items())[:2]
    samples = session.samples.current
    own = samples.take(np.arange(len(samples))[-MAX_OWN:])
    found = queries.feature_map(session, (candidate, baseline), own.digits)
    st.markdown(
        f"2,000 of MNIST's test digits: what **{text.escape(after)}** holds alike lies close together, however far the groups "
        "lie apart."
    )
    if found is None:
        st.caption("Laying out the map takes some seconds, the first time.")
        return
    if len(own):
        st.markdown(
            "Your drawings stand in circles, among the digits that are nearest to them for it; a line leads there from where "
            f"**{text.escape(before)}** puts them."
        )
    table = _table(found, own.digits, own.labels)
    chart = charts.digit_map(table)
    event: Any = st.altair_chart(chart, key="feature_map", on_select="rerun", selection_mode=charts.MAP_SELECTION)
    download_table(table.drop(columns="picture"), "map")
    clicked = event.selection.get(charts.MAP_SELECTION) or []
    if clicked:
        _show_digit(clicked[0]["kind"], int(clicked[0]["number"]), own, models)
    else:
        st.caption("Point at a digit to see it, click it to open it.")


def _table(found: FeatureMap, digits: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """One row a digit, and a second for each drawing where the baseline puts it."""
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
