"""The table of the session's runs, and what can be done with a chosen one."""

import pandas as pd
import streamlit as st

from digitcore import runs
from pages.shared import state, words
from pages.shared.lab import A_RUN, Lab


def show(lab: Lab) -> None:
    """Newest first; choose one to use, start from, rename or delete it, several to see where their settings differ."""
    if not lab.runs:
        return
    st.subheader("Runs", anchor=False)
    newest = lab.runs[::-1]
    chosen = st.dataframe(
        pd.DataFrame([_row(one, lab) for one in newest]),
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key=f"runs_{lab.made}_{len(newest)}",
    ).selection.rows
    picked = [newest[row] for row in chosen if row < len(newest)]
    if len(picked) == 1:
        _show_actions(lab, picked[0])
    elif picked:
        _show_differences(picked)
    else:
        st.caption("Tick a run to use it or start from it; tick several to see where their settings differ.")


def _row(one, lab):
    run = one.run
    return {
        "Run": one.name + (" (in use)" if one is lab.in_use else ""),
        "Started from": run.parent,
        "Your hand before": words.score(run.yours_before),
        "after": words.score(run.yours_after),
        "MNIST before": f"{run.before.share:.2%}" if run.before else "",
        "after ": f"{run.after.share:.2%}" if run.after else "",
        "Seconds": round(run.seconds, 1),
        "Epochs": words.epochs(run),
        "Learnt from": run.model.card.lesson.removeprefix("Trained on ").removesuffix("."),
    }


def _show_actions(lab, one):
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.button("Use it", key="run_use", on_click=_use, args=(lab, one), disabled=one is lab.in_use)
        st.button("Start from it", key="run_start", on_click=_start_from, args=(lab, one))
        st.button("Delete", key="run_delete", on_click=lab.delete, args=(one.name,))
        st.text_input(
            "Name",
            value=one.name,
            key=f"run_name_{one.name}",
            max_chars=30,
            help="Letters, digits, spaces, hyphens and dots; no other model's name.",
            on_change=_rename,
            args=(lab, one),
            width=220,
        )
    if lab.refused:
        st.warning(f"“{lab.refused}” is taken or cannot be a name. Use letters, digits, spaces, hyphens and dots.")


def _show_differences(picked):
    used = [runs.TrainSettings.from_dict(one.model.card.settings) for one in picked]
    names = runs.differences(used)
    if not names:
        st.caption("Their settings are the same.")
        return
    table = {one.name: [str(getattr(settings, name)) for name in names] for one, settings in zip(picked, used, strict=True)}
    st.dataframe(pd.DataFrame(table, index=[name.replace("_", " ") for name in names]), key="run_differences")


def _use(lab, one):
    lab.used = one.name


def _start_from(lab, one):
    lab.initial, lab.initial_run = A_RUN, one.name
    state.put("start_from", A_RUN)
    state.put("start_run", one.name)


def _rename(lab, one):
    lab.rename(one, str(state.value(f"run_name_{one.name}")).strip())
