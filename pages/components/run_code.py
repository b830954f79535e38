"""A run as a command, as Python and as a notebook."""

import streamlit as st

from digitcore.reproduce import Experiment, PackageTask, command, notebook, script
from digitcore.storage.snapshot import RunRecord
from pages.session.lab_session import LabSession

NOTEBOOK_TYPE = "application/x-ipynb+json"
KINDS = {
    "command": ("Command", "sh", command),
    "python": ("Python", "python", script),
    "notebook": ("Notebook", "json", notebook),
}


def run_code(session: LabSession, record: RunRecord) -> None:
    """Draw a button that shows the code of a run, with the ZIP file of the code and its data."""
    samples = session.samples.current
    with st.popover("Run as code", key="run_code"):
        kind = st.segmented_control(
            "Kind",
            list(KINDS),
            default="command",
            required=True,
            key="run_code_kind",
            format_func=lambda slug: KINDS[slug][0],
            label_visibility="collapsed",
        )
        experiment = Experiment.of_run(record, samples)
        text = KINDS[kind or "command"][2](experiment)
        if experiment.warning:
            st.warning(experiment.warning)
        if kind == "notebook":
            st.download_button("Download notebook", text, f"{experiment.folder}.ipynb", NOTEBOOK_TYPE, key="run_notebook")
            st.caption("The notebook trains with plain Keras. It needs TensorFlow and the files of the ZIP file.")
        else:
            st.code(text, language=KINDS[kind or "command"][1], wrap_lines=True)
        _show_package(session, PackageTask(record, samples), f"{experiment.folder}.zip")


def _show_package(session: LabSession, task: PackageTask, name: str) -> None:
    work = session.work
    if content := work.known(task):
        st.download_button("Download all files", content, name, "application/zip", type="primary", key="run_package")
        return
    help = "The ZIP file has the command, the script, the notebook, the drawings and the initial model."
    if st.button("Pack all files", key="pack_run", disabled=work.is_running(task), help=help):
        work.resume()
        work.result(task)
        st.rerun()
