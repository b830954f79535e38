"""What MNIST is made of."""

import numpy as np
import streamlit as st

from digitcore import charts
from pages.shared import gallery, pictures, results
from pages.shared.lab import Lab
from pages.views import parts


def show(lab: Lab, models: parts.Models) -> None:
    """Classes, mean pictures, a mosaic, ink, and the digits that a model finds odd."""
    seed = int(st.number_input("Mosaic", 1, 1000, 1, key="mosaic", help="Another number shows other digits.", width=160)) - 1
    found = results.exploration(lab, seed)
    if found is None:
        st.caption(parts.WAIT)
        return
    mosaic, means = st.columns([3, 2])
    mosaic.image(found.mosaic, caption="Twenty training digits of each kind, by chance.", width="stretch")
    with means:
        st.markdown("**The mean of each digit**")
        st.html(pictures.row([pictures.image(picture, str(digit)) for digit, picture in enumerate(found.means)]))
        st.caption("Sharp where people agree, blurred where they do not.")
    left, right = st.columns(2)
    with left:
        st.altair_chart(charts.bars(found.classes, "digit", "training", "How many training digits"), key="classes")
        parts.table(found.classes, "classes")
    with right:
        title = "Share of pixels by how much ink they have (0 to 255)"
        st.altair_chart(charts.bars(found.levels, "ink", "share", title, format=".1%", log=True), key="levels")
        parts.table(found.levels, "ink")
    with left:
        title = "Mean ink, as a share of a full square"
        st.altair_chart(charts.bars(found.shapes, "digit", "ink", title, format=".0%"), key="shapes")
        parts.table(found.shapes, "shapes")
    with right:
        title = "Mean width of the ink, in pixels of 28"
        st.altair_chart(charts.bars(found.shapes, "digit", "width", title, format="~g"), key="widths")
    _show_odd(lab, models)


def _show_odd(lab, models):
    st.markdown("**The odd ones**", help="The test digits with the highest loss: where the model gives the truth least.")
    name = parts.one(models, "odd", "Odd to")
    judged = results.judged(lab, {name: models[name]})
    if not judged:
        st.caption(parts.WAIT)
        return
    found = judged[name].mnist
    truth = found.probabilities[np.arange(found.of), found.labels]
    gallery.show(parts.test_cells(np.argsort(truth, kind="stable")[:40], {name: found}), "odd_gallery")
