"""Why the network answers as it does. Computed when asked for, so that strokes stay quick."""

import numpy as np
import streamlit as st

from digitcore import explaining
from pages.shared import caches, pictures, results, words
from pages.shared.lab import Lab
from pages.views import parts


def show(lab: Lab, models: parts.Models) -> None:
    """The drawing as it was when the button was pressed: what the guess hangs on, what would change it, what lies near."""
    digit = lab.canvas.digit
    if st.button("Explain this drawing", key="explain") and digit is not None:
        lab.explained = digit
    if lab.explained is None:
        st.caption("Draw a digit, then press the button.")
        return
    name = list(models)[-1]
    parts.in_full(lab.explained, models, None, "why")
    _show_towards(name, models[name], lab.explained)
    parts.look_alikes(lab, models[name], name, lab.explained)
    _show_layers(lab, models[name], name, lab.explained)
    results.show_progress(lab)


def _show_towards(name, model, digit):
    answers = caches.probabilities(model, digit[None])[0]
    wanted = st.segmented_control(
        f"What would make it another digit to {name}?",
        range(10),
        default=int(np.argsort(-answers)[1]),
        required=True,
        key="towards",
        help="Small spots of ink are added or wiped out one by one, each time where that helps the other digit most.",
    )
    change = explaining.towards(caches.predictor(model), digit, int(wanted))
    st.html(
        pictures.row(
            [
                pictures.image(digit, f"a {wanted}: {answers[int(wanted)]:.1%}", 84),
                pictures.image(change.digit, f"a {wanted}: {change.probability:.1%}", 84),
            ]
        )
    )
    st.caption(f"{words.spots(change.added)} of ink added, {change.wiped} wiped out.")


def _show_layers(lab, model, name, digit):
    st.markdown(
        f"**Layer by layer in {name}**",
        help="Each layer turns the pictures before it into new ones: bright where it found what it looks for. "
        "A unit is dead when it stays dark for every digit: it costs time and says nothing.",
    )
    layers = results.layers(lab, model, digit)
    if layers is None:
        st.caption("Looking …")
        return
    for layer in layers:
        dead = f", {layer.dead:.0%} of them dead" if layer.dead is not None else ""
        st.caption(f"{layer.name}: {layer.units:,} units{dead}")
        st.html(pictures.row([pictures.image(picture, "", 42) for picture in layer.pictures]))
