"""The user's drawings: filter, relabel, delete and replay them."""

import numpy as np
import streamlit as st

from digitcore.data.strokes import decode_strokes, redraw, variants_of_each
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from pages.components import figures, gallery
from pages.session import formatting, resources
from pages.session.lab_session import LabSession
from pages.views.draw import drawing_lineage, label_review

SHOWN_VARIANTS = 7
ALL, MISCLASSIFIED, HELD_OUT, CONTRADICTED = "all", "errors", "held out", "review"


def show(session: LabSession) -> None:
    """Draw one page of the gallery at a time, so that the page is fast with hundreds of drawings."""
    samples = session.samples.current
    if not len(samples):
        st.caption("No drawings yet. Draw a digit and tap its label.")
        return
    kind, digits = _choose_filter()
    if kind == CONTRADICTED:
        label_review.show(session, digits)
        return
    model = _choose_model(session) if kind == MISCLASSIFIED else session.active_model
    predictions = resources.probabilities(model, samples.digits).argmax(1)
    numbers = _filter(samples, predictions, kind, digits)
    n_pages = max(1, -(-len(numbers) // gallery.MAX_CELLS))
    page = int(st.number_input("Page", 1, n_pages, 1, key=f"own_page_{n_pages}")) - 1 if n_pages > 1 else 0
    shown = numbers[page * gallery.MAX_CELLS : (page + 1) * gallery.MAX_CELLS]
    cells = [gallery.Cell(int(i), samples.digits[i], _caption(samples, predictions, int(i))) for i in shown]
    if not cells:
        st.caption("No drawings of this kind.")
        return
    selected = gallery.multi_gallery(cells, f"own_{len(samples)}", len(numbers))
    if selected:
        _show_actions(session, selected)
        show_strokes(session, selected[-1])
        drawing_lineage.show(session, selected[-1])
    else:
        st.caption("Click drawings to select them.")


def _choose_filter() -> tuple[str, list[int]]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.segmented_control(
            "Show",
            [ALL, MISCLASSIFIED, HELD_OUT, CONTRADICTED],
            default=ALL,
            required=True,
            key="own_kind",
            format_func=str.capitalize,
        )
        return kind or ALL, st.pills("Digits", range(10), selection_mode="multi", key="own_digits")


def _choose_model(session: LabSession) -> ModelBundle:
    every = session.models.every_model()
    names = list(every)
    index = names.index(session.active_model.name)
    return every[str(st.selectbox("Errors of", names, index, key=f"own_model_{len(names)}_{index}", width=240))]


def _filter(samples: SampleSet, predictions: np.ndarray, kind: str, digits: list[int]) -> np.ndarray:
    """Return indices of samples, newest first."""
    chosen = np.ones(len(samples), bool)
    if kind == MISCLASSIFIED:
        chosen &= predictions != samples.labels
    elif kind == HELD_OUT:
        chosen &= samples.held_out
    if digits:
        chosen &= np.isin(samples.labels, digits)
    return np.flatnonzero(chosen)[::-1]


def _caption(samples: SampleSet, predictions: np.ndarray, i: int) -> str:
    if samples.is_example[i]:
        return f"{samples.labels[i]}, MNIST example"
    error = f", predicted {predictions[i]}" * bool(predictions[i] != samples.labels[i])
    return f"{samples.labels[i]}{error}{', held out' * bool(samples.held_out[i])}"


def _show_actions(session: LabSession, selected: list[int]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = st.selectbox("Relabel as", range(10), index=None, key="own_label", width=140, placeholder="0 to 9")
        st.button("Relabel", key="own_relabel", on_click=_relabel, args=(session, selected, label), disabled=label is None)
        st.button(f"Delete {len(selected)}", key="own_delete", on_click=_delete, args=(session, selected))


def show_strokes(session: LabSession, i: int) -> None:
    """Replay the strokes of a drawing, and show the variants that are added to the training set."""
    samples = session.samples.current
    side, brush, strokes = decode_strokes(samples.strokes[i])
    if not strokes:
        return
    figures.replay(side, brush, strokes)
    st.caption(f"Drawn{_when(samples.dates[i])}: {formatting.plural(len(strokes), 'stroke')}.")
    n_drawn = sum(map(bool, session.samples.for_training().training_part().strokes))
    n_variants = variants_of_each(session.training.settings.redraws, n_drawn)
    if samples.held_out[i]:
        return
    variants = redraw(samples.strokes[i], samples.digits[i], min(n_variants, SHOWN_VARIANTS), np.random.default_rng(0))
    if len(variants):
        st.caption(f"A training adds {formatting.plural(n_variants, 'variant')} of this drawing, for example:")
        figures.figure_row([figures.Figure(variant, "") for variant in variants])


def _when(date: str) -> str:
    return f" on {date[:10]} at {date[11:16]} UTC" if date else ""


def _relabel(session: LabSession, selected: list[int], label: int) -> None:
    sentence = f"{formatting.drawings(len(selected))} labelled {label}."
    session.replace_samples(session.samples.current.relabel(selected, label), sentence)


def _delete(session: LabSession, selected: list[int]) -> None:
    session.replace_samples(session.samples.current.drop(selected), f"{formatting.drawings(len(selected))} deleted.")
