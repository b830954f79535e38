"""Digits as pictures inside a page."""

import base64
import io

import numpy as np
from PIL import Image

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
