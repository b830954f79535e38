"""Evaluate: which model is better, by how much, and on which digits?"""

import pandas as pd
import streamlit as st

from digitcore import charts, evaluation
from pages.shared import answer, caches, frame, words


def chosen_models():
    """The initial and the trained model; the initial one alone while nothing is trained."""
    return [lab.first, lab.trained] if lab.trained else [lab.first]


def shown_names(models):
    """Their names in tables and charts, told apart where both are called the same."""
    return [f"{model.name} (initial)" if number == 0 else model.name for number, model in enumerate(models)]


def show_losses():
    """The loss curves of the models' own trainings: no computation needed."""
    st.subheader("How they were trained", anchor=False)
    histories = {name: model.card.history for name, model in zip(names, models, strict=True) if model.card.history}
    for name, model in zip(names, models, strict=True):
        if not model.card.history:
            st.caption(f"{name} has no curve: its weights are random.")
    if not histories:
        return
    table = charts.curve_table(histories)
    st.altair_chart(charts.curves(table, height=280), key="losses")
    st.caption("Solid: the digits learnt from. Dashed: MNIST digits never learnt from. Epoch 0 is before the training.")
    _show_table(table, "losses")


def press_compare():
    """Starts the comparison on the worker."""
    if st.button("Compare on MNIST and on your drawings", type="primary", key="compare", disabled=lab.comparing is not None):
        lab.begin_comparing(models)
        st.rerun()


def show_comparison():
    """Progress while the worker computes, the figures afterwards."""
    if lab.comparing and lab.comparing.over:
        lab.collect_comparison()
        st.rerun()
    if lab.comparing:
        share = lab.comparing.messages[-1]["share"] if lab.comparing.messages else 0.0
        bar, stop = st.columns([5, 1], vertical_alignment="bottom")
        bar.progress(min(1.0, share), text=words.comparing(lab.comparing, len(models)))
        stop.button("Stop", key="stop_comparing", on_click=lab.comparing.stop, width="stretch")
    elif lab.comparing_notice:
        st.error(lab.comparing_notice)
    found = lab.comparison if lab.compared == [model.hash for model in models] else None
    if lab.comparison and not found:
        st.markdown("The models have changed since the last comparison. Press the button to compare them.")
    if found:
        _show_scores(found)
    show_losses()
    if found:
        _show_confusions(found)
        _show_differences(found)


def _show_scores(found):
    st.subheader("Digits read right", anchor=False)
    rows = [
        {
            "Model": name,
            "MNIST": words.share(judged),
            "MNIST loss": round(judged.loss, 4),
            "Your drawings": words.share(yours),
            "Your loss": round(yours.loss, 4) if yours.of else None,
        }
        for name, judged, yours in zip(names, found.mnist, found.yours, strict=True)
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, key="scores")
    st.caption(
        "In brackets: where the true share lies with 95 % confidence. The loss is the mean cross-entropy; smaller is better."
    )


def _show_confusions(found):
    st.subheader("Which digit is read as which, on MNIST", anchor=False)
    for column, name, judged in zip(st.columns(max(2, len(names))), names, found.mnist, strict=False):
        column.markdown(f"**{name}**")
        table = evaluation.confusion_table(judged)
        column.altair_chart(charts.confusion(table), key=f"confusion_{name}")
        with column:
            _show_table(table, f"confusion {name}")


def _show_differences(found):
    if len(models) < 2:
        return
    st.subheader("Digits that they read differently", anchor=False)
    if not len(found.differ):
        st.markdown("None of MNIST's 10,000 test digits.")
        return
    first, last = found.mnist[0], found.mnist[-1]
    fixed = int(((last.guesses == last.labels) & (first.guesses != last.labels)).sum())
    broken = int(((first.guesses == last.labels) & (last.guesses != last.labels)).sum())
    st.markdown(f"{len(found.differ):,} of {last.of:,}: {names[-1]} fixes {fixed:,} and breaks {broken:,}.")
    cells = "".join(
        answer.captioned(picture, f"a {last.labels[i]}: {first.guesses[i]} → {last.guesses[i]}")
        for picture, i in zip(found.pictures, found.differ, strict=False)
    )
    st.html(f'<div style="display:flex;flex-wrap:wrap;gap:12px">{cells}</div>')
    if len(found.differ) > len(found.pictures):
        st.caption(f"The first {len(found.pictures)} of them.")


def _show_table(table, name):
    with st.popover("Table", type="tertiary"):
        st.dataframe(table, hide_index=True, key=f"table_{name}")
        st.download_button("Download (CSV)", table.to_csv(index=False), f"{name}.csv", "text/csv", key=f"download_{name}")


lab = frame.begin(frame.EVALUATE)
caches.jobs().warm()
st.title("Evaluate", anchor=False)
models = chosen_models()
names = shown_names(models)
if not lab.trained:
    st.markdown("Nothing trained yet: this is the initial model alone. Train one to compare them side by side.")
if not caches.has_mnist():
    st.warning(words.NO_MNIST)
with st.container(key="comparison"):
    press_compare()
    st.fragment(show_comparison, run_every=frame.POLL if lab.comparing else None)()
