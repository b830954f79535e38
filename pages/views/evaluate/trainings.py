"""The Trainings view: runs and trials in groups, with the spread over seeds and the difference from a reference group."""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from digitcore import charts, displays, palette
from digitcore.training import run_groups
from digitcore.training.run_groups import SEED, TrainedRun
from pages.components import figures
from pages.components.model_choice import Models
from pages.components.presentation import download, download_table
from pages.session import formatting
from pages.session.lab_session import LabSession
from pages.session.trained_runs import LEARNT, MNIST, SCORES, labels, trained_runs
from pages.views.evaluate import run_logs

EACH, SEEDS_TOGETHER = "Single trainings", "Seeds together"
MAX_SHORT_NAME = 30  # characters that the selection of the reference group shows
GROUP_WIDTH, NAME_LENGTH = 320, 42  # px of the column of names, and the characters that fit into a line
ROW_HEIGHT, LINE_HEIGHT, MAX_LINES = 35, 20, 3  # px, px, lines of a name in the table
MAX_CURVES = 7  # groups in the chart; the table has all groups
NO_TRAINING = "No training yet. Train several times with different settings or seeds, or run a sweep on **Train**."
TITLES = {
    "group": "Group",
    "n": "Trainings",
    "mean": "Mean",
    "deviation": "Standard deviation",
    "low": "Lowest",
    "high": "Highest",
    "difference": "Difference",
    "difference_low": "Difference from",
    "difference_high": "Difference to",
    "p_value": "p value",
    "verdict": "Compared with the reference",
}
TESTED = ["difference_low", "difference_high", "p_value", "verdict"]  # columns that are valid only for unseen samples
FORMATS: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(("mean", "low", "high"), functools.partial(formatting.percent, places=2)),
    "deviation": lambda share: f"{100 * share:.2f}",
    **dict.fromkeys(("difference", "difference_low", "difference_high"), lambda share: f"{100 * share:+.2f}"),
    "p_value": lambda p: f"{p:.2g}" if p >= 0.001 else "< 0.001",
}
HELP = {
    "Standard deviation": "This is the standard deviation over the trainings of the group, in percentage points.",
    "Difference": "This is the mean of the group minus the mean of the reference group, in percentage points.",
    "Difference from": "This is the lower end of Welch's 95 % interval, in percentage points.",
    "Difference to": "This is the upper end of Welch's 95 % interval, in percentage points.",
    "p value": "This is the p value of Welch's test, corrected for the number of pairs of groups (Holm).",
    "Compared with the reference": "A group is called better or worse only if its trainings and the trainings of the reference "
    "group differ only in the seed.",
}


def show(session: LabSession, models: Models) -> None:
    """Draw the runs of this lab and the trials of its latest sweep."""
    every = run_groups.without_repeats(trained_runs(session))
    if not every:
        st.markdown(NO_TRAINING)
        return
    titles = labels(every)
    chosen = _choose(every, titles)
    if not chosen:
        st.markdown("No training has all of these values. Remove a filter.")
        return
    score, reference, groups = _choose_groups(chosen, titles)
    shown = dict(list(groups.items())[:MAX_CURVES])
    _show_curves(shown, _colors(session, shown))
    scores = run_groups.score_table(groups, score, reference)
    _show_scores(scores.drop(columns=TESTED) if score == LEARNT else scores, score)
    more = f" The chart shows the first {MAX_CURVES} groups." if len(groups) > MAX_CURVES else ""
    n_failed = sum(score not in run.scores for run in chosen)
    more += f" {formatting.plural(n_failed, 'training')} without this score." * bool(n_failed)
    n_trainings, n_groups = formatting.plural(len(chosen), "training"), formatting.plural(len(groups), "group")
    st.caption(
        f"{n_trainings} in {n_groups}. A band shows the range of a group.{more} {_describe_scored(chosen, score)} "
        "A repeated training is counted once."
    )
    run_logs.show(session)


def _choose(every: list[TrainedRun], titles: Mapping[str, str]) -> list[TrainedRun]:
    """Return the trainings with the values that the user has chosen."""
    options = {
        f"{titles[name]}: {run_groups.value_text(one.parameters[name])}": (name, one.parameters[name])
        for name in run_groups.differing_parameters(every)
        for one in every
        if name in one.parameters
    }
    wanted: dict[str, list[Any]] = {}
    for option in st.multiselect("Filter", list(options), key="trainings_filter", placeholder="All", persist_state="session"):
        name, value = options[option]
        wanted.setdefault(name, []).append(value)
    return run_groups.select(every, wanted)


def _choose_groups(chosen: list[TrainedRun], titles: Mapping[str, str]) -> tuple[str, str, run_groups.Groups]:
    """Let the user choose the score, the reference group and the grouping. Return the score, the reference and the groups."""
    differing = run_groups.differing_parameters(chosen)
    without_seed = [name for name in differing if name != SEED]
    first, second, third = st.columns(3)
    by = first.selectbox(
        "Group by",
        [SEEDS_TOGETHER, EACH, *without_seed],
        key="trainings_by",
        format_func=lambda name: name if name in (EACH, SEEDS_TOGETHER) else titles[name],
        help="Trainings with the same value form a group. The chart shows the mean and the range of each group.",
    )
    if by == EACH:
        groups = run_groups.single_groups(chosen, differing, titles)
    else:
        groups = _numbered(run_groups.group(chosen, without_seed if by == SEEDS_TOGETHER else [by], titles))
    reference = str(second.selectbox("Reference group", list(groups), key="trainings_reference"))
    known = [name for name in SCORES if any(name in one.scores for one in chosen)] or [MNIST]
    score = str(third.selectbox("Score", known, key="trainings_score", format_func=lambda name: SCORES[name]))
    return score, reference, groups


def _numbered(groups: run_groups.Groups) -> run_groups.Groups:
    """Return the groups. Long names start with a number, so that they differ where the page shows only their beginning."""
    if len(groups) < 2 or max(map(len, groups)) <= MAX_SHORT_NAME:
        return groups
    return {f"{number}: {name}": members for number, (name, members) in enumerate(groups.items(), 1)}


def _colors(session: LabSession, groups: run_groups.Groups) -> dict[str, str]:
    """Return the colors of the groups. A group of a single run has the color of the run."""
    single = {name: session.models.find_run(members[0].name) for name, members in groups.items() if len(members) == 1}
    numbers = {name: record.number for name, record in single.items() if record is not None}
    return palette.distinct({name: palette.run_color(numbers.get(name, place)) for place, name in enumerate(groups, 1)})


def _show_curves(groups: run_groups.Groups, colors: Mapping[str, str]) -> None:
    """Draw loss and accuracy. One download contains the data of both charts."""
    display = displays.curve_bands(groups)
    present = [metric for metric in charts.METRICS if metric in set(display.data["metric"])]
    shown = list(display.data["model"].unique())
    if len(shown) > 1:
        figures.legend({name: colors[name] for name in shown})
    for column, metric in zip(st.columns(2), present, strict=False):
        column.altair_chart(display.chart(metric=metric, colors=colors), key=f"bands_{metric}")
    if present:
        download(display, "Table of curves")


def _show_scores(scores: pd.DataFrame, score: str) -> None:
    table = scores.rename(columns=TITLES)
    formats: dict[Any, Any] = {TITLES[name]: how for name, how in FORMATS.items() if name in scores}
    st.markdown(f"**{SCORES[score]}**, accuracy after the training")
    st.dataframe(
        table.style.format(formats, na_rep="–"),
        hide_index=True,
        key="trainings_table",
        placeholder="–",
        row_height=_row_height(max(map(len, scores["group"]))),
        column_config={name: st.column_config.Column(help=help) for name, help in HELP.items() if name in table}
        | {TITLES["group"]: st.column_config.Column(width=GROUP_WIDTH)},
    )
    download_table(table, "trainings", "Table of scores")


def _row_height(length: int) -> int:
    """Return the height of a row in px for a name of this length, of which three lines are shown at most.

    Streamlit wraps texts in high rows.
    """
    return ROW_HEIGHT + LINE_HEIGHT * (min(MAX_LINES, math.ceil(length / NAME_LENGTH)) - 1)


def _describe_scored(chosen: list[TrainedRun], score: str) -> str:
    """Describe the samples on which the trainings were scored."""
    sizes = sorted({one.n_scored[score] for one in chosen if score in one.n_scored})
    if not sizes:
        return "No training is scored yet."
    n_samples = f"{sizes[0]:,} to {sizes[-1]:,}" if len(sizes) > 1 else f"{sizes[0]:,}"
    what = SCORES[score] if SCORES[score].startswith("MNIST") else SCORES[score].lower()
    where = f"Scored on {n_samples} {what}"
    if score == LEARNT:
        return f"{where}, which were used for training, so this is not a test on new drawings."
    several = ", so not all trainings were scored on the same drawings" if len(sizes) > 1 else ""
    return f"{where}{several}."
