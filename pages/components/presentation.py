"""The chart of a result with its table. Screen readers read the description of the chart."""

from typing import TYPE_CHECKING, Any

import streamlit as st

from digitcore.displays import COLUMN_TITLES, Display

if TYPE_CHECKING:
    import pandas as pd


def show(display: Display, key: str, caption: str = "", **options: Any) -> None:
    """Draw the chart of a display, its caption, and the button of its table. The chart gets the options."""
    st.altair_chart(display.chart(**options), key=key)
    if caption:
        st.caption(caption)
    download(display)


def show_selectable(display: Display, key: str, selection: str, **options: Any) -> list[dict[str, Any]]:
    """Draw a chart with a selection. Return the fields of the marks that the user has selected."""
    event: Any = st.altair_chart(display.chart(**options), key=key, on_select="rerun", selection_mode=selection)
    return event.selection.get(selection) or []


def download(display: Display, label: str = "Table") -> None:
    """Draw a button that shows the table of a display in a popover, with a button to download it."""
    download_table(display.table(), display.name, label)


def download_table(table: "pd.DataFrame", name: str, label: str = "Table") -> None:
    """Draw a button that shows a table in a popover, with a button to download it as the CSV file NAME.csv.

    The columns have the titles of the page, and the cells hold numbers.
    """
    table = table.rename(columns=COLUMN_TITLES)
    with st.popover(label, type="tertiary"):
        st.dataframe(table, hide_index=True, key=f"table_{name}")
        st.download_button("Download (CSV)", table.to_csv(index=False), f"{name}.csv", "text/csv", key=f"download_{name}")
