"""The models of the lab: table, export and import."""

import re

import pandas as pd
import streamlit as st

from digitcore.jobs.tasks import ExportOnnxTask, ImportModelTask
from digitcore.models import export, upload
from digitcore.models.bundle import ModelBundle
from pages.components.work import show_notice
from pages.session import formatting, resources
from pages.session.lab_session import LabSession
from pages.session.training_data import training_data_sentence

MAX_UPLOAD_NAME = 26  # characters; a number can follow


def show_table(session: LabSession) -> None:
    """Draw the table of the user's models and the shipped models."""
    cards = [model.card for model in session.models.every_model().values()]
    accuracies = [card.metrics.get("mnist_accuracy") for card in cards]
    st.dataframe(
        pd.DataFrame(
            {
                "Model": [card.name for card in cards],
                "MNIST": ["" if accuracy is None else formatting.percent(accuracy, 2) for accuracy in accuracies],
                "Parameters": [f"{card.parameters:,}" for card in cards],
                "Training data": [training_data_sentence(card) for card in cards],
            }
        ),
        hide_index=True,
    )


def show_export(session: LabSession) -> None:
    """Draw the download buttons of a model. Its files are checked on the user's drawings first."""
    every = session.models.every_model()
    names = list(every)
    index = names.index(session.active_model.name)
    name = str(st.selectbox("Model", names, index, key=f"out_model_{len(names)}", width=320))
    model = every[name]
    package = export.to_zip(model)
    digits = session.samples.current.digits
    if len(digits) and not export.is_consistent(package, digits, resources.probabilities(model, digits)):
        st.error("The exported file predicts other probabilities than the model. Report this as a bug, and export another model.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "With script (.zip)",
            package,
            f"{name}.zip",
            help="The file contains the model, its card, and a predict.py that needs LiteRT, NumPy, Pillow and SciPy.",
        )
        st.download_button(
            ".keras", model.keras_bytes, f"{name}.keras", help="Use this file to continue the training with Keras."
        )
        st.download_button(".tflite", model.tflite_bytes, f"{name}.tflite", help="Use this file with LiteRT.")
        _show_onnx(session, name, model)
    if len(digits):
        st.caption(f"The exported file predicts the same probabilities on your {formatting.drawings(len(digits))}.")


def _show_onnx(session: LabSession, name: str, model: ModelBundle) -> None:
    work, task = session.work, ExportOnnxTask(model)
    is_busy = work.is_running(task)
    if st.button(
        "Export as .onnx",
        key=f"onnx_{model.key[:12]}",
        disabled=is_busy,
        help="Use this file with ONNX Runtime. The export takes some seconds.",
    ):
        work.resume()
        work.result(task)
        st.rerun()
    if content := work.known(task):
        st.download_button(".onnx", content, f"{name}.onnx", type="primary")


def show_import_form(session: LabSession) -> None:
    """Draw the form to import a model. The form accepts every file, because the import names the kind of a rejected file."""
    file = st.file_uploader(
        "A model saved with Keras (.keras, .h5 or .hdf5)",
        key="model_file",
        max_upload_size=upload.MAX_BYTES // 1_000_000,
        help="The model must map 28 × 28 pixels to ten numbers with plain Keras layers. The import finds the pixel scale.",
    )
    is_busy = bool(session.work.running(ImportModelTask))
    content, file_name = (file.getvalue(), file.name) if file else (b"", "")
    st.button(
        "Import",
        key="model_upload",
        disabled=file is None or is_busy,
        on_click=_import,
        args=(session, content, file_name),
    )
    show_notice(session, ImportModelTask)
    for model in session.models.uploads:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{formatting.escape(model.name)}**: {formatting.model_summary(model)}")
            st.button("Use model", key=f"upload_use_{model.name}", on_click=session.models.activate, args=(model.name,))
            st.button("Remove", key=f"upload_remove_{model.name}", on_click=session.models.remove_upload, args=(model.name,))


def _import(session: LabSession, content: bytes, file_name: str) -> None:
    stem = re.sub(r"[^\w.-]", " ", re.sub(r"\.(keras|h5|hdf5|zip)$", "", file_name))
    name = " ".join(stem.split())[:MAX_UPLOAD_NAME].strip() or "imported"
    session.work.submit(ImportModelTask(content, name))
