"""Templates, style sheets and scripts, which are files beside the components."""

import re
from pathlib import Path
from typing import Any

import streamlit as st
from jinja2 import Environment, FileSystemLoader, StrictUndefined

STYLE_SHEETS = ("streamlit.css", "layout.css", "canvas/canvas.css")
FOLDER = Path(__file__).resolve().parent
_IMPORT = re.compile(r'^import .* from "(.+)";\n', re.MULTILINE)
_environment = Environment(
    loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def read(path: str) -> str:
    """Return the text of a file. The path is relative to this folder."""
    return (FOLDER / path).read_text(encoding="utf-8")


def script(path: str) -> str:
    """Return a script as one text, together with the files that it imports, because a component takes a single text."""
    texts: dict[Path, str] = {}

    def add(file: Path) -> None:
        if file in texts:
            return
        text = file.read_text(encoding="utf-8")
        for imported in _IMPORT.findall(text):
            add((file.parent / imported).resolve())
        texts[file] = _IMPORT.sub("", text)

    add(FOLDER / path)
    return "\n".join(texts.values())


def style(path: str) -> None:
    """Add a style sheet to the page."""
    st.html(FOLDER / path)


def render(path: str, **values: Any) -> str:
    """Return the HTML of a template. Every value is escaped."""
    return _environment.get_template(path).render(**values)
