"""One row a model: what it costs, what it reads, how sure that is."""

import pandas as pd
import streamlit as st

from digitcore import runs
from digitcore import stress as spoiling
from digitcore.evaluation import Evaluation
from digitcore.runs import TrainSettings
from pages.shared import caches, results, words
from pages.shared.lab import Lab
from pages.views import parts

FORMATS = {
    "Parameters": "{:,.0f}",
    "Size (kB)": "{:,.0f}",
    "Time (ms)": "{:.2f}",
    "MNIST": "{:.2%}",
    "Loss": "{:.4f}",
    "Calibration": "{:.2%}",
    "Your hand": "{:.1%}",
    "Spoilt digits": "{:.1%}",
}
MORE_IS_BETTER = {"MNIST", "Your hand", "Spoilt digits"}
HELP = {
    "Time (ms)": "One answer on this machine, median, on one thread.",
    "MNIST": "Share of the 10,000 test digits read right. The star marks the best of each column.",
    "MNIST 95 %": "Where the true share lies with 95 % confidence (Wilson).",
    "Loss": "Mean cross-entropy on the test digits, in nats. Smaller is better.",
    "Calibration": "How far being sure and being right lie apart. Smaller is better.",
    "Your hand": "Share of your held-out drawings read right; of all your drawings while none is held out.",
    "Your hand 95 %": "Where the true share lies with 95 % confidence. With few drawings that is almost anywhere.",
    "Spoilt digits": "Mean share read right over ten corruptions at five strengths: of 1,000 test digits, or of all of them once "
    "the Stress view has read them with every chosen model.",
}


def show(lab: Lab, models: parts.Models) -> None:
    """The table, the settings that differ, and both to download."""
    table = _table(lab, models)
    st.dataframe(
        table.style.format({name: _starred(table[name], name) for name in FORMATS if name in table}),
        placeholder="–",
        hide_index=True,
        key="scores",
        column_config={name: st.column_config.Column(help=text) for name, text in HELP.items()}
        | {"Model": st.column_config.Column(width=112, pinned=True)},
    )
    settings = _settings(models)
    with st.container(horizontal=True):
        st.download_button(
            "Download (CSV)", table.to_csv(index=False), "models.csv", "text/csv", type="tertiary", key="scores_csv"
        )
        if settings.shape[1] > 1:
            with st.popover("Settings that differ", type="tertiary"):
                st.dataframe(settings, hide_index=True, key="settings")
    learnt = [one.name for one in lab.runs if one.name in models and not one.run.on_held_out]
    if learnt and lab.samples.held_out.any():
        st.caption(f"{', '.join(learnt)} may have learnt from drawings that are held out now.")


def _table(lab, models):
    judged, stressed = results.judged(lab, models), results.known_stress(models)
    whole = len(stressed) == len(models)
    samples = lab.samples.to_judge()
    rows = []
    for name, model in models.items():
        found, card = judged.get(name), model.card
        yours = Evaluation.from_probabilities(samples.labels, caches.probabilities(model, samples.digits))
        robust = card.figures.get("robustness")
        rows.append(
            {
                "Model": name,
                "MNIST": found.mnist.accuracy if found else card.figures.get("mnist_accuracy"),
                "MNIST 95 %": words.between(found.mnist.interval if found else card.figures.get("mnist_interval"), 2),
                "Your hand": yours.accuracy,
                "Your hand 95 %": f"{words.between(yours.interval, 0)} of {yours.of}" if yours.of else "",
                "Loss": found.mnist.loss if found else card.figures.get("mnist_loss"),
                "Calibration": found.mnist.calibration_error if found else card.figures.get("calibration_error"),
                "Spoilt digits": _robustness(stressed[name]) if whole else spoiling.mean(robust) if robust else None,
                "Time (ms)": found.milliseconds if found else None,
                "Parameters": card.parameters,
                "Size (kB)": len(model.tflite_bytes) / 1e3,
            }
        )
    return pd.DataFrame(rows).astype(dict.fromkeys(FORMATS, float)).replace("", None).dropna(axis="columns", how="all")


def _robustness(table):
    return float(table[table["strength"] != spoiling.CLEAN]["accuracy"].mean())


def _starred(column, name):
    """A formatter that marks the best of a column where there is something to choose from."""
    best = column.max() if name in MORE_IS_BETTER else column.min()
    several = column.nunique() > 1
    return lambda value: FORMATS[name].format(value) + " ★" * bool(several and value == best)


def _settings(models):
    """One row a model: the settings in which they are not all the same."""
    trained = {name: model for name, model in models.items() if model.card.trained}
    chosen = [TrainSettings.from_dict(model.card.settings) for model in trained.values()]
    names = runs.differences(chosen) if len(chosen) > 1 else []
    rows = {"Model": list(trained)} | {name.replace("_", " "): [str(getattr(one, name)) for one in chosen] for name in names}
    return pd.DataFrame(rows)
