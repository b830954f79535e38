"""The Trainings view: runs and trials in groups, with the spread over seeds and the difference from a baseline."""

import contextlib
from dataclasses import asdict
from typing import Any

import pandas as pd
import streamlit as st

from digitcore import charts
from digitcore.errors import ModelError
from digitcore.models.network_spec import NetworkSpec, is_spec
from digitcore.storage.snapshot import RunRecord
from digitcore.sweeps import space as parameter_space
from digitcore.training import run_groups
from digitcore.training.run_groups import SEED, TrainedRun
from digitcore.values import format_value
from pages.components.model_choice import Models, download_table
from pages.session import formatting
from pages.session.lab_session import LabSession

START, NETWORK, FROM = "start", "network", "from"
LABELS = {START: "Started from", NETWORK: "Network", FROM: "Source", SEED: "Seed"}
SCORES = {"personal": "Your handwriting", "mnist": "MNIST", "validation": "MNIST validation", "held_out": "Held-out drawings"}
EACH, SEEDS_TOGETHER = "Single trainings", "Seeds together"
MAX_CURVES = 7  # groups in the chart; the table has all groups
NO_TRAINING = "No training yet. Train several times with different settings or seeds, or run a sweep on **Train**."


def show(session: LabSession, models: Models) -> None:
    """Draw the runs of this lab and the trials of its latest sweep."""
    every = [*map(_of_run, session.models.runs), *_of_sweep(session)]
    if not every:
        st.markdown(NO_TRAINING)
        return
    names = [name for name in run_groups.differing_parameters(every) if name != FROM or session.models.runs]
    chosen = _choose(every, names)
    if not chosen:
        st.markdown("No training has all of these values. Remove a filter.")
        return
    score, baseline, groups = _choose_groups(chosen)
    drawn = dict(list(groups.items())[:MAX_CURVES])
    for column, metric in zip(st.columns(2), charts.METRICS, strict=True):
        table = run_groups.curve_bands(drawn, metric)
        if not table.empty:
            column.altair_chart(charts.curve_bands(table, metric), key=f"bands_{metric}")
            with column:
                download_table(table, f"curves_{metric}")
    scores = run_groups.score_table(groups, score, baseline)
    st.dataframe(_with_titles(scores), hide_index=True, key="experiments_table", placeholder="–")
    download_table(scores, "experiments")
    more = f" The chart shows the first {MAX_CURVES} groups." if len(groups) > MAX_CURVES else ""
    n_trainings, n_groups = formatting.plural(len(chosen), "training"), formatting.plural(len(groups), "group")
    st.caption(
        f"{n_trainings} in {n_groups}. A band shows the range of a group. The interval of a difference is Welch's 95 % interval. "
        f"It needs two trainings in each group.{more}"
    )


def _of_run(record: RunRecord) -> TrainedRun:
    run = record.run
    scores = {
        name: found.accuracy
        for name, found in (("personal", run.personal_after), ("mnist", run.mnist_after))
        if found and found.n
    }
    parameters = {FROM: "runs", START: run.parent, NETWORK: record.model.card.network, **asdict(run.settings)}
    return TrainedRun(record.name, parameters, scores, run.history)


def _of_sweep(session: LabSession) -> list[TrainedRun]:
    sweep = session.training.sweep
    if sweep is None:
        return []
    return [
        TrainedRun(
            f"trial {number}",
            {
                FROM: "the sweep",
                START: "untrained" if trial.network else sweep.start.name,
                NETWORK: trial.network or sweep.start.card.network,
                **asdict(trial.settings),
                **trial.values,
            },
            trial.scores,
            trial.history,
        )
        for number, trial in enumerate(sweep.trials, 1)
        if trial.scores
    ]


def _choose(every: list[TrainedRun], names: list[str]) -> list[TrainedRun]:
    """Return the trainings with the values that the user has chosen."""
    options = {
        f"{_label(name)}: {_value(one.parameters.get(name))}": (name, one.parameters.get(name)) for name in names for one in every
    }
    wanted: dict[str, list[Any]] = {}
    for option in st.multiselect("Filter", list(options), key="experiments_filter", placeholder="All", persist_state="session"):
        name, value = options[option]
        wanted.setdefault(name, []).append(value)
    return run_groups.select(every, wanted)


def _choose_groups(chosen: list[TrainedRun]) -> tuple[str, str, run_groups.Groups]:
    """Let the user choose score, baseline and grouping. Return them."""
    differing = run_groups.differing_parameters(chosen)
    without_seed = [name for name in differing if name != SEED]
    first, second, third = st.columns(3)
    by = first.selectbox(
        "Group by",
        [SEEDS_TOGETHER, EACH, *without_seed],
        key="experiments_by",
        format_func=lambda name: name if name in (EACH, SEEDS_TOGETHER) else _label(name),
        help="Trainings with the same value form a group. The chart shows the mean and the range of each group.",
    )
    names = {EACH: [], SEEDS_TOGETHER: without_seed}.get(by, [by])
    shown = [_with_short_network(one) for one in chosen]
    groups = run_groups.group(shown, names, {name: _label(name) for name in names})
    if names == [] and by == SEEDS_TOGETHER:
        groups = {"all": shown}
    baseline = str(second.selectbox("Baseline", list(groups), key="experiments_baseline"))
    known = [name for name in SCORES if any(name in one.scores for one in chosen)] or ["mnist"]
    score = str(third.selectbox("Score", known, key="experiments_score", format_func=lambda name: SCORES[name]))
    return score, baseline, groups


def _with_short_network(one: TrainedRun) -> TrainedRun:
    network = _value(one.parameters.get(NETWORK))
    return TrainedRun(one.name, {**one.parameters, NETWORK: network}, one.scores, one.history)


def _with_titles(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with readable titles."""
    shares = {"mean": "Mean", "low": "Lowest", "high": "Highest"}
    shown = table[["group", "n"]].rename(columns={"group": "Group", "n": "Trainings"})
    for name, title in shares.items():
        shown[title] = [formatting.percent(value, 2) if pd.notna(value) else None for value in table[name]]
    shown["Difference from baseline"] = [_difference(row) for row in table.to_dict("records")]
    return shown


def _difference(row: dict[Any, Any]) -> str | None:
    """Format a difference in points, with its interval if it is known."""
    if pd.isna(row["difference"]):
        return None
    found = f"{100 * row['difference']:+.2f} points"
    if pd.isna(row["difference_low"]):
        return found
    return f"{found} ({100 * row['difference_low']:+.2f} to {100 * row['difference_high']:+.2f})"


def _label(name: str) -> str:
    return LABELS.get(name) or parameter_space.label(name)


def _value(value: Any) -> str:
    if isinstance(value, str) and is_spec(value):
        with contextlib.suppress(ModelError):
            return f"built, {NetworkSpec.from_json(value).parameters:,} parameters"
        return "built"
    return format_value(value)
