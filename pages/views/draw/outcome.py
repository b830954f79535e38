"""The verdict about a training, and the test with five more drawings."""

import time

import streamlit as st

from digitcore.evaluation.score import Score
from digitcore.jobs.tasks.train import MAX_WATCHED
from digitcore.samples import SampleSet
from digitcore.storage import learnt
from digitcore.storage.snapshot import RunRecord
from pages.components import layout
from pages.components.reveal import reveal
from pages.components.undo_training import undo_training
from pages.components.verdict import Thumbnail, boxes, thumbnails, verdict_card
from pages.components.work import scoring_text
from pages.session import formatting, resources, training_summary
from pages.session.lab_session import LabSession
from pages.session.training_summary import Tone, Verdict

N_TESTED = 5  # drawings of the test after a training
NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}
MNIST_HELP = (
    "MNIST is a public set of digits by hundreds of people. Its 10,000 test digits show whether the model reads them too."
)


def ask_for_drawings(n_tested: int) -> str:
    """Ask for the drawings that the test after a training still needs."""
    n_left = N_TESTED - n_tested
    return f"Draw {NUMBERS[n_left]} more: does it read {'them' if n_left > 1 else 'it'}?"


def show(session: LabSession, record: RunRecord) -> None:
    """Draw the verdict card."""
    verdict = training_summary.verdict(record, scoring_text(session))
    samples = session.samples.current
    earlier = learnt.labelled_before(samples, record)[-MAX_WATCHED:]
    with verdict_card(verdict.tone):
        _show_headline(session, record, verdict)
        thumbnails(_thumbnails(record, samples.take(earlier)), is_turning=True)
        _show_test(record, samples.take(learnt.labelled_after(samples, record)))


def _show_headline(session: LabSession, record: RunRecord, verdict: Verdict) -> None:
    with st.container(key="outcome", horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{verdict.headline}**", width="content")
        st.caption(verdict.detail, help=MNIST_HELP)
        layout.page_link(session, layout.EVALUATE, label="Compare", icon=":material/bar_chart:")
        undo_training(session, record, is_prominent=verdict.tone == Tone.WORSE)


def _thumbnails(record: RunRecord, samples: SampleSet) -> list[Thumbnail]:
    before, after = (resources.probabilities(model, samples.digits).argmax(1) for model in (record.start, record.model))
    return [
        Thumbnail(digit, int(label), int(first), int(second))
        for digit, label, first, second in zip(samples.digits, samples.labels, before, after, strict=True)
    ]


def _show_test(record: RunRecord, samples: SampleSet) -> None:
    """Show the drawings that test the run. The first five fill the boxes."""
    predictions = resources.probabilities(record.model, samples.digits).argmax(1)
    found = [
        Thumbnail(digit, int(label), None, int(predicted))
        for digit, label, predicted in zip(samples.digits, samples.labels, predictions, strict=True)
    ]
    is_pressed = False
    with st.container(key="test", horizontal=True, vertical_alignment="center", gap="small"):
        if len(found) < N_TESTED:
            is_pressed = st.button(ask_for_drawings(len(found)), key="draw_more", type="tertiary")
        else:
            score = Score.from_counts(sum(one.is_right for one in found), len(found))
            interval = formatting.interval(score.interval, 0)
            st.markdown(f"It read **{score.correct} of {score.n}** new drawings (95 % interval {interval}).", width="content")
        boxes(found[:N_TESTED], N_TESTED)
    reveal("screen", str(time.monotonic()) if is_pressed else "", "test")
