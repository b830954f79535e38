"""Named versions of the drawings: create, compare, restore, delete."""

import streamlit as st

from digitcore.data import sample_changes
from digitcore.storage.snapshot import SampleVersion
from pages.session import formatting, state
from pages.session.lab_session import LabSession
from pages.session.sample_versions import MAX_NAME

NAME = "version_name"


def show(session: LabSession) -> None:
    """Draw the form that keeps the drawings under a name, and the versions with their differences from the drawings now."""
    st.caption("A version keeps your drawings, labels and held-out marks as they are now. It is saved and exported with the lab.")
    with st.form("versions", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("Name of the version", key=NAME, max_chars=MAX_NAME, width=260)
        st.form_submit_button("Keep version", key="version_keep", on_click=_create, args=(session,))
    if session.versions.problem:
        st.warning(session.versions.problem)
    for version in session.versions.versions[::-1]:
        _show_version(session, version)


def _show_version(session: LabSession, version: SampleVersion) -> None:
    changes = sample_changes.compare(version.samples, session.samples.current)
    since = f"Since then: {changes}." if changes.n_changed else "Your drawings are the same now."
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{formatting.escape(version.name)}**, {version.date[:10]} {version.date[11:16]} UTC: "
            f"{sample_changes.describe(version.samples)}. {since}"
        )
        st.button(
            "Restore",
            key=f"version_restore_{version.name}",
            on_click=_restore,
            args=(session, version),
            disabled=version.samples is session.samples.current,
        )
        st.button("Delete", key=f"version_delete_{version.name}", on_click=session.versions.delete, args=(version.name,))


def _create(session: LabSession) -> None:
    session.versions.create(str(state.widget_value(NAME) or ""), session.samples.current)
    if not session.versions.problem:
        state.set_widget(NAME, "")


def _restore(session: LabSession, version: SampleVersion) -> None:
    session.replace_samples(version.samples, f"The drawings of {version.name} are restored.")
