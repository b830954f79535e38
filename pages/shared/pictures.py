"""Digits as pictures inside a page."""

import base64
import io

import numpy as np
from PIL import Image

from digitcore import colours

SPEED, PEN_UP = 400.0, 0.25  # px a second of a replayed stroke, s between two of them
MOST_GUESSES = 12
FOR, AGAINST = (230, 159, 0), (43, 131, 198)  # the colours of what speaks for and against an answer: orange and blue


def data_url(picture: np.ndarray) -> str:
    """A picture, (H, W) or (H, W, 3) uint8, as a PNG inside a URL."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def image(picture: np.ndarray, caption: str, side: int = 56) -> str:
    """A picture with a line under it, as HTML; the caption must hold no text of the user's."""
    return (
        f'<figure style="margin:0;text-align:center"><img alt="{caption}" src="{data_url(picture)}" height="{side}" '
        f'style="image-rendering:pixelated;border-radius:4px;max-width:100%"><figcaption style="font-size:12px">{caption}'
        f"</figcaption></figure>"
    )


def row(figures: list[str]) -> str:
    """Figures beside each other, wrapping on a narrow screen, as HTML."""
    return f'<div style="display:flex;flex-wrap:wrap;gap:12px">{"".join(figures)}</div>'


def with_heat(digit: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A digit tinted by what speaks for (orange) and against (blue) an answer.

    Args:
        digit: (28, 28) uint8.
        heat: (28, 28), any range; its largest size gets the full tint.

    Returns:
        (28, 28, 3) uint8.
    """
    share = heat / max(float(np.abs(heat).max()), 1e-6)
    ink = np.repeat(digit[..., None].astype(np.float32), 3, axis=2) * 0.75
    tint = np.where(share[..., None] > 0, np.array(FOR, np.float32), np.array(AGAINST, np.float32))
    strength = np.abs(share)[..., None] * 0.8
    return (ink * (1 - strength) + tint * strength).clip(0, 255).astype(np.uint8)


def replay(side: int, width: int, drawn: list[list[tuple[int, int]]]) -> str:
    """Strokes that draw themselves one after the other, as HTML.

    Args:
        side: of the canvas, in px.
        width: of the brush, in px.
        drawn: the strokes, each a list of points.
    """
    lines, begin = [], 0.0
    for stroke in drawn:
        length = max(1.0, float(np.hypot(*np.diff(np.array(stroke, float), axis=0).T).sum()))
        seconds = length / SPEED
        points = " ".join(f"{x},{y}" for x, y in stroke)
        lines.append(
            f'<polyline points="{points}" pathLength="1" style="stroke-dasharray:1;stroke-dashoffset:1;'
            f'animation:draw {seconds:.2f}s linear {begin:.2f}s forwards"/>'
        )
        begin += seconds + PEN_UP
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" fill="none" stroke="white" '
        f'stroke-width="{width}" stroke-linecap="round" stroke-linejoin="round">'
        '<style>@keyframes draw { to { stroke-dashoffset: 0 } }</style><rect width="100%" height="100%" fill="black" '
        f'stroke="none"/>{"".join(lines)}</svg>'
    )
    url = "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
    return f'<img alt="The strokes in their order" src="{url}" width="140" height="140" style="border-radius:4px">'


def trail(guesses: list[tuple[int, float]]) -> str:
    """The guess after each stroke as a small chart: a bar as high as the network was sure, its digit below."""
    bars = "".join(
        f'<div style="text-align:center;width:22px" title="{sure:.0%}">'
        f'<div style="height:24px;display:flex;align-items:flex-end">'
        f'<div style="width:100%;height:{100 * sure:.0f}%;background:{colours.BLUE}"></div></div>{guess}</div>'
        for guess, sure in guesses[-MOST_GUESSES:]
    )
    words = " → ".join(str(guess) for guess, _ in guesses[-MOST_GUESSES:])
    return (
        f'<div role="img" aria-label="Guesses so far: {words}" style="display:flex;gap:6px;align-items:flex-end;font-size:13px;'
        f'line-height:1.2"><span style="padding-right:4px">Guesses so far</span>{bars}</div>'
    )
