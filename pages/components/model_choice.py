"""The choice of one of the compared models, and the table behind a chart."""

from typing import TYPE_CHECKING

import streamlit as st

from digitcore.models.bundle import ModelBundle

if TYPE_CHECKING:
    import pandas as pd

Models = dict[str, ModelBundle]
COLUMN_TITLES = {  # column of a table → its title on the page and in a download
    "model": "Model",
    "subset": "Digits",
    "metric": "Metric",
    "value": "Value",
    "epoch": "Epoch",
    "samples_seen": "Samples seen",
    "seconds": "Seconds",
    "digit": "Digit",
    "n": "Of",
    "correct": "Correct",
    "accuracy": "Accuracy",
    "low": "Accuracy 95 % from",
    "high": "Accuracy 95 % to",
    "precision": "Precision",
    "true": "True digit",
    "predicted": "Predicted",
    "count": "Count",
    "share": "Share",
    "change": "Difference",
    "improvement": "Improvement",
    "confidence": "Confidence",
    "threshold": "Confidence threshold",
    "is_threshold": "Threshold of the Draw page",
    "coverage": "Coverage",
    "corruption": "Corruption",
    "severity": "Severity",
    "training": "Training digits",
    "test": "Test digits",
    "ink": "Ink",
    "pixels": "Share of inked pixels",
    "width": "Width",
    "height": "Height",
    "label": "Label",
    "kind": "Of",
    "number": "Number",
}


def choose_model(models: Models, key: str, label: str = "Model") -> str:
    """Let the user choose one of the models. Return its name. The default is the candidate."""
    names = list(models)
    if len(names) == 1:
        return names[0]
    chosen = st.segmented_control(label, names, default=names[1], required=True, key=f"{key}_{'_'.join(names)}")
    return str(chosen or names[1])


def pair_names(models: Models) -> tuple[str, str]:
    """Return the names of baseline and candidate, which are the first two models."""
    baseline, candidate, *_ = models
    return baseline, candidate


def with_fixed_colors(table: "pd.DataFrame", models: Models) -> "pd.DataFrame":
    """Return a chart's table in which each model keeps its color, even if other models are missing."""
    import pandas as pd

    return table.assign(model=pd.Categorical(table["model"], list(models)))


def download_table(table: "pd.DataFrame", name: str, label: str = "Table") -> None:
    """Draw a button that opens the table behind a chart and offers it as a file of this name.

    The columns have the titles of the page, and the cells hold numbers.
    """
    table = table.rename(columns=COLUMN_TITLES)
    with st.popover(label, type="tertiary"):
        st.dataframe(table, hide_index=True, key=f"table_{name}")
        st.download_button("Download (CSV)", table.to_csv(index=False), f"{name}.csv", "text/csv", key=f"download_{name}")
