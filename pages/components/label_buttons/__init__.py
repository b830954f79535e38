"""Ten buttons that label the drawing. Each button shows the probability of its digit."""

from typing import Any

import streamlit as st

from pages.components import assets, canvas
from pages.components.prediction import Reading
from pages.session import formatting, resources, state
from pages.session.lab_session import LabSession

NOTHING_DRAWN = "Draw a digit first, then tap its label."
BUTTONS_KEY = "label_buttons"
SHOWN_FROM = 0.005  # A smaller probability has no number above its bar.
_buttons = st.components.v2.component(
    "digit-lab-labels",
    html=assets.read("label_buttons/buttons.html"),
    css=assets.read("label_buttons/buttons.css"),
    js=assets.read("label_buttons/buttons.js"),
    isolate_styles=False,
)


def label_buttons(session: LabSession, readings: list[Reading]) -> None:
    """Draw the buttons. A press stores the drawing with that label."""
    with st.container(key="labels"):
        _buttons(key=BUTTONS_KEY, data=_data(session, readings), on_label_change=lambda: _on_label(session))


def label_counts(session: LabSession) -> None:
    """Draw the number of drawings of each digit below its button."""
    with st.container(key="samples"):
        st.html(assets.render("label_buttons/counts.html", counts=session.samples.current.drawn_part().counts()))


def _data(session: LabSession, readings: list[Reading]) -> dict[str, Any]:
    """Return the content of the buttons: for each digit the heights of its bars, 0 to 1, its name and its percentage.

    A button is grey if the class does not draw its digit. A press is refused with the reason.
    """
    shares = [[0.0 if one.probabilities is None else float(one.probabilities[digit]) for one in readings] for digit in range(10)]
    is_drawn = readings[-1].probabilities is not None
    reasons = [session.classroom.reason_against(digit) for digit in range(10)]
    return {
        "shares": [[round(share, 3) for share in row] for row in shares],
        "names": [
            f"It is {formatting.with_article(digit)}"
            + f", {formatting.percent(row[-1])}" * is_drawn
            + f". {reason}" * bool(reason)
            for digit, (row, reason) in enumerate(zip(shares, reasons, strict=True))
        ],
        "refused": list(map(bool, reasons)),
        "texts": [formatting.percent(row[-1]) if row[-1] >= SHOWN_FROM else "" for row in shares],
        "colors": [reading.color for reading in readings],
        "keys": session.canvas.has_keys,
    }


def _on_label(session: LabSession) -> None:
    digit: Any = (state.widget_value(BUTTONS_KEY) or {}).get("label")
    if not isinstance(digit, int) or digit not in range(10):
        return
    canvas.sync(session)  # A label may arrive before the last stroke was processed.
    if session.label(digit):
        resources.jobs().warm_up()
    else:
        session.canvas.remount()  # After a label the browser holds strokes back until a new canvas appears.
        session.canvas.set_notice(NOTHING_DRAWN if session.canvas.digit is None else "")
