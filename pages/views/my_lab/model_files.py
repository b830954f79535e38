"""Models: the table of all, files to export, a .keras file to import."""

import re

import pandas as pd
import streamlit as st

from digitcore.jobs.model_tasks import ImportModelTask
from digitcore.models import export, upload
from digitcore.models.bundle import ModelBundle
from pages.components.import_progress import import_progress
from pages.components.query_progress import query_progress
from pages.session import queries, resources, text
from pages.session.import_state import ImportKind
from pages.session.lab_session import LabSession
from pages.session.training_data import training_data_sentence

MAX_UPLOAD_NAME = 26  # characters, so that a number can follow


def show_table(session: LabSession) -> None:
    """The user's own models, then the shipped ones."""
    cards = [model.card for model in session.models.every_model().values()]
    accuracies = [card.metrics.get("mnist_accuracy") for card in cards]
    st.dataframe(
        pd.DataFrame(
            {
                "Model": [card.name for card in cards],
                "MNIST": ["" if accuracy is None else text.percent(accuracy, 2) for accuracy in accuracies],
                "Parameters": [f"{card.parameters:,}" for card in cards],
                "Learnt": [training_data_sentence(card) for card in cards],
            }
        ),
        hide_index=True,
    )


def show_export(session: LabSession) -> None:
    """One model as files, checked on the user's drawings before it is handed out."""
    every = session.models.every_model()
    names = list(every)
    index = names.index(session.active_model.name)
    name = str(st.selectbox("Model", names, index, key=f"out_model_{len(names)}", width=320))
    model = every[name]
    package = export.to_zip(model)
    digits = session.samples.current.digits
    if len(digits) and not export.is_consistent(package, digits, resources.probabilities(model, digits)):
        st.error("This file does not answer as the model does here. It is not handed out.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "To run anywhere (.zip)",
            package,
            f"{name}.zip",
            help="The model, its card, and a predict.py that needs LiteRT, NumPy and Pillow only.",
        )
        st.download_button(".keras", model.keras_bytes, f"{name}.keras", help="For Keras: to train further.")
        st.download_button(".tflite", model.tflite_bytes, f"{name}.tflite", help="For LiteRT: the model alone.")
        _show_onnx(session, name, model)
    if len(digits):
        st.caption(f"Checked on your {text.drawings(len(digits))}: it answers as here.")
    query_progress(session)


def _show_onnx(session: LabSession, name: str, model: ModelBundle) -> None:
    key, wanted = f"onnx_{model.key[:12]}", session.queries.onnx_model == model.key
    if st.button("Make .onnx", key=key, help="For ONNX Runtime and others. Takes some seconds.") or wanted:
        session.queries.onnx_model = model.key
        if content := queries.onnx(session, model):
            st.download_button(".onnx", content, f"{name}.onnx", type="primary")


def show_import_form(session: LabSession) -> None:
    """A model of the user's own: checked, opened in a process apart, then listed with the session's models."""
    file = st.file_uploader(
        "A model saved by Keras",
        type=["keras"],
        key="model_file",
        max_upload_size=upload.MAX_BYTES // 1_000_000,
        help="It must turn 28 × 28 pixels into ten numbers, and be built of plain Keras layers.",
    )
    is_busy = session.imports.job is not None
    content, file_name = (file.getvalue(), file.name) if file else (b"", "")
    st.button(
        "Import",
        key="model_upload",
        disabled=file is None or is_busy,
        on_click=_import,
        args=(session, content, file_name),
    )
    import_progress(session, ImportKind.MODEL)
    for model in session.models.uploads:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{text.escape(model.name)}**: {text.model_summary(model)}")
            st.button("Use it", key=f"upload_use_{model.name}", on_click=session.models.activate, args=(model.name,))
            st.button("Remove", key=f"upload_remove_{model.name}", on_click=session.models.remove_upload, args=(model.name,))


def _import(session: LabSession, content: bytes, file_name: str) -> None:
    stem = re.sub(r"[^\w.-]", " ", file_name.removesuffix(".keras"))
    name = " ".join(stem.split())[:MAX_UPLOAD_NAME].strip() or "brought"
    session.imports.begin(ImportModelTask(content, name), ImportKind.MODEL)
