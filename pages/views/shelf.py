"""Models out and in: files to take along, a .keras file to bring."""

import re

import pandas as pd
import streamlit as st

from digitcore import incoming, takeaway
from pages.shared import caches, frame, results, words
from pages.shared.lab import Lab

MODEL, LAB = "model", "lab"  # what a file is brought as


def show_table(lab: Lab) -> None:
    """The user's own models, then the shipped ones."""
    cards = [model.card for model in lab.every_model().values()]
    accuracies = [card.figures.get("mnist_accuracy") for card in cards]
    st.dataframe(
        pd.DataFrame(
            {
                "Model": [card.name for card in cards],
                "MNIST": ["" if accuracy is None else f"{accuracy:.2%}" for accuracy in accuracies],
                "Parameters": [f"{card.parameters:,}" for card in cards],
                "Learnt": [card.lesson for card in cards],
            }
        ),
        hide_index=True,
    )


def show_out(lab: Lab) -> None:
    """One model as files, checked on the user's drawings before it is handed out."""
    every = lab.every_model()
    names = list(every)
    name = st.selectbox("Model", names, names.index(lab.answers.name), key=f"out_model_{len(names)}", width=320)
    model = every[name]
    parcel = takeaway.zipped(model)
    digits = lab.samples.digits
    if len(digits) and not takeaway.agrees(parcel, digits, caches.probabilities(model, digits)):
        st.error("This file does not answer as the model does here. It is not handed out.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "To run anywhere (.zip)",
            parcel,
            f"{name}.zip",
            help="The model, its card, and a predict.py that needs LiteRT, NumPy and Pillow only.",
        )
        st.download_button(".keras", model.keras_bytes, f"{name}.keras", help="For Keras: to train further.")
        st.download_button(".tflite", model.tflite_bytes, f"{name}.tflite", help="For LiteRT: the model alone.")
        _show_onnx(lab, name, model)
    if len(digits):
        st.caption(f"Checked on your {words.drawings(len(digits))}: it answers as here.")
    results.show_progress(lab)


def _show_onnx(lab, name, model):
    wanted = f"onnx_{model.key[:12]}"
    if st.button("Make .onnx", key=wanted, help="For ONNX Runtime and others. Takes some seconds.") or lab.onnx == model.key:
        lab.onnx = model.key
        if found := results.onnx(lab, model):
            st.download_button(".onnx", found, f"{name}.onnx", type="primary")


def show_in(lab: Lab) -> None:
    """A model of the user's own: checked, opened in a process apart, then on this session's shelf."""
    file = st.file_uploader(
        "A model saved by Keras",
        type=["keras"],
        key="model_file",
        max_upload_size=incoming.MOST_BYTES // 1_000_000,
        help="It must turn 28 × 28 pixels into ten numbers, and be built of plain Keras layers.",
    )
    waits = lab.coming is not None
    st.button("Bring it", key="model_bring", disabled=file is None or waits, on_click=_bring, args=(lab, file))
    show_coming(lab, MODEL)
    for model in lab.uploads:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{model.name}**: {words.model_in_figures(model)}")
            st.button("Use it", key=f"brought_use_{model.name}", on_click=_use, args=(lab, model.name))
            st.button("Put it away", key=f"brought_away_{model.name}", on_click=lab.put_away, args=(model.name,))


def show_coming(lab: Lab, what: str) -> None:
    """How far a file is that is being opened as a model or a lab, or what became of it."""
    if lab.coming_as == what:
        st.fragment(_show_coming, run_every=frame.POLL if lab.coming else None)(lab)


def _show_coming(lab):
    if lab.receive():
        st.rerun()
    if lab.coming:
        st.caption(
            "Opening the file in a process apart; this takes some seconds …"
            if not lab.coming.ahead
            else words.in_line(lab.coming)
        )
    elif lab.received:
        st.info(lab.received)


def _bring(lab, file):
    name = " ".join(re.sub(r"[^\w.-]", " ", file.name.removesuffix(".keras")).split())[:26] or "brought"
    lab.expect(caches.jobs().bring(file.getvalue(), name, owner=lab.owner), MODEL)


def _use(lab, name):
    lab.used = name
