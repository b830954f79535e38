"""The prediction as HTML that is replaced as a whole, so that nothing moves between strokes."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from digitcore.images import SIDE
from pages.components import assets
from pages.components.figures import data_url
from pages.session import formatting
from pages.session.canvas_state import CanvasState

MAX_TRAIL = 6  # predictions after strokes that are shown
NO_DIGIT = 0.3  # A drawing with a lower confidence is probably no digit, unless the model's threshold is low too.
BAR_HEIGHT, MIN_BAR_HEIGHT = 12, 3  # px: of all bars of a digit together, and of each bar


@dataclass(frozen=True, eq=False)
class Reading:
    """A model's prediction for a digit.

    Attributes:
        model: Name of the model.
        probabilities: (10,) float; `None` if nothing is drawn.
        threshold: The confidence threshold. Below it the second most probable digit is named too.
        color: Color of the model.
    """

    model: str
    probabilities: np.ndarray | None
    threshold: float
    color: str

    @property
    def ranking(self) -> list[int]:
        """The digits, most probable first."""
        assert self.probabilities is not None
        ranking: list[int] = np.argsort(self.probabilities)[::-1].tolist()
        return ranking

    @property
    def confidence(self) -> float:
        """The highest probability, 0 to 1."""
        assert self.probabilities is not None
        return float(self.probabilities.max())

    @property
    def confidence_text(self) -> str:
        """The highest probability as a percentage."""
        return formatting.percent(self.confidence, 1)

    @property
    def remark(self) -> str:
        """A remark about a low confidence, or "". `formatting.js` returns the same remark during a stroke."""
        first, second, *_ = self.ranking
        if self.confidence < NO_DIGIT <= self.threshold:
            return f"Not a digit? Closest: {first} ({formatting.percent(self.confidence)})"
        return f"unsure: {first} or {second}" if self.confidence < self.threshold else ""


def prediction_head(readings: list[Reading], drawn: CanvasState) -> None:
    """Draw the prediction, the predictions after earlier strokes, and the network's input.

    Args:
        readings: Readings of one or two models.
        drawn: The canvas with the predicted drawing.
    """
    trail = [digit for digit, _ in drawn.drawing.predictions]
    digit = drawn.drawing.digit
    st.html(
        assets.render(
            "prediction/head.html",
            known=_known(readings),
            trail=trail[-MAX_TRAIL:] if len(trail) > 1 else [],
            image=data_url(np.zeros((SIDE, SIDE), np.uint8) if digit is None else digit),
            n_strokes=drawn.drawing.n_strokes,
            version=drawn.version,
        )
    )


def first_steps() -> None:
    """Draw the steps of a first training beside the blank canvas. They disappear during the first stroke."""
    with st.container(key="steps"):
        st.html(assets.render("prediction/steps.html"))


def prediction(readings: list[Reading], digit: np.ndarray | None) -> None:
    """Draw the prediction, ten bars, and the network's input.

    Args:
        readings: Readings of one or more models.
        digit: (28, 28) uint8, or `None` if nothing is drawn.
    """
    rows = [
        [0.0 if reading.probabilities is None else float(reading.probabilities[row]) for reading in readings] for row in range(10)
    ]
    st.html(
        assets.render(
            "prediction/prediction.html",
            known=_known(readings),
            rows=rows,
            colors=[reading.color for reading in readings],
            bar_height=max(MIN_BAR_HEIGHT, BAR_HEIGHT // len(readings)),
            image=data_url(np.zeros((SIDE, SIDE), np.uint8) if digit is None else digit),
        )
    )


def guesses_html(readings: list[Reading]) -> str:
    """Return the HTML of the predictions. The browser writes other digits and probabilities into it during a stroke."""
    return assets.render("prediction/guesses.html", known=_known(readings))


def _known(readings: list[Reading]) -> list[Reading]:
    """Return the readings of a drawing; [] if nothing is drawn."""
    return [reading for reading in readings if reading.probabilities is not None]
