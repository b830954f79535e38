"""Every drawing of the user's, read again by two models: fixed, broken, still wrong."""

import numpy as np
import streamlit as st

from digitcore.comparison import Pair
from digitcore.evaluation import Evaluation
from pages.shared import caches, gallery
from pages.shared.lab import Lab
from pages.views import parts


def show(lab: Lab, models: parts.Models) -> None:
    """The user's samples; a click shows one in full, with the MNIST digits that look most like it."""
    samples = lab.samples
    if not len(samples):
        st.markdown("No labelled drawings yet. Label some on the Draw page.")
        return
    chosen = parts.pair(models, "drawings")
    if chosen is None:
        return
    first, second = chosen
    both = [Evaluation.from_probabilities(samples.labels, caches.probabilities(models[name], samples.digits)) for name in chosen]
    found = Pair(*both)
    st.markdown(parts.difference(found, first, second, "drawings"))
    kinds = {
        "Fixed": found.fixed,
        "Broken": found.broken,
        "Still wrong": found.still_wrong,
        "Right in both": np.flatnonzero(found.first.right & found.second.right),
    }
    most = max(kinds, key=lambda name: (name != "Right in both") * len(kinds[name]))
    kind = st.segmented_control(
        "Drawings",
        list(kinds),
        default=most if len(kinds[most]) else "Right in both",
        required=True,
        key=f"drawings_kind_{len(samples)}_{first}_{second}",
        format_func=lambda name: f"{name} ({len(kinds[name]):,})",
    )
    cells = [_cell(samples, found, int(number)) for number in kinds[kind or "Fixed"]]
    if not cells:
        st.caption("None.")
        return
    picked = gallery.show(cells, "drawings_gallery")
    if picked is not None:
        truth = int(samples.labels[picked.number])
        parts.in_full(picked.digit, {name: models[name] for name in chosen}, truth, "drawings")
        parts.look_alikes(lab, models[second], second, picked.digit)


def _cell(samples, found, number):
    held = ", held out" * bool(samples.held_out[number])
    caption = f"a {samples.labels[number]}: {found.first.guesses[number]} → {found.second.guesses[number]}{held}"
    return gallery.Cell(number, samples.digits[number], caption)
