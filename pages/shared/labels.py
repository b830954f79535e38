"""The ten label buttons, the undo of the last label, and the count of samples for each digit."""

import datetime

import streamlit as st

from digitcore import colours, strokes
from pages.shared import caches, canvas
from pages.shared.lab import Lab

_WITHOUT_HINTS = "<style>.st-key-labels kbd { display: none }</style>"  # the key is the label: once is enough


def show(lab: Lab) -> None:
    """Teaching with one tap: a press stores the drawing under that digit, whatever the guess was."""
    with st.container(key="labels", gap="xsmall"):
        st.markdown("**It is a …**", help="Stores this drawing under the digit you press. Keys 0 to 9 work too.")
        st.html(_WITHOUT_HINTS)
        with st.container(horizontal=True, gap="xsmall"):
            for digit in range(10):
                st.button(
                    str(digit),
                    key=f"label_{digit}",
                    shortcut=str(digit),
                    on_click=_store,
                    args=(lab, digit),
                    width=64,
                )
        with st.container(horizontal=True, vertical_alignment="center", height=48, border=False):
            if lab.last_label is not None:
                st.markdown(f"Saved as **{lab.last_label}**.")
                st.button("Take it back", key="unlabel", on_click=_take_back, args=(lab,), type="tertiary")
                if lab.train_after_label:
                    st.caption("Trains after each label.")
    with st.container(key="samples"):
        st.html(_counts(lab.samples.counts()))
        st.caption(f"Draw next: a **{lab.draw_next().digit}**. {lab.draw_next().reason}")


def _store(lab, digit):
    canvas.take_over(lab.canvas)  # a quick hand labels before the last stroke was answered
    if lab.canvas.digit is None or lab.canvas.unread:
        lab.last_label = None
        st.toast("Draw first, then press the digit you meant.")
        return
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    lab.samples = lab.samples.add(lab.canvas.digit, digit, strokes.from_canvas(lab.canvas.strokes, canvas.SIDE), now)
    lab.last_label, lab.last_canvas = digit, lab.canvas
    lab.tell("")
    lab.canvas = lab.canvas.next()
    caches.jobs().warm()
    lab.learn_at_once()


def _take_back(lab):
    lab.samples = lab.samples.without_last()
    lab.last_label = None
    if lab.canvas.digit is None and lab.last_canvas:
        lab.canvas = lab.canvas.next(lab.last_canvas)


def _counts(counts):
    most = max(10, *counts)
    cells = "".join(
        f'<div style="flex:1;text-align:center"><div style="height:28px;display:flex;align-items:flex-end">'
        f'<div style="width:100%;height:{100 * count / most:.0f}%;background:{colours.BLUE}"></div></div>'
        f'<div style="border-top:1px solid rgba(128,134,146,.5);padding-top:2px"><b>{digit}</b></div>'
        f'<div aria-label="{count} drawings of {digit}">{count}</div></div>'
        for digit, count in enumerate(counts)
    )
    total = sum(counts)
    return (
        f'<div style="max-width:520px"><div style="font-size:14px">Your drawings: {total}</div>'
        f'<div style="display:flex;gap:6px;font-size:13px;font-variant-numeric:tabular-nums">{cells}</div></div>'
    )
