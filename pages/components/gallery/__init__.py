"""A grid of digits that fits any screen. A click or a key selects a digit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from pages.components import assets
from pages.components.figures import data_url
from pages.session import state

MAX_CELLS = 60
_grid = st.components.v2.component(
    "digit-lab-gallery",
    html='<div class="grid"></div>',
    css=assets.read("gallery/gallery.css"),
    js=assets.read("gallery/gallery.js"),
)


@dataclass(frozen=True, eq=False)
class Cell:
    """A digit in the grid: its number in its set, (28, 28) uint8, and a caption."""

    number: int
    digit: np.ndarray
    caption: str

    @property
    def url(self) -> str:
        """The image as a data URL."""
        return data_url(self.digit)


def gallery(cells: Sequence[Cell], key: str, total: int | None = None) -> Cell | None:
    """Draw a grid in which one cell can be selected.

    Args:
        cells: The cells. At most `MAX_CELLS` are shown.
        key: Key of the widget.
        total: Number of all digits if `cells` are only the first of them.

    Returns:
        The selected cell, or `None`.
    """
    return next(iter(_show(cells, key, total, multiple=False)), None)


def multi_gallery(cells: Sequence[Cell], key: str, total: int | None = None) -> list[int]:
    """Draw a grid in which several cells can be selected. Return their numbers."""
    return [cell.number for cell in _show(cells, key, total, multiple=True)]


def _show(cells: Sequence[Cell], key: str, total: int | None, multiple: bool) -> list[Cell]:
    shown = {str(cell.number): cell for cell in cells[:MAX_CELLS]}
    selected = [number for number in (state.widget_value(key) or {}).get("selected") or [] if number in shown]
    html = assets.render("gallery/cells.html", cells=list(shown.values()))
    _grid(key=key, data={"cells": html, "selected": selected, "multiple": multiple}, on_selected_change=lambda: None)
    n = total or len(cells)
    if n > len(shown):
        st.caption(f"{len(shown)} of {n:,}.")
    return [shown[number] for number in selected]
