"""Predictions in the browser during a stroke. The server predicts the drawing when the stroke ends."""

from collections.abc import Mapping

import numpy as np
import streamlit as st

from pages.components import assets
from pages.components.label_buttons import SHOWN_FROM
from pages.components.model_choice import Models
from pages.components.prediction import NO_DIGIT, Reading, guesses_html
from pages.session import resources

_worker = assets.script("live/worker.js")
_live = st.components.v2.component("digit-lab-live", js=assets.script("live/live.js"))


def live_prediction(models: Models, colors: Mapping[str, str]) -> None:
    """Let the browser predict during strokes with these models, unless it cannot run one of them."""
    paths = [resources.program_path(model) for model in models.values()]
    _live(
        key="live",
        data={
            "paths": paths if all(paths) else [],
            "thresholds": [model.card.confidence_threshold for model in models.values()],
            "guesses": guesses_html([Reading(name, np.zeros(10), 0, colors[name]) for name in models]),
            "noDigit": NO_DIGIT,
            "shownFrom": SHOWN_FROM,
            "worker": _worker,
        },
    )
