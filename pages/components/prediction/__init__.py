"""The prediction as one piece of HTML, replaced as a whole, so that nothing moves or flickers between strokes."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from digitcore.images import SIDE
from digitcore.palette import model_colors
from pages.components import assets
from pages.components.figures import data_url

BAR_HEIGHT, MIN_BAR_HEIGHT = 12, 3  # px, of all bars of a digit together, of each


@dataclass(frozen=True, eq=False)
class Reading:
    """What a model makes of a digit.

    Attributes:
        model: its name.
        probabilities: (10,) float; None when nothing is drawn.
        threshold: the confidence below which the second most probable digit is named as well.
    """

    model: str
    probabilities: np.ndarray | None
    threshold: float

    @property
    def ranking(self) -> list[int]:
        """The digits, the most probable first."""
        assert self.probabilities is not None
        ranking: list[int] = np.argsort(self.probabilities)[::-1].tolist()
        return ranking

    @property
    def confidence(self) -> float:
        """The highest probability, 0 to 1."""
        assert self.probabilities is not None
        return float(self.probabilities.max())

    @property
    def is_unsure(self) -> bool:
        """Whether the confidence is below the threshold."""
        return self.confidence < self.threshold


def prediction(readings: list[Reading], digit: np.ndarray | None) -> None:
    """Best guess, ten bars, and the network's input.

    Args:
        readings: of one or more models.
        digit: (28, 28) uint8, or None when nothing is drawn.
    """
    colors = model_colors(len(readings))
    known = [(reading, color) for reading, color in zip(readings, colors, strict=True) if reading.probabilities is not None]
    rows = [
        [0.0 if reading.probabilities is None else float(reading.probabilities[row]) for reading in readings] for row in range(10)
    ]
    st.html(
        assets.render(
            "prediction/prediction.html",
            known=known,
            rows=rows,
            colors=colors,
            bar_height=max(MIN_BAR_HEIGHT, BAR_HEIGHT // len(readings)),
            image=data_url(np.zeros((SIDE, SIDE), np.uint8) if digit is None else digit),
        )
    )
