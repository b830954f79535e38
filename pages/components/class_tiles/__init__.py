"""The tiles of the pupils of a class, and the wall of their drawings."""

import base64
import functools
import io
from collections.abc import Sequence

import numpy as np
import streamlit as st

from digitcore.classroom.overview import Tile
from digitcore.images import SIDE
from pages.components import assets
from pages.components.figures import data_url
from pages.session import formatting

WALL_COLUMNS = 20


def tiles(found: Sequence[Tile], note: str, is_large: bool = False) -> None:
    """Draw a tile for each pupil: nickname, last drawing, number of drawings, and the share that a model reads.

    Args:
        found: The tiles.
        note: A sentence below the tiles about the share.
        is_large: Whether the tiles are for a projector.
    """
    assets.style("class_tiles/tiles.css")
    rows = [
        {
            "name": tile.pupil.nickname,
            "image": "" if tile.last is None else data_url(tile.last),
            "n": tile.n,
            "read": formatting.percent(tile.read.accuracy) if tile.read.n else "–",
        }
        for tile in found
    ]
    st.html(assets.render("class_tiles/tiles.html", tiles=rows, note=note, size="large" if is_large else "small"))


def invitation(name: str, code: str, link: str, summary: str, is_large: bool = False) -> None:
    """Draw the join code with its QR code, large enough for a projector.

    Args:
        name: Name of the class.
        code: Join code; "" if joining is closed.
        link: Address that joins the class.
        summary: A sentence about the class.
        is_large: Whether the code can be scanned from the other end of a room.
    """
    assets.style("class_tiles/tiles.css")
    values = {"name": name, "code": code, "qr": qr_url(link), "link": link, "summary": summary}
    st.html(assets.render("class_tiles/invitation.html", **values, size="large" if is_large else "small"))


@functools.lru_cache(maxsize=100)
def qr_url(text: str) -> str:
    """Return the QR code of a text as the data URL of a picture, dark on white."""
    import segno  # Imported here because only a teacher's page needs it.

    file = io.BytesIO()
    segno.make(text, error="m").save(file, kind="png", scale=8, border=3)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def mosaic(digits: np.ndarray, columns: int = WALL_COLUMNS) -> np.ndarray:
    """Return digits, (N, 28, 28) uint8, as one picture with `columns` digits in a row."""
    n_rows = -(-len(digits) // columns)
    padded = np.zeros((n_rows * columns, SIDE, SIDE), np.uint8)
    padded[: len(digits)] = digits
    return padded.reshape(n_rows, columns, SIDE, SIDE).transpose(0, 2, 1, 3).reshape(n_rows * SIDE, columns * SIDE)
