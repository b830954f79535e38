"""Access to the templates, style sheets and scripts of the components."""

from pathlib import Path
from typing import Any

import streamlit as st
from jinja2 import Environment, FileSystemLoader, StrictUndefined

STYLE_SHEETS = ("layout.css", "canvas/canvas.css")
FOLDER = Path(__file__).resolve().parent
_environment = Environment(
    loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def read(path: str) -> str:
    """Return the text of a file. The path is relative to this folder."""
    return (FOLDER / path).read_text(encoding="utf-8")


def style(path: str) -> None:
    """Add a style sheet to the page."""
    st.html(FOLDER / path)


def render(path: str, **values: Any) -> str:
    """Render a template as HTML. All values are escaped."""
    return _environment.get_template(path).render(**values)
