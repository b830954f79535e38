"""Digits in a grid that fits any screen; a click or a key picks one."""

import html
from dataclasses import dataclass

import numpy as np
import streamlit as st

from pages.shared import pictures, state

MOST = 60  # pictures at once

_SCRIPT = """
export default function ({ data, parentElement, setStateValue }) {
  const grid = parentElement.querySelector(".grid");
  grid.innerHTML = data.cells;
  const buttons = [...grid.querySelectorAll("button")];
  const picked = new Set(data.picked);
  const mark = () => { for (const button of buttons) button.setAttribute("aria-pressed", picked.has(button.value)); };
  mark();
  for (const button of buttons) {
    button.onclick = () => {
      const was = picked.has(button.value);
      if (!data.many) picked.clear();
      if (was && data.many) picked.delete(button.value); else picked.add(button.value);
      mark();
      setStateValue("picked", [...picked]);
    };
  }
}
"""
_STYLE = """
.grid { display: flex; flex-wrap: wrap; gap: 6px; max-height: 400px; overflow-y: auto; padding: 2px; }
button {
  padding: 4px; font: inherit; font-size: 12px; line-height: 1.3; cursor: pointer; color: var(--st-text-color);
  background: transparent; border: 2px solid transparent; border-radius: var(--st-base-radius); width: 80px;
}
button img { display: block; margin: 0 auto 2px; width: 56px; height: 56px; image-rendering: pixelated; border-radius: 4px; }
button:hover, button:focus-visible { border-color: var(--st-border-color); }
button[aria-pressed=true] { border-color: var(--st-primary-color); }
"""
_grid = st.components.v2.component("digit-lab-gallery", html='<div class="grid"></div>', css=_STYLE, js=_SCRIPT)


@dataclass(frozen=True, eq=False)
class Cell:
    """One picture: its number in the set that it comes from, the digit, and a line to stand under it."""

    number: int
    digit: np.ndarray
    caption: str


def show(cells: list[Cell], key: str, total: int | None = None) -> Cell | None:
    """Draw the grid; one cell can be picked.

    Args:
        cells: at most `MOST` are shown.
        key: of the widget.
        total: how many there are, where these are only the first.

    Returns:
        The picked cell, or None while none of these is picked.
    """
    return next(iter(_show(cells, key, total, many=False)), None)


def show_many(cells: list[Cell], key: str, total: int | None = None) -> list[int]:
    """The same, but any number of cells can be picked: their numbers."""
    return [cell.number for cell in _show(cells, key, total, many=True)]


def _show(cells, key, total, many):
    shown = {str(cell.number): cell for cell in cells[:MOST]}
    picked = [number for number in (state.value(key) or {}).get("picked") or [] if number in shown]
    buttons = "".join(_button(number, cell) for number, cell in shown.items())
    _grid(key=key, data={"cells": buttons, "picked": picked, "many": many}, on_picked_change=lambda: None)
    if (total := total or len(cells)) > len(shown):
        st.caption(f"{len(shown)} of {total:,}.")
    return [shown[number] for number in picked]


def _button(number, cell):
    caption = html.escape(cell.caption)
    return (
        f'<button type="button" value="{number}" aria-pressed="false"><img alt="" src="{pictures.data_url(cell.digit)}">'
        f"{caption}</button>"
    )
