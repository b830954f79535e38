"""The Train page: settings, progress and outcome of a training, the runs, and sweeps."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from digitcore.jobs.tasks import ScoreRunTask, TrainTask
from digitcore.models.bundle import ModelBundle
from digitcore.storage.snapshot import RunRecord
from digitcore.training import history
from digitcore.training.settings import TrainSettings
from pages.components import layout
from pages.components.collapse import show_collapse
from pages.components.network_builder import is_built, network_builder
from pages.components.run_table import run_table
from pages.components.sweep_panel import sweep_panel
from pages.components.training_curves import training_curves
from pages.components.training_form import training_form
from pages.components.work import scoring_text, show_notice, work_area
from pages.session import formatting, persistence, resources, settings_link, state, training_summary
from pages.session.classroom import NO_TRAINING
from pages.session.lab_session import LabSession
from pages.session.training_state import Start

STARTS = {  # start → its name on the page, and a description
    Start.UNTRAINED: ("Untrained", "A network with random weights is trained."),
    Start.PRETRAINED: ("Pre-trained", "The shipped model genius is trained further."),
    Start.TRAINED: ("My model", "Your active model is trained further."),
    Start.BETTER: (
        "Better of two",
        "The initial or the trained model is trained further, whichever predicts more of your drawings correctly.",
    ),
    Start.RUN: ("Earlier run", "A run of the table below or an imported model is trained further."),
}


def main(session: LabSession) -> None:
    """Draw the page from top to bottom."""
    resources.jobs().warm_up()
    st.title("Train", anchor=False)
    if not resources.has_mnist():
        st.warning(training_summary.NO_MNIST)
    if session.link_error:
        st.warning(f"The address of this page contains a setting that is not valid: {session.link_error}")
    builder_area = st.container()
    left, right = st.columns([1, 2], gap="large")
    with left:
        start = _choose_start(session, builder_area)
        session.training.settings = training_form(session)
        _choose_sample_use(session)
        _train_button(session, start, session.training.settings)
        _show_link(session)
    with right, st.container(key="training"):
        work_area(session, lambda: _show_training(session))
    run_table(session)
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
        if training.start_model in own:
            state.seed_widget("start_run", training.start_model)
        start_model = str(st.selectbox("Model", own, key="start_run", label_visibility="collapsed"))
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
    state.seed_widget("hold_out", session.samples.hold_out)
    session.samples.hold_out = st.toggle(
        "Hold out 1 in 4 drawings",
        key="hold_out",
        help="Held-out drawings are not used for training, so their score is unbiased.",
    )
    state.seed_widget("train_after_label", session.training.train_after_label)
    session.training.train_after_label = st.toggle(
        "Retrain after each label",
        key="train_after_label",
        help="Each label on the Draw page starts a training with these settings.",
    )


def _train_button(session: LabSession, start: ModelBundle, settings: TrainSettings) -> None:
    """Show the size of the training set and the button that starts a training."""
    training = session.samples.for_training().training_part()
    is_empty = not len(training) and not settings.mnist_samples
    if is_empty:
        st.info("The training set is empty. Label a drawing, or add MNIST digits.")
    elif not len(session.samples):
        st.caption("You have no drawings yet. This training uses MNIST digits only.")
    else:
        n_held_out = len(session.samples) - len(training)
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


def _show_training(session: LabSession) -> None:
    """Show the curves while a training runs, and its outcome afterwards."""
    if job := session.training_job:
        if points := [event.point for event in job.events if event.point is not None]:
            training_curves(points, session.training_epochs)
        return
    show_notice(session, TrainTask)
    latest = session.models.runs[-1] if session.models.runs else None
    active = f"Active model: {formatting.escape(session.active_model.name)}."
    if latest and latest.run.error:
        st.markdown(f"**{formatting.escape(latest.name)}** failed. {active}")
        training_curves(latest.run.history, latest.run.settings.epochs)
    elif session.models.active_run:
        _show_outcome(session, session.models.active_run)
    elif session.work.notice(TrainTask) is None:
        is_first = latest is None
        advice = f"{active} Tick a run in the table to use it."
        st.markdown("No training yet. Press **Train** to see the curves." if is_first else advice)


def _show_outcome(session: LabSession, record: RunRecord) -> None:
    run = record.run
    st.markdown(f"**{formatting.escape(record.name)}**")
    for sentence in training_summary.outcome(run, scoring_text(session)):
        st.markdown(sentence)
    if unseen := training_summary.unseen(record, session.unseen_scores(record)):
        st.markdown(unseen, help=training_summary.UNSEEN_HELP)
    show_notice(session, ScoreRunTask)
    has_collapsed = show_collapse(session, record)
    if (warning := training_summary.warning(run)) and not has_collapsed:
        st.warning(warning)
    with st.container(horizontal=True):
        has_own_drawings = not run.model.card.training_data.pupils  # The class goes on drawing.
        if run.stopped and has_own_drawings and st.button("Continue", key="continue", help="Continue the stopped training."):
            session.train(record.start, run.settings, resume_from=run)
            st.rerun()
        layout.page_link(session, layout.DRAW, label="Draw with this model", icon=":material/draw:")
        layout.page_link(session, layout.EVALUATE, label="Compare", icon=":material/bar_chart:")
        if session.is_scoring(record):
            st.button("Stop evaluation", key="stop_scoring", type="tertiary", on_click=session.work.stop, args=(ScoreRunTask,))
        elif run.mnist_after is None:
            st.button("Evaluate on MNIST", key="score", type="tertiary", on_click=session.score, args=(record,))
    training_curves(run.history, run.settings.epochs)
    table = history.curve_table({record.name: run.history})
    st.download_button("Download curves (CSV)", table.to_csv(index=False), "curves.csv", "text/csv", type="tertiary")


main(layout.begin_page(layout.TRAIN))
