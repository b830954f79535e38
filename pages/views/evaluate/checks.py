"""The Checks view: common problems of the drawings, of the candidate's run and of the sweep."""

import streamlit as st

from digitcore.checks import CheckResult, CheckTask, Status
from pages.components.model_choice import Models, pair_names
from pages.session import formatting, training_summary
from pages.session.lab_session import LabSession

OUTCOMES = {  # in the order of the page
    Status.ISSUE: (":material/error:", "yes"),
    Status.PASSED: (":material/check_circle:", "no"),
    Status.NOT_APPLICABLE: (":material/remove:", "not checked"),
}


def show(session: LabSession, models: Models) -> None:
    """Draw the issues with their tips, then the other checks."""
    candidate = pair_names(models)[1]
    run_name = candidate if session.models.find_run(candidate) else ""
    results = session.work.result(CheckTask(session.snapshot(), run_name))
    if results is None:
        st.caption(training_summary.WAIT)
        return
    issues = [one for one in results if one.status == Status.ISSUE]
    run = formatting.escape(run_name) or "the run"
    n_checked = sum(one.status != Status.NOT_APPLICABLE for one in results)
    if n_checked:
        st.markdown(f"**{len(issues)} of {n_checked} checks** of the drawings, {run} and the sweep found an issue.")
    else:
        st.markdown("Nothing can be checked yet: there are no drawings, runs or sweeps.")
    for result in sorted(results, key=lambda one: list(OUTCOMES).index(one.status)):
        _show(result)
    st.caption("The rules are described in docs/checks.md. `digitlab check` runs the same checks on an exported lab.")


def _show(result: CheckResult) -> None:
    tip = f" {result.tip}" * (result.status == Status.ISSUE)
    sentence = formatting.escape(result.sentence)
    icon, answer = OUTCOMES[result.status]
    st.markdown(f"{icon} **{result.id} {result.title}**: {answer}. {sentence}{tip}")
