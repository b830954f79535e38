"""A card with an outcome in green, grey or red, and drawings that turn right or wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from digitcore.values import with_article
from pages.components import assets
from pages.components.figures import data_url


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A labelled digit with its predictions before and after a training.

    Attributes:
        digit: (28, 28) uint8.
        label: The label.
        before: Prediction of the initial model; `None` if only one model is shown.
        after: Prediction of the trained model.
    """

    digit: np.ndarray
    label: int
    before: int | None
    after: int

    @property
    def url(self) -> str:
        """The digit as a data URL."""
        return data_url(self.digit)

    @property
    def is_right(self) -> bool:
        """Whether the prediction after the training is the label."""
        return self.after == self.label

    @property
    def was_right(self) -> bool:
        """Whether the prediction before the training is the label."""
        return self.label == (self.after if self.before is None else self.before)


def verdict_card(tone: str) -> DeltaGenerator:
    """Return a container with the color of a `training_summary.Tone`."""
    assets.style("verdict/verdict.css")
    return st.container(key=f"verdict_{tone}", gap="xsmall")


def strip(digits: np.ndarray, labels: np.ndarray) -> None:
    """Draw digits, (N, 28, 28) uint8, with their labels."""
    pairs = zip(digits, labels.tolist(), strict=True)
    st.html(
        assets.render("verdict/strip.html", samples=[(data_url(digit), label, with_article(label)) for digit, label in pairs])
    )


def thumbnails(found: Sequence[Thumbnail], *, is_turning: bool = False) -> None:
    """Draw digits with their predictions and a mark.

    Args:
        found: The digits, oldest first.
        is_turning: Whether the marks change one by one from the predictions before the training to those after it.
    """
    st.html(assets.render("verdict/thumbnails.html", thumbnails=found, is_turning=is_turning))


def boxes(found: Sequence[Thumbnail], n: int) -> None:
    """Draw `n` boxes, which the digits fill one after another."""
    st.html(assets.render("verdict/boxes.html", thumbnails=found, n_empty=max(0, n - len(found))), width="content")
