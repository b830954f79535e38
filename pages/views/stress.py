"""How much a model still reads when digits are spoilt: ten kinds, five strengths."""

import pandas as pd
import streamlit as st

from digitcore import charts, corruptions
from digitcore import stress as spoiling
from digitcore.evaluation import wilson
from pages.shared import results
from pages.shared.lab import Lab
from pages.views import parts


def show(lab: Lab, models: parts.Models) -> None:
    """From the cards at once, from all test digits when asked for."""
    every = st.toggle(
        "Read all 10,000 digits in every way",
        key="stress_every",
        persist_state="session",
        help="About a minute a model. Without it, shipped models show the 1,000 digits that were read when they were made.",
    )
    found = results.stressed(lab, models) if every else results.known_stress(models)
    tables = {name: found[name] if name in found else _from_card(model) for name, model in models.items()}
    if missing := [name for name, table in tables.items() if table is None]:
        st.caption(f"Not read yet: {', '.join(missing)}." + " Switch on the reading of all digits." * (not every))
    known = {name: table for name, table in tables.items() if table is not None}
    if not known:
        return
    kinds = st.pills(
        "Kinds",
        corruptions.names(),
        selection_mode="multi",
        default=corruptions.names()[:2],
        format_func=str.capitalize,
        key="stress_kinds",
    )
    whole = _with_intervals(pd.concat([table.assign(model=name) for name, table in known.items()], ignore_index=True))
    columns = st.columns(2)
    for number, kind in enumerate(kinds):
        table = whole[whole["corruption"] == kind]
        columns[number % 2].altair_chart(charts.stress(table, f"{kind.capitalize()}: share read right"), key=f"stress_{kind}")
    parts.table(whole, "stress")
    st.caption(f"Of {' and '.join(f'{of:,}' for of in sorted(whole['of'].unique()))} test digits at each strength.")


def _from_card(model):
    robustness, accuracy = (model.card.figures.get(name) for name in ("robustness", "mnist_accuracy"))
    return spoiling.from_card(robustness, accuracy) if robustness else None


def _with_intervals(table):
    bounds = [wilson(correct, of) for correct, of in zip(table["correct"], table["of"], strict=True)]
    return table.assign(low=[low for low, _ in bounds], high=[high for _, high in bounds])
