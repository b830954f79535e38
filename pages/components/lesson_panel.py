"""The open lesson on the Train page: question, guess, values to try, overlaid curves, and the answer at the end."""

import pandas as pd
import streamlit as st

from digitcore import palette
from digitcore.lessons import LESSONS, N_DRAWINGS, Lesson, Trial
from digitcore.storage.snapshot import RunRecord
from digitcore.values import percent, with_article
from pages.components import layout
from pages.components.network_builder import is_built
from pages.components.training_curves import training_curves
from pages.session import formatting, state
from pages.session.lab_session import LabSession
from pages.session.lesson_state import MAX_GUESS, find_run

MENU, GUESS = "lessons", "lesson_guess"


def lesson_menu(session: LabSession) -> None:
    """Draw a menu that opens a lesson."""
    st.menu_button(
        "Lessons",
        range(1, len(LESSONS) + 1),
        key=MENU,
        type="tertiary",
        icon=":material/school:",
        format_func=lambda number: f"{number} · {LESSONS[number - 1].title}",
        on_click=lambda: session.open_lesson(int(state.widget_value(MENU) or 0)),
    )


def lesson_panel(session: LabSession) -> None:
    """Draw the open lesson."""
    lesson = session.lessons.lesson
    if lesson is None:
        return
    number = session.lessons.number
    found = {trial: find_run(lesson, trial, session.models.runs) for trial in lesson.trials}
    with st.container(border=True, key="lesson", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**Lesson {number} · {lesson.title}**", width="stretch")
            st.button("Close lesson", key="lesson_close", type="tertiary", icon=":material/close:", on_click=session.close_lesson)
        st.markdown(lesson.question)
        _ask_guess(session, number)
        _show_drawings(session, lesson)
        _show_trials(session, lesson, found)
        done = {trial: record for trial, record in found.items() if record is not None}
        if done:
            _show_curves(session, done)
        if len(done) == len(found):
            _show_answer(session, lesson, done)


def _ask_guess(session: LabSession, number: int) -> None:
    key = f"{GUESS}_{number}"
    st.text_input(
        "My guess",
        value=session.lessons.guesses.get(number, ""),
        key=key,
        max_chars=MAX_GUESS,
        placeholder="What do you expect?",
        on_change=lambda: session.lessons.guess(str(state.widget_value(key) or "")),
    )


def _show_drawings(session: LabSession, lesson: Lesson) -> None:
    """Show how many drawings the lesson still needs, or that it does not use them."""
    if lesson.digit is None:
        if len(session.samples):
            st.caption("The trainings of this lesson use MNIST digits only, so that you can compare them with the measured ones.")
        return
    n = _n_drawings(session, lesson)
    if n >= N_DRAWINGS:
        st.markdown(
            f"✓ You have {formatting.drawings(n)} of {with_article(lesson.digit)}. The trainings of this lesson use only them."
        )
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"You have {n} of {N_DRAWINGS} drawings of {with_article(lesson.digit)}.", width="content")
        layout.page_link(session, layout.DRAW, label=f"Draw {with_article(lesson.digit)}", icon=":material/draw:")


def _n_drawings(session: LabSession, lesson: Lesson) -> int:
    """Return the number of drawings of the lesson's digit."""
    return int((session.samples.current.drawn_part().labels == lesson.digit).sum())


def _has_drawings(session: LabSession, lesson: Lesson) -> bool:
    """Check whether the user has the drawings that the lesson needs."""
    return lesson.digit is None or _n_drawings(session, lesson) >= N_DRAWINGS


def _show_trials(session: LabSession, lesson: Lesson, found: dict[Trial, RunRecord | None]) -> None:
    """Draw a button for each value. A value that has been trained has a tick."""
    chosen = session.chosen_trial
    with st.container(horizontal=True, key="lesson_trials"):
        for i, (trial, record) in enumerate(found.items()):
            st.button(
                trial.label,
                key=f"lesson_trial_{i}",
                type="primary" if trial == chosen else "secondary",
                icon=":material/check:" if record else None,
                on_click=session.choose_trial,
                args=(trial,),
                help="Set the form to this training.",
            )
    n_done = sum(record is not None for record in found.values())
    if n_done == len(found):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if chosen and not found[chosen]:
            is_possible = session.classroom.may_train and session.training_job is None and is_built(session)
            st.button(
                f"Train with {chosen.label}",
                key="lesson_train",
                type="primary",
                disabled=not is_possible or not _has_drawings(session, lesson),
                on_click=session.start_training,
            )
        advice = "" if chosen and not found[chosen] else " Choose the next value."
        st.caption(f"{n_done} of {formatting.plural(len(found), 'training')} done.{advice}")


def _show_curves(session: LabSession, done: dict[Trial, RunRecord]) -> None:
    colors = session.models.colors(record.name for record in done.values())
    titles = {trial: f"{trial.label} ({record.name})" for trial, record in done.items()}
    training_curves(
        {titles[trial]: record.run.history for trial, record in done.items()},
        palette.distinct({titles[trial]: colors[record.name] for trial, record in done.items()}),
        max(record.run.settings.epochs for record in done.values()),
        key="lesson_curve",
    )


def _show_answer(session: LabSession, lesson: Lesson, done: dict[Trial, RunRecord]) -> None:
    """Show the results of the user's runs beside the measured spread, the answer and the guess."""
    seeds = f"MNIST, {lesson.n_seeds} seeds"
    st.dataframe(
        pd.DataFrame(
            [
                {"Training": trial.label, "Your run": _own_result(record), seeds: _measured(trial)}
                for trial, record in done.items()
            ]
        ),
        hide_index=True,
        key="lesson_results",
        column_config={"Your run": st.column_config.Column(help="Accuracy on MNIST's test digits.")},
    )
    if guess := session.lessons.guesses.get(session.lessons.number):
        st.markdown(f"**Your guess:** {formatting.escape(guess)}")
    with st.container(key="lesson_answer"):
        st.markdown(f"**Answer.** {lesson.answer}")


def _own_result(record: RunRecord) -> str:
    if record.run.error:
        return "failed"
    after = record.run.mnist_after
    return percent(after.accuracy, 1) if after else "not evaluated yet"


def _measured(trial: Trial) -> str:
    if trial.measured is None:
        return "all failed"
    low, high = (percent(share, 1) for share in trial.measured)
    return f"{low} to {high}"
