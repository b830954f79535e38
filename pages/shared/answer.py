"""The answer as one piece of HTML, replaced as a whole, so that nothing moves or flickers between strokes."""

import html

import numpy as np
import streamlit as st

from digitcore import colours
from pages.shared import pictures


def show(answers: dict[str, np.ndarray | None], digit: np.ndarray | None, unsure_below: dict[str, float]) -> None:
    """Best guess, ten bars, and the 28×28 picture that the network sees.

    Args:
        answers: model name → (10,) probabilities, or None when nothing is drawn.
        digit: (28, 28) uint8, or None when nothing is drawn.
        unsure_below: model name → the probability below which its second guess is named as well.
    """
    painted = colours.of_models(len(answers))
    known = {name: p for name, p in answers.items() if p is not None}
    heads = "".join(
        _head(name, p, colour, len(known) > 1, unsure_below[name])
        for (name, p), colour in zip(known.items(), painted, strict=False)
    )
    rows = "".join(_row(d, [0.0 if p is None else p[d] for p in answers.values()], painted, bool(known)) for d in range(10))
    st.html(
        '<div style="max-width:560px">'
        '<div style="display:flex;justify-content:space-between;align-items:flex-end;gap:12px;min-height:92px;margin-bottom:8px">'
        f'<div role="status" style="display:flex;flex-wrap:wrap;gap:4px 28px">{heads or _nothing()}</div>{_seen(digit)}</div>'
        f'<div style="font-variant-numeric:tabular-nums;font-size:14px;line-height:1">{rows}</div></div>'
    )


def _head(name, probabilities, colour, named, unsure_below):
    order = np.argsort(probabilities)[::-1]
    best, second = int(order[0]), int(order[1])
    unsure = probabilities[best] < unsure_below
    words = f"unsure: {best} or {second}" if unsure else ""
    label = f'<span style="color:{colour}">■</span> {html.escape(name)}<br>' if named else ""
    return (
        '<div style="display:flex;gap:12px;align-items:flex-end">'
        f'<span style="font-size:68px;line-height:1;font-weight:650">{best}</span>'
        f'<span style="line-height:1.25;padding-bottom:6px;white-space:nowrap">{label}{_percent(probabilities[best])}<br>'
        f'<span style="font-size:13px">{words or "&nbsp;"}</span></span></div>'
    )


def _nothing():
    return '<span style="padding-bottom:8px">Draw a digit. The network answers after every stroke.</span>'


def _row(digit, shares, colours, known):
    height = max(3, 12 // len(shares))
    bars = "".join(
        f'<div style="height:{height}px;width:{100 * share:.1f}%;background:{colour}"></div>'
        for share, colour in zip(shares, colours, strict=False)
    )
    figures = " · ".join(_percent(share) for share in shares) if known else ""
    width = 52 * len(shares)
    return (
        f'<div style="display:flex;gap:8px;align-items:center;height:20px"><span style="width:10px">{digit}</span>'
        f'<div style="flex:1;background:rgba(128,134,146,.16);border-radius:2px;overflow:hidden">{bars}</div>'
        f'<span style="width:{width}px;text-align:right">{figures}</span></div>'
    )


def _seen(digit):
    picture = np.zeros((28, 28), np.uint8) if digit is None else digit
    return (
        f'<figure style="margin:0;text-align:center"><img alt="What the network sees: your drawing as 28 by 28 pixels" '
        f'src="{pictures.data_url(picture)}" width="72" height="72" style="image-rendering:pixelated;border-radius:4px">'
        f'<figcaption style="font-size:12px;line-height:1.4">It sees 28 × 28</figcaption></figure>'
    )


def _percent(share):
    return f"{100 * share:.1f} %"
