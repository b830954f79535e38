"""The Train page: settings, progress and outcome of a training, the runs, and sweeps."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from digitcore import palette
from digitcore.jobs.tasks import ScoreRunTask, TrainTask
from digitcore.models.bundle import ModelBundle
from digitcore.storage import learnt
from digitcore.storage.snapshot import RunRecord
from digitcore.training import history
from digitcore.training.run import Point
from digitcore.training.settings import TrainSettings
from pages.components import layout
from pages.components.changed_drawings import changed_drawings
from pages.components.lesson_panel import lesson_menu, lesson_panel
from pages.components.network_builder import is_built, network_builder
from pages.components.reveal import reveal
from pages.components.run_table import run_table
from pages.components.sweep_panel import sweep_panel
from pages.components.training_curves import training_curves
from pages.components.training_form import training_form
from pages.components.undo_training import undo_training
from pages.components.verdict import verdict_card
from pages.components.work import scoring_text, show_notice, work_area
from pages.session import formatting, persistence, resources, settings_link, state, training_summary, turns
from pages.session.classroom import NO_TRAINING
from pages.session.lab_session import LabSession
from pages.session.training_state import Start
from pages.session.training_summary import Tone

STARTS = {  # start → its name on the page, and a description
    Start.UNTRAINED: ("A new network", "A network with random weights is trained."),
    Start.PRETRAINED: ("The expert", "The shipped model genius is trained further."),
    Start.TRAINED: ("My model", "Your active model is trained further."),
    Start.BETTER: (
        "Better of two",
        "The initial or the trained model is trained further, whichever predicts more of your drawings correctly.",
    ),
    Start.RUN: ("Earlier run", "A run of the table below or an imported model is trained further."),
}

FIRST_TRAINING = (
    "A training learns from your drawings and from MNIST digits. MNIST is a public set of 70,000 handwritten digits. The curves "
    "show the accuracy after each epoch, which is one pass through the training set. The lessons above explain the settings."
)
NEW_RUN = "this training"  # name of the running training in the curves


def main(session: LabSession) -> None:
    """Draw the page from top to bottom."""
    resources.jobs().warm_up()
    with st.container(key="title", horizontal=True, vertical_alignment="center"):
        st.title("Train", anchor=False, width="content")
        lesson_menu(session)
    if not resources.has_mnist():
        st.warning(training_summary.NO_MNIST)
    if session.link_error:
        st.warning(f"The address of this page contains a setting that is not valid: {session.link_error}")
    lesson_panel(session)
    builder_area = st.container()
    with st.container(key="workplace"):
        left, right = st.columns([1, 2], gap="large")
    with left:
        # A browser closes an expander or a popover if the number of elements before it changes. Containers keep the number.
        with st.container():
            start = _choose_start(session, builder_area)
        session.training.settings = training_form(session)
        _choose_sample_use(session)
        with st.container():
            _train_button(session, start, session.training.settings)
        _show_link(session)
    with right:
        training, runs = st.container(key="training"), st.container(key="runs")
        with runs:
            selected = run_table(session)
        with training:
            work_area(session, lambda: _show_training(session, selected))
    if session.classroom.may_train:
        sweep_panel(session, start)
    persistence.save(session)


def _choose_start(session: LabSession, builder_area: DeltaGenerator) -> ModelBundle:
    training = session.training
    state.set_widget("start_from", training.start)  # The choice of a model in the bar may have changed it.
    start = st.radio(
        "Start from",
        list(STARTS),
        format_func=lambda start: STARTS[Start(start)][0],
        horizontal=True,
        key="start_from",
        on_change=_on_start_change,
        args=(session,),
        help="  \n".join(f"**{name}**: {sentence}" for name, sentence in STARTS.values()),
    )
    own = list(session.models.own)
    start_model = ""
    if start == Start.RUN and own:
        before = state.seed_widget("start_run", training.start_model if training.start_model in own else own[0])
        index = own.index(before) if before in own else 0
        start_model = str(st.selectbox("Model", own, index, key="start_run", label_visibility="collapsed"))
    training.choose_start(Start(start), start_model)
    if start == Start.UNTRAINED:
        network_builder(session, builder_area)
    model, reason = session.start_model()
    if reason:
        st.caption(f"Starts from {reason}")
    elif training.start in (Start.TRAINED, Start.BETTER, Start.RUN) and not own:
        st.caption("You have no trained model yet. This training starts from genius.")
    return model


def _on_start_change(session: LabSession) -> None:
    session.training.choose_start(Start(str(state.widget_value("start_from"))))


def _choose_sample_use(session: LabSession) -> None:
    """Let the user choose how the drawings are used."""
    session.samples.hold_out = st.toggle(
        "Hold out every fourth drawing",
        state.seed_widget("hold_out", session.samples.hold_out),
        key="hold_out",
        help="The fourth, eighth, … drawing of each digit is held out. It is not used for training, so its score is unbiased.",
    )
    session.training.train_after_label = st.toggle(
        "Retrain after each label",
        state.seed_widget("train_after_label", session.training.train_after_label),
        key="train_after_label",
        help="Each label on the Draw page starts a training with these settings.",
    )


def _train_button(session: LabSession, start: ModelBundle, settings: TrainSettings) -> None:
    """Show the size of the training set and the button that starts a training."""
    samples = session.training_samples()
    training = samples.training_part()
    is_empty = not len(training) and not settings.mnist_samples
    if is_empty:
        st.info("The training set is empty. Label a drawing, or add MNIST digits.")
    elif not len(samples):
        st.caption(f"{'You have no drawings yet. ' * (not len(session.samples))}This training uses MNIST digits only.")
    else:
        n_held_out = len(samples) - len(training)
        st.caption(
            f"{formatting.samples(training)}, {_mnist_digits(settings.mnist_samples)}"
            f"{f'; {n_held_out} held out' * bool(n_held_out)}."
        )
    if not session.classroom.may_train:
        st.info(NO_TRAINING)
    is_possible = session.classroom.may_train and session.training_job is None and is_built(session)
    if st.button("Train", type="primary", width="stretch", key="train", disabled=is_empty or not is_possible):
        session.train(start, settings)
        st.rerun()


def _mnist_digits(n: int) -> str:
    return f"{n:,} MNIST digits" if n else "no MNIST digits"


def _show_link(session: LabSession) -> None:
    """Show a link that opens this page with these settings. The link does not contain the lab."""
    training = session.training
    with st.popover("Link to these settings", type="tertiary", disabled=training.is_network_invalid):
        page = (st.context.url or "").partition("?")[0]
        query = settings_link.query(training.settings, training.start, training.network, session.models.view)
        st.code(f"{page}?{query}" if query else page, language=None, wrap_lines=True)
        st.caption(
            "The link opens this page with these settings, but without your drawings and models. On the same machine, a training "
            "without drawings gives exactly the same curve. On another processor, the last digits of the numbers may differ."
        )


def _show_training(session: LabSession, selected: list[RunRecord]) -> None:
    """Show the curves while a training runs, and its outcome afterwards. The curves of the selected runs are overlaid."""
    latest = session.models.runs[-1] if session.models.runs else None
    shown = latest if latest and latest.run.error else session.models.active_run
    if job := session.training_job:
        with st.container(key="running"):
            _show_curves(session, selected, [event.point for event in job.events if event.point is not None])
        reveal("running", job.id)
        return
    with st.container(key="result"):
        show_notice(session, TrainTask)
        _show_result(session, shown)
    reveal("result", shown.id if shown and shown.id == session.new_run_id else "")
    _show_curves(session, [*([shown] if shown and shown not in selected else []), *selected])


def _show_result(session: LabSession, shown: RunRecord | None) -> None:
    """Show the outcome of a run, or how to get one."""
    active, has_notice = formatting.escape(session.active_model.name), session.work.notice(TrainTask) is not None
    if shown and shown.run.error:
        reason = "" if has_notice else f" {formatting.escape(shown.run.error)}"
        st.error(f"**{formatting.escape(shown.name)}** failed.{reason} Active model: {active}.")
    elif shown:
        _show_outcome(session, shown)
    elif session.models.runs:
        st.markdown(f"Active model: {active}. Choose another model in the bar above.")
    elif not has_notice:
        st.markdown("No training yet. Press **Train** to see the curves.")
        st.caption(FIRST_TRAINING)


def _show_curves(session: LabSession, records: list[RunRecord], running: Sequence[Point] = ()) -> None:
    """Draw the curves of runs and of the running training, and a button to download them."""
    histories: dict[str, Sequence[Point]] = {record.name: record.run.history for record in records}
    colors = session.models.colors(histories)
    epochs = [record.run.settings.epochs for record in records]
    if running:
        histories, epochs = {NEW_RUN: running, **histories}, [session.training_epochs, *epochs]
        colors = palette.distinct({NEW_RUN: session.models.next_color, **colors})
    if not histories:
        return
    training_curves(histories, colors, max(epochs), key="curve")
    if not running:
        table = history.curve_table(histories)
        st.download_button("Download curves (CSV)", table.to_csv(index=False), "curves.csv", "text/csv", type="tertiary")


def _show_outcome(session: LabSession, record: RunRecord) -> None:
    run, verdict = record.run, training_summary.verdict(record, scoring_text(session))
    samples = session.samples.current
    with verdict_card(verdict.tone):
        st.markdown(f"{formatting.escape(record.name)} · **{verdict.headline}**")
        changed_drawings(samples.take(learnt.labelled_before(samples, record)), record.start, record.model)
        for sentence in training_summary.outcome(run, scoring_text(session)):
            st.caption(sentence)
        if unseen := training_summary.unseen(record, session.unseen_scores(record)):
            st.markdown(unseen, help=training_summary.UNSEEN_HELP)
        show_notice(session, ScoreRunTask)
        if warning := training_summary.warning(run):
            st.warning(warning)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            _show_actions(session, record, is_worse=verdict.tone == Tone.WORSE)


def _show_actions(session: LabSession, record: RunRecord, *, is_worse: bool) -> None:
    has_own_drawings = not record.run.model.card.training_data.pupils  # The class goes on drawing.
    if record.run.stopped and has_own_drawings and st.button("Continue", key="continue", help="Continue the stopped training."):
        session.train(record.start, record.run.settings, resume_from=record.run)
        st.rerun()
    layout.page_link(session, layout.DRAW, label="Draw with this model", icon=":material/draw:")
    layout.page_link(session, layout.EVALUATE, label="Compare", icon=":material/bar_chart:")
    if session.is_scoring(record):
        st.button("Stop evaluation", key="stop_scoring", type="tertiary", on_click=session.work.stop, args=(ScoreRunTask,))
    elif record.run.mnist_after is None:
        st.button("Evaluate on MNIST", key="score", type="tertiary", on_click=session.score, args=(record,))
    undo_training(session, record, is_prominent=is_worse)


with turns.turn():
    main(layout.begin_page(layout.TRAIN))
