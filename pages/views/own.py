"""The user's own drawings: seen, filtered, labelled anew, deleted, drawn again before one's eyes."""

import numpy as np
import streamlit as st

from digitcore import strokes
from pages.shared import caches, gallery, pictures, words
from pages.shared.lab import Lab

ALL, MISREAD, HELD_OUT = "All", "Misread", "Held out"


def show(lab: Lab) -> None:
    """A page of the gallery at a time, so that hundreds stay quick."""
    samples = lab.samples
    if not len(samples):
        st.caption("None yet. Draw a digit and press the one you meant.")
        return
    kind, digits = _choose_filter()
    model = _choose_model(lab) if kind == MISREAD else lab.answers
    guesses = caches.probabilities(model, samples.digits).argmax(1)
    numbers = _filtered(samples, guesses, kind, digits)
    pages = max(1, -(-len(numbers) // gallery.MOST))
    page = int(st.number_input("Page", 1, pages, 1, key=f"own_page_{pages}")) - 1 if pages > 1 else 0
    here = numbers[page * gallery.MOST : (page + 1) * gallery.MOST]
    cells = [gallery.Cell(int(i), samples.digits[i], _caption(samples, guesses, i)) for i in here]
    if not cells:
        st.caption("None of this kind.")
        return
    picked = gallery.show_many(cells, f"own_{len(samples)}", len(numbers))
    if picked:
        _show_actions(lab, picked)
    else:
        st.caption("Click drawings to choose them.")


def _choose_filter():
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.segmented_control("Show", [ALL, MISREAD, HELD_OUT], default=ALL, required=True, key="own_kind")
        return kind, st.pills("Digits", range(10), selection_mode="multi", key="own_digits")


def _choose_model(lab):
    every = lab.every_model()
    names = list(every)
    here = names.index(lab.answers.name)
    return every[st.selectbox("Misread by", names, here, key=f"own_model_{len(names)}_{here}", width=240)]


def _filtered(samples, guesses, kind, digits):
    chosen = np.ones(len(samples), bool)
    if kind == MISREAD:
        chosen &= guesses != samples.labels
    elif kind == HELD_OUT:
        chosen &= samples.held_out
    if digits:
        chosen &= np.isin(samples.labels, digits)
    return np.flatnonzero(chosen)[::-1]


def _caption(samples, guesses, i):
    read = f" read as {guesses[i]}" * bool(guesses[i] != samples.labels[i])
    return f"a {samples.labels[i]}{read}{', held out' * bool(samples.held_out[i])}"


def _show_actions(lab, picked):
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = st.selectbox("They are a …", range(10), index=None, key="own_label", width=140, placeholder="0 to 9")
        st.button("Label anew", key="own_relabel", on_click=_relabel, args=(lab, picked, label), disabled=label is None)
        st.button(f"Delete {len(picked)}", key="own_delete", on_click=_delete, args=(lab, picked))
    side, width, drawn = strokes.read(lab.samples.strokes[picked[-1]])
    if drawn:
        st.html(pictures.replay(side, width, drawn))
        st.caption(f"How it was drawn{_when(lab.samples.dates[picked[-1]])}: {len(drawn)} stroke{'s' * (len(drawn) != 1)}.")


def _when(date):
    return f" on {date[:10]} at {date[11:16]} UTC" if date else ""


def _relabel(lab, picked, label):
    lab.change_samples(lab.samples.relabelled(picked, label), f"{words.drawings(len(picked))} labelled {label}.")


def _delete(lab, picked):
    lab.change_samples(lab.samples.without(picked), f"{words.drawings(len(picked))} deleted.")
