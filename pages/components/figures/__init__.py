"""Digits and networks as figures in a page."""

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import streamlit as st
from PIL import Image

from digitcore.data.strokes import Stroke
from digitcore.images import SIDE
from digitcore.models.network_spec import LayerShape
from digitcore.palette import BLUE, GREY, ORANGE
from pages.components import assets

REPLAY_SPEED, REPLAY_PAUSE = 400.0, 0.25  # px per second of a replayed stroke, s between two strokes
N_KEPT_IMAGES = 2000  # A page draws the same digits again at each poll. A digit and its data URL need 2 kB.
STACK_PX = 2  # px of a block per px of a layer's output
FOR_COLOR, AGAINST_COLOR = (230, 159, 0), (43, 131, 198)  # orange and blue: evidence for and against a class


@dataclass(frozen=True, eq=False)
class Figure:
    """An image, (H, W) or (H, W, 3) uint8, with a caption and a height in px."""

    image: np.ndarray
    caption: str
    height: int = 56

    @property
    def url(self) -> str:
        """The image as a data URL."""
        return data_url(self.image)


def is_dark() -> bool:
    """Check whether the page is dark. A chart with a color for zero depends on this."""
    return st.context.theme.type == "dark"


def data_url(image: np.ndarray) -> str:
    """Return an image, (H, W) or (H, W, 3) uint8, as a data URL of a PNG."""
    return _data_url(image.tobytes(), image.shape)


@lru_cache(maxsize=N_KEPT_IMAGES)
def _data_url(pixels: bytes, shape: tuple[int, ...]) -> str:
    return _encode(np.frombuffer(pixels, np.uint8).reshape(shape))


def _encode(image: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def picture(image: np.ndarray, description: str, width: str) -> None:
    """Draw an image with a description for screen readers, which `st.image` does not have.

    The image is not cached, because it can be much larger than a digit.

    Args:
        image: (H, W) or (H, W, 3) uint8.
        description: What the image shows.
        width: Width in CSS, for example "100%".
    """
    st.html(assets.render("figures/picture.html", url=_encode(image), description=description, width=width))


def figure_row(figures: Sequence[Figure]) -> None:
    """Draw figures side by side. On a narrow screen, the figures wrap."""
    st.html(assets.render("figures/row.html", figures=figures))


def legend(colors: Mapping[str, str]) -> None:
    """Draw a legend of several charts. Unlike the legend of a chart, it wraps long names.

    Args:
        colors: Name → its color.
    """
    st.html(assets.render("figures/legend.html", items=list(colors.items())))


def network_stack(shapes: Sequence[LayerShape]) -> None:
    """Draw a network with one block per layer.

    The height of a block is the side of the layer's output or the logarithm of its number of units. The width is the logarithm of
    its number of channels.
    """
    layers = [_stacked("the digit", (SIDE, SIDE, 1), GREY)]
    layers += [_stacked(shape.name, shape.output, BLUE if len(shape.output) > 1 else ORANGE) for shape in shapes]
    description = "The network: " + "; ".join(shape.name for shape in shapes)
    st.html(assets.render("figures/stack.html", layers=layers, description=description))


def _stacked(name: str, output: Sequence[int], color: str) -> dict[str, object]:
    """Return the block of a layer: size in px, color and caption."""
    side, channels = (output[0], output[-1]) if len(output) > 1 else (1, 1)
    height = STACK_PX * side if len(output) > 1 else STACK_PX * 4 * math.log2(1 + output[0])
    return {
        "name": name,
        "width": round(6 + STACK_PX * 3 * math.log2(channels)),
        "height": round(height),
        "color": color,
        "caption": "×".join(map(str, output)),
    }


def tint(digit: np.ndarray, attribution: np.ndarray) -> np.ndarray:
    """Tint a digit by the evidence for (orange) and against (blue) a class.

    Args:
        digit: (28, 28) uint8.
        attribution: (28, 28) float. The largest absolute value gets the full tint.

    Returns:
        (28, 28, 3) uint8.
    """
    share = attribution / max(float(np.abs(attribution).max()), 1e-6)
    ink = np.repeat(digit[..., None].astype(np.float32), 3, axis=2) * 0.75
    color = np.where(share[..., None] > 0, np.array(FOR_COLOR, np.float32), np.array(AGAINST_COLOR, np.float32))
    strength = np.abs(share)[..., None] * 0.8
    tinted: np.ndarray = (ink * (1 - strength) + color * strength).clip(0, 255).astype(np.uint8)
    return tinted


def replay(side: int, brush: int, strokes: Sequence[Stroke]) -> None:
    """Draw an animation of strokes.

    Args:
        side: Side of the canvas in px.
        brush: Width of the brush in px.
        strokes: The strokes, each a list of points.
    """
    lines, begin = [], 0.0
    for stroke in strokes:
        length = max(1.0, float(np.hypot(*np.diff(np.array(stroke, float), axis=0).T).sum()))
        seconds = length / REPLAY_SPEED
        lines.append({"points": " ".join(f"{x},{y}" for x, y in stroke), "seconds": f"{seconds:.2f}", "begin": f"{begin:.2f}"})
        begin += seconds + REPLAY_PAUSE
    svg = assets.render("figures/replay.svg", side=side, brush=brush, lines=lines)
    url = "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
    st.html(assets.render("figures/replay.html", url=url))
