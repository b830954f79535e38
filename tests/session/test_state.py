from types import SimpleNamespace
from unittest import mock

import pytest
from streamlit.runtime.scriptrunner import RerunData
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequests

from pages.session import state


@pytest.mark.parametrize(
    ("requested", "runs_again"),
    [(None, True), (RerunData(page_script_hash="train"), True), (RerunData(), True), (RerunData(page_script_hash="draw"), False)],
    ids=["nothing", "this page", "a widget", "another page"],
)
def test_a_page_that_runs_again_by_itself_keeps_a_click_on_a_link(monkeypatch, requested, runs_again):
    requests, st = ScriptRequests(), mock.Mock()
    if requested is not None:
        requests.request_rerun(requested)
    context = SimpleNamespace(script_requests=requests, page_script_hash="train")
    monkeypatch.setattr(state, "get_script_run_ctx", lambda: context)
    monkeypatch.setattr(state, "st", st)
    state.rerun()
    assert st.rerun.called == runs_again


def test_streamlit_still_replaces_the_requested_page():
    """If this fails, `state.rerun` is not needed any more."""
    requests = ScriptRequests()
    requests.request_rerun(RerunData(page_script_hash="draw"))
    requests.request_rerun(RerunData(page_script_hash="train"))
    assert requests.on_scriptrunner_ready().rerun_data.page_script_hash == "train"
