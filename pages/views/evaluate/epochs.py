"""The Epochs view: the first layer and the confusion matrix during a training."""

import numpy as np
import streamlit as st

from digitcore.displays import confusion
from digitcore.training.snapshots import Snapshots
from pages.components import figures, presentation
from pages.components.model_choice import Models, choose_model
from pages.session.lab_session import LabSession

NO_RUN = "Choose a run above to see up to eight of its epochs."
HEIGHT = 56  # px of a picture


def show(session: LabSession, models: Models) -> None:
    """Draw the stored epochs of a run, with a slider."""
    runs = {name: run for name in models if (run := session.models.find_run(name)) is not None}
    if not runs:
        st.markdown(NO_RUN)
        return
    name = choose_model({name: models[name] for name in runs}, "epochs", "Training") if len(runs) > 1 else next(iter(runs))
    found = Snapshots.from_bytes(runs[name].run.snapshots)
    if found is None:
        st.markdown("This run has no stored epochs because its network has no first layer with filters.")
        return
    epochs = [int(epoch) for epoch in found.epochs]
    left, right = st.columns(2, vertical_alignment="bottom")
    epoch = left.select_slider(
        "Epoch", epochs, value=epochs[-1], key=f"epoch_{name}", help="Epoch 0 is the state before the training."
    )
    digit = right.segmented_control("Digit", list(range(10)), default=7, required=True, key="epoch_digit")
    _show(found, epochs.index(epoch), digit or 0)


def _show(found: Snapshots, i: int, digit: int) -> None:
    pictures, matrix = st.columns(2, gap="large")
    with pictures:
        st.markdown(f"**Weights of the first layer** ({found.filters.shape[1]} filters). Bright weights respond to ink.")
        figures.figure_row([figures.Figure(one, "", HEIGHT) for one in found.filters[i]])
        st.markdown("**Activations for this digit.** The first picture is the digit, which is not used for training.")
        maps = found.activations[i, digit]
        maps = _as_rows(maps) if maps.shape[1] == 1 else maps
        shown = [found.digits[digit], *maps]
        figures.figure_row([figures.Figure(one, "", HEIGHT) for one in shown])
    with matrix:
        correct, n = int(np.trace(found.confusion[i])), int(found.confusion[i].sum())
        caption = f"{correct:,} of {n:,} validation digits are predicted correctly."
        display = confusion(found.confusion[i], "confusion at this epoch")
        presentation.show(display, "epoch_confusion", caption, is_dark=figures.is_dark(), height=300)


def _as_rows(maps: np.ndarray) -> np.ndarray:
    """Reshape the units of a dense layer, (1, 1, U), to one picture, (1, h, w)."""
    units = maps.reshape(-1)
    side = int(np.ceil(np.sqrt(len(units))))
    padded = np.pad(units, (0, side * side - len(units)))
    return padded.reshape(1, side, side)
