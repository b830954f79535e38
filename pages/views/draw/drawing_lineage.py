"""The runs that learnt from a drawing, and what the drawing changed in one of them."""

import numpy as np
import streamlit as st

from digitcore.jobs.tasks.leave_one_out import DrawingEffect, LeaveOneOutTask
from digitcore.samples import SampleSet
from digitcore.storage import lineage
from digitcore.storage.snapshot import RunRecord
from pages.session import formatting
from pages.session.lab_session import LabSession


def show(session: LabSession, i: int) -> None:
    """Name the runs that learnt from a drawing, and offer a training without it."""
    samples = session.samples.current
    found = lineage.runs_of_sample(session.models.runs, samples.digit_hashes[i])
    if not found.direct and not found.inherited:
        if session.models.runs:
            st.caption("No run has learnt from this drawing.")
        return
    direct, inherited = ", ".join(record.name for record in found.direct), ", ".join(found.inherited)
    sentences = [f"Learnt by {formatting.escape(direct)}." if direct else ""]
    sentences += [f"Inherited by {formatting.escape(inherited)}." if inherited else ""]
    st.caption(" ".join(filter(None, sentences)))
    if found.direct:
        active = session.models.active_run
        _offer(session, active if active in found.direct and active is not None else found.direct[-1], i)


def _offer(session: LabSession, record: RunRecord, i: int) -> None:
    """Draw the button that trains without the drawing, or the result."""
    task = make_task(session.samples.current, record, i)
    if isinstance(task, str):
        st.caption(task)
        return
    work = session.work
    if effect := work.known(task):
        _show_effect(effect, record.name, int(session.samples.current.labels[i]))
    elif st.button(
        "What did this drawing change?",
        key="drawing_effect",
        disabled=work.is_running(task),
        help=f"Repeats the training of {record.name} without this drawing and with the present labels, and compares the models.",
    ):
        work.resume()
        work.result(task)
        st.rerun()


def make_task(samples: SampleSet, record: RunRecord, i: int) -> LeaveOneOutTask | str:
    """Return the task that repeats a run without a drawing, or the reason why the run cannot be repeated."""
    hashes = record.model.card.sample_hashes
    if set(hashes) - set(samples.digit_hashes):
        return "What this drawing changed cannot be measured: other drawings of the training were deleted."
    if record.run.stopped:
        return "What this drawing changed cannot be measured: the training was stopped before its last epoch."
    chosen = np.flatnonzero(samples.is_learnt(hashes))
    training = samples.take(chosen).without_hold_out()
    return LeaveOneOutTask(record.start, training, record.run.settings, record.model, int(np.searchsorted(chosen, i)))


def _show_effect(effect: DrawingEffect, name: str, label: int) -> None:
    without, n_gained, n_lost = effect.digit_without, len(effect.gained), len(effect.lost)
    change = effect.mnist_with.correct - effect.mnist_without.correct
    mnist = f"On MNIST's {effect.mnist_with.n:,} validation digits, it changed the number of correct digits by {change:+}."
    st.markdown(
        f"Without this drawing, {formatting.escape(name)} predicts {without} for it. The probability of {label} is "
        f"{formatting.percent(effect.probability_without)} without and {formatting.percent(effect.probability_with)} with it. "
        f"Of your other training drawings, {n_gained} {'is' if n_gained == 1 else 'are'} correct only with it, and {n_lost} only "
        f"without it. {mnist}"
    )
    st.caption("The two trainings also differ by chance, because their batches differ. Small differences may not be repeatable.")
