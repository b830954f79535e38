"""Two models in depth: which reads more, whether that is luck, and which digits are fixed and broken."""

import pandas as pd
import streamlit as st

from digitcore import charts
from digitcore.comparison import Pair
from pages.shared import gallery, results
from pages.shared.lab import Lab
from pages.views import parts


def show(lab: Lab, models: parts.Models) -> None:
    """On MNIST's test digits."""
    chosen = parts.pair(models, "depth")
    if chosen is None:
        return
    judged = results.judged(lab, {name: models[name] for name in chosen})
    if len(judged) < 2:
        st.caption(parts.WAIT)
        return
    first, second = chosen
    found = Pair(judged[first].mnist, judged[second].mnist)
    lab.has_compared = True
    st.markdown(parts.difference(found, first, second))
    _show_square(found, first, second)
    left, right = st.columns(2)
    with left:
        table = found.digit_table(chosen)
        st.altair_chart(charts.digit_shares(table), key="digit_shares")
        st.caption("The thin lines are 95 % intervals.")
        parts.table(table, "by digit")
    with right:
        st.markdown(f"**Where {second} differs**", help="Orange: more often than the other model. Blue: less often.")
        change = found.confusion_table()
        st.altair_chart(charts.confusion_change(change), key="confusion_change")
        parts.table(change, "difference")
    _show_digits(found, chosen, models)


def _show_square(found, first, second):
    rows = {
        f"{second} right": [found.both_right, len(found.fixed)],
        f"{second} wrong": [len(found.broken), len(found.still_wrong)],
    }
    st.table(pd.DataFrame(rows, index=[f"{first} right", f"{first} wrong"]).map("{:,}".format))


def _show_digits(found, chosen, models):
    kinds = {"Fixed": found.fixed, "Broken": found.broken, "Wrong in both": found.still_wrong}
    kind = st.segmented_control(
        "Digits",
        list(kinds),
        default="Fixed",
        required=True,
        key="depth_kind",
        format_func=lambda name: f"{name} ({len(kinds[name]):,})",
    )
    evaluations = dict(zip(chosen, (found.first, found.second), strict=True))
    cells = parts.test_cells(kinds[kind or "Fixed"], evaluations)
    if not cells:
        st.caption("None.")
        return
    picked = gallery.show(cells, "depth_gallery", len(kinds[kind or "Fixed"]))
    if picked is not None:
        truth = int(found.first.labels[picked.number])
        parts.in_full(picked.digit, {name: models[name] for name in chosen}, truth, "depth")
