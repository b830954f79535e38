"""Displays: results as a chart, as a table and as text. The pages and other writers show each result through its display.

A function of this module takes results of `evaluation`, `training` or `sweeps` and returns a `Display`.

Example:
    >>> import numpy as np
    >>> from digitcore import displays
    >>> display = displays.confusion(np.diag([10] * 10))
    >>> display.alt_text()
    'Confusion matrix. 100 of 100 digits are predicted correctly.'
    >>> list(display.table())
    ['True digit', 'Predicted', 'Count', 'Share']
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digitcore import charts
from digitcore.evaluation.comparison import PairedComparison
from digitcore.evaluation.feature_map import FeatureMap
from digitcore.evaluation.metrics import Evaluation, confusion_table, coverage_table, reliability_table
from digitcore.sweeps import space as parameter_space
from digitcore.sweeps import summary
from digitcore.sweeps.runner import Sweep
from digitcore.sweeps.search import GRID, HALVING
from digitcore.training import history, run_groups
from digitcore.training.run import Point
from digitcore.values import percent, plural

if TYPE_CHECKING:
    import altair as alt

COLUMN_TITLES = {  # column of a table → its title on the page and in a download
    "model": "Model",
    "subset": "Digits",
    "metric": "Metric",
    "value": "Value",
    "epoch": "Epoch",
    "samples_seen": "Samples seen",
    "seconds": "Seconds",
    "digit": "Digit",
    "n": "Of",
    "correct": "Correct",
    "accuracy": "Accuracy",
    "low": "Accuracy 95 % from",
    "high": "Accuracy 95 % to",
    "precision": "Precision",
    "true": "True digit",
    "predicted": "Predicted",
    "count": "Count",
    "share": "Share",
    "change": "Difference",
    "improvement": "Improvement",
    "confidence": "Confidence",
    "threshold": "Confidence threshold",
    "is_threshold": "Threshold of the Draw page",
    "coverage": "Coverage",
    "corruption": "Corruption",
    "severity": "Severity",
    "training": "Training digits",
    "test": "Test digits",
    "ink": "Ink",
    "pixels": "Share of inked pixels",
    "width": "Width",
    "height": "Height",
    "label": "Label",
    "kind": "Of",
    "number": "Number",
    "pupil": "Pupil",
}
BAND_TITLES = {"model": "Group", "mean": "Mean", "low": "Lowest", "high": "Highest", "n": "Trainings"}
MAX_NAMED = 12  # values in an alternative text
MNIST, YOURS, YOURS_BEFORE = charts.MAP_KINDS
Colors = Mapping[str, str] | None  # name of a model → its color


@dataclass(frozen=True, repr=False)
class Display:
    """A result with its chart, its table, and a text for readers who cannot see the chart. A notebook shows the chart.

    Attributes:
        name: Name of a file with the table, without suffix.
        data: The data of the chart.
        draw: Function that draws the data. Its keyword arguments choose a part of the data or the appearance.
        description: Sentences about the content of the chart, with its main numbers.
        titles: Column of the data → title, in addition to `COLUMN_TITLES`.
        hidden: Columns that only the chart needs.
        describe_part: Function that describes the chart that `draw` draws with the same keyword arguments. If `None`, all charts
            have the same description.

    Example:
        >>> Display("counts", pd.DataFrame({"digit": [7], "n": [3]}), charts.learning_curves, "Three drawings of a 7.")
        Display('counts', 1 rows)
    """

    name: str
    data: pd.DataFrame
    draw: Callable[..., "alt.Chart | alt.LayerChart"]
    description: str
    titles: Mapping[str, str] = field(default_factory=dict)
    hidden: Sequence[str] = ()
    describe_part: Callable[..., str] | None = None

    def __repr__(self) -> str:
        return f"Display({self.name!r}, {len(self.data)} rows)"

    def chart(self, **options: Any) -> "alt.Chart | alt.LayerChart":
        """Draw the chart. It has `alt_text()` as its description, which screen readers read.

        Args:
            options: Keyword arguments of the chart's function in `digitcore.charts`.

        Returns:
            The chart.
        """
        return self.draw(self.data, **options).properties(description=self.alt_text(**options))

    def table(self) -> pd.DataFrame:
        """Return the numbers of the chart, with readable column titles."""
        return self.data.drop(columns=list(self.hidden)).rename(columns=COLUMN_TITLES | dict(self.titles))

    def alt_text(self, **options: Any) -> str:
        """Return the description of the chart as plain text, with the main numbers.

        Args:
            options: Keyword arguments of `chart`. The description is about the part that they choose.
        """
        return self.describe_part(**options) if self.describe_part and options else self.description

    def _repr_mimebundle_(self, *args: Any, **options: Any) -> Any:
        return self.chart()._repr_mimebundle_(*args, **options)


def calibration(evaluations: Mapping[str, Evaluation], colors: Colors = None) -> Display:
    """Return the accuracy by confidence of each model.

    Args:
        evaluations: Name of a model → its evaluation.
        colors: Name of a model → its color.

    Returns:
        The display.

    Example:
        >>> evaluation = Evaluation.from_probabilities([1, 2], np.full((2, 10), 0.1))
        >>> calibration({"untrained": evaluation}).alt_text()
        'Accuracy by confidence. Calibration error: untrained 10.00 %.'
    """
    errors = ", ".join(f"{name} {percent(one.calibration_error, 2)}" for name, one in evaluations.items())
    table = _by_model({name: reliability_table(one) for name, one in evaluations.items()})
    text = f"Accuracy by confidence. Calibration error: {errors}."
    return Display("accuracy by confidence", table, partial(charts.reliability, colors=colors), text)


def coverage(evaluations: Mapping[str, Evaluation], thresholds: Mapping[str, float], colors: Colors = None) -> Display:
    """Return the accuracy and the share of the digits that reach each confidence threshold.

    Args:
        evaluations: Name of a model → its evaluation.
        thresholds: Name of a model → its confidence threshold, 0 to 1.
        colors: Name of a model → its color.

    Returns:
        The display.

    Example:
        >>> evaluation = Evaluation.from_probabilities([1, 2], np.full((2, 10), 0.1))
        >>> coverage({"untrained": evaluation}, {"untrained": 0.0}).alt_text()
        'Selective accuracy by coverage. At the confidence threshold, untrained answers 100.0 % with an accuracy of 0.0 %.'
    """
    tables = {name: _with_threshold(coverage_table(one), thresholds[name]) for name, one in evaluations.items()}
    chosen = {name: table[table["is_threshold"]].iloc[0] for name, table in tables.items()}
    texts = [
        f"{name} answers {percent(row['coverage'], 1)} with an accuracy of {percent(row['accuracy'], 1)}"
        for name, row in chosen.items()
    ]
    text = f"Selective accuracy by coverage. At the confidence threshold, {'; '.join(texts)}."
    return Display("selective accuracy", _by_model(tables), partial(charts.coverage, colors=colors), text)


def confusion(counts: np.ndarray, name: str = "confusion") -> Display:
    """Return a confusion matrix.

    Args:
        counts: (10, 10) number of digits by true digit, then by predicted digit.
        name: Name of a file with the table.

    Returns:
        The display.

    Example:
        >>> confusion(np.eye(10, dtype=int) + np.eye(10, k=1, dtype=int)).alt_text()[:57]
        'Confusion matrix. 10 of 19 digits are predicted correctly'
    """
    correct, n = int(np.trace(counts)), int(counts.sum())
    errors = counts * (1 - np.eye(10, dtype=counts.dtype))
    text = f"Confusion matrix. {correct:,} of {n:,} digits are predicted correctly."
    if errors.any():
        true, predicted = np.unravel_index(int(errors.argmax()), errors.shape)
        text += f" The most frequent error is {true} predicted as {predicted} ({int(errors.max()):,})."
    return Display(name, confusion_table(counts), charts.confusion, text)


def digit_accuracy(pair: PairedComparison, names: tuple[str, str], colors: Colors = None) -> Display:
    """Return the accuracy of two models on each digit.

    Args:
        pair: The comparison of the models.
        names: Names of baseline and candidate.
        colors: Name of a model → its color.

    Returns:
        The display.

    Example:
        >>> evaluation = Evaluation.from_probabilities([1, 2], np.full((2, 10), 0.1))
        >>> digit_accuracy(PairedComparison(evaluation, evaluation), ("a", "b")).alt_text()
        'Accuracy on each digit. a is lowest for 1 (0.0 %); b is lowest for 1 (0.0 %).'
    """
    table = pair.digit_table(names)
    rows = table[table["n"] > 0].to_dict("records")
    worst = [min((row for row in rows if row["model"] == name), key=lambda row: row["accuracy"]) for name in names]
    texts = [f"{row['model']} is lowest for {row['digit']} ({percent(row['accuracy'], 1)})" for row in worst]
    text = f"Accuracy on each digit. {'; '.join(texts)}."
    return Display("accuracy on each digit", table, partial(charts.digit_accuracy, colors=colors), text)


def confusion_change(pair: PairedComparison, names: tuple[str, str]) -> Display:
    """Return the difference of the confusion matrices of two models.

    Args:
        pair: The comparison of the models.
        names: Names of baseline and candidate.

    Returns:
        The display.

    Example:
        >>> evaluation = Evaluation.from_probabilities([1, 2], np.full((2, 10), 0.1))
        >>> confusion_change(PairedComparison(evaluation, evaluation), ("a", "b")).alt_text()
        'Change in confusion from a to b: 0 errors are corrected and 0 are new.'
    """
    baseline, candidate = names
    changes = f"{len(pair.fixed):,} errors are corrected and {len(pair.broken):,} are new"
    text = f"Change in confusion from {baseline} to {candidate}: {changes}."
    return Display("change in confusion", pair.confusion_table(), charts.confusion_change, text)


def robustness(tables: Mapping[str, pd.DataFrame], colors: Colors = None) -> Display:
    """Return the accuracy by severity of each corruption. `chart(corruption="gaussian blur")` draws one corruption.

    Args:
        tables: Name of a model → result of `robustness.robustness_table` with the bounds low and high.
        colors: Name of a model → its color.

    Returns:
        The display.

    Example:
        >>> columns = ["corruption", "severity", "n", "correct", "accuracy", "low", "high"]
        >>> rows = [("gaussian blur", 0, 10, 9, 0.9, 0.6, 0.98), ("gaussian blur", 5, 10, 5, 0.5, 0.2, 0.8)]
        >>> robustness({"genius": pd.DataFrame(rows, columns=columns)}).alt_text()
        'Accuracy with 1 corruption at severities 0 to 5. Mean accuracy at the highest severity: genius 50.0 %.'
    """
    table = _by_model(tables)
    severity = table["severity"].max()
    means = table[table["severity"] == severity].groupby("model", sort=False)["accuracy"].mean()
    texts = ", ".join(f"{name} {percent(share, 1)}" for name, share in means.items())
    text = (
        f"Accuracy with {plural(table['corruption'].nunique(), 'corruption')} at severities 0 to {severity}. "
        f"Mean accuracy at the highest severity: {texts}."
    )

    def draw(every: pd.DataFrame, corruption: str | None = None, **options: Any) -> "alt.LayerChart":
        shown = corruption or every["corruption"].iloc[0]
        return charts.robustness(every[every["corruption"] == shown], f"{shown.capitalize()}: accuracy", colors=colors, **options)

    def describe(corruption: str | None = None, **options: Any) -> str:
        shown = corruption or table["corruption"].iloc[0]
        ends = table[(table["corruption"] == shown) & (table["severity"] == severity)]
        shares = ", ".join(f"{name} {percent(share, 1)}" for name, share in zip(ends["model"], ends["accuracy"], strict=True))
        return f"Accuracy with {shown} at severities 0 to {severity}. Accuracy at the highest severity: {shares}."

    return Display("robustness", table, draw, text, describe_part=describe)


def curves(histories: Mapping[str, Sequence[Point]], colors: Colors = None, baseline: str = "") -> Display:
    """Return the learning curves of models. `chart(metric="loss")` and `chart(metric="accuracy")` draw a metric.

    Args:
        histories: Name of a model → its curve.
        colors: Name of a model → its color.
        baseline: Name of the model of which only the last validation value is shown, as a level line.

    Returns:
        The display.

    Example:
        >>> points = [history.START | {"val_loss": 2.3, "val_accuracy": 0.1}]
        >>> curves({"run 1": points}).alt_text()
        'Learning curves. At the end, the validation loss is 2.3000 for run 1.'
    """
    table = pd.concat(
        [history.curve_table(histories, metric).assign(metric=metric) for metric in charts.METRICS], ignore_index=True
    )
    ends = table[table["subset"] == "validation"].groupby(["metric", "model"], sort=False)["value"].last()

    def describe(metric: str = "loss", **options: Any) -> str:
        return f"Learning curves.{_describe_ends(ends, metric, 'validation ')}"

    def draw(every: pd.DataFrame, metric: str = "loss", **options: Any) -> "alt.LayerChart":
        level = (baseline, float(ends[metric, baseline])) if (metric, baseline) in ends.index else None
        shown = every[(every["metric"] == metric) & (every["model"] != baseline if level else True)]
        return charts.curves(shown.drop(columns="metric"), metric, colors=colors, level=level, **options)

    return Display("curves", table, draw, describe(), describe_part=describe)


def curve_bands(groups: run_groups.Groups) -> Display:
    """Return the mean validation curve of each group of trainings, and the range of each group.

    Args:
        groups: Result of `run_groups.group`.

    Returns:
        The display. `chart(metric="loss")` and `chart(metric="accuracy")` draw a metric.

    Example:
        >>> points = [{"epoch": 1.0, "val_loss": 0.5, "val_accuracy": 0.9}]
        >>> curve_bands({"mlp": [run_groups.TrainedRun("run 1", {}, {}, points)]}).alt_text()
        'Mean validation curves of groups of trainings. At the end, the accuracy is 90.0 % for mlp.'
    """
    parts = [run_groups.curve_bands(groups, metric).assign(metric=metric) for metric in charts.METRICS]
    table = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
    ends = table.groupby(["metric", "model"], sort=False)["mean"].last()

    def describe(metric: str = "loss", **options: Any) -> str:
        return f"Mean validation curves of groups of trainings.{_describe_ends(ends, metric)}"

    draw = _draw_metric(charts.curve_bands)
    return Display("trainings curves", table, draw, describe("accuracy"), titles=BAND_TITLES, describe_part=describe)


def prequential(table: pd.DataFrame) -> Display:
    """Return the running accuracy of the first predictions.

    Args:
        table: Result of `evaluation.prequential.prequential_table`.

    Returns:
        The display.

    Example:
        >>> from digitcore.evaluation.prequential import prequential_table
        >>> from digitcore.samples import SampleSet
        >>> prequential(prequential_table(SampleSet(), {})).alt_text()
        'Accuracy of first predictions. There are no drawings yet.'
    """
    correct = f"{int(table['correct'].iloc[-1])} of {len(table)} drawings were predicted correctly" if len(table) else ""
    return Display(
        "first_predictions",
        table,
        charts.prequential,
        f"Accuracy of first predictions. {correct or 'There are no drawings yet'}.",
    )


def feature_map(found: FeatureMap, labels: np.ndarray, pictures: tuple[Sequence[str], Sequence[str]]) -> Display:
    """Return the map of MNIST's digits and of the user's drawings.

    Args:
        found: The positions, with the drawings placed by the candidate first and by the baseline last.
        labels: (M,) labels of the drawings.
        pictures: Data URLs of MNIST's digits and of the drawings.

    Returns:
        The display.

    Example:
        >>> found = FeatureMap(np.zeros(1, np.uint8), np.zeros((1, 2)), (np.zeros((1, 2)),))
        >>> feature_map(found, np.array([7]), (["data:,"], ["data:,"])).alt_text()
        'Map of 1 MNIST digits and 1 of your drawings. Similar digits are close together.'
    """
    parts = [
        (MNIST, found.positions, found.labels, pictures[0]),
        (YOURS, found.placed[0], labels, pictures[1]),
        (YOURS_BEFORE, found.placed[-1], labels, [""] * len(labels)),
    ]
    frames = [
        pd.DataFrame(
            {"x": places[:, 0], "y": places[:, 1], "label": shown, "kind": kind, "number": range(len(shown)), "picture": images}
        )
        for kind, places, shown, images in parts
    ]
    text = f"Map of {len(found.labels):,} MNIST digits and {len(labels):,} of your drawings. Similar digits are close together."
    return Display("map", pd.concat(frames, ignore_index=True), charts.digit_map, text, hidden=["picture"])


def pupil_map(found: FeatureMap, labels: np.ndarray, names: Sequence[str], pictures: Sequence[str]) -> Display:
    """Return the map of MNIST's digits with the drawings of a class.

    Args:
        found: The positions, with the drawings as the placed digits.
        labels: (N,) labels of the drawings.
        names: Name of the pupil of each drawing.
        pictures: Data URL of each drawing.

    Returns:
        The display.

    Example:
        >>> found = FeatureMap(np.zeros(1, np.uint8), np.zeros((1, 2)), (np.zeros((1, 2)),))
        >>> pupil_map(found, np.array([7]), ["Ada"], ["data:,"]).alt_text()
        'Map of 1 drawing of 1 pupil among 1 MNIST digits. Similar digits are close together.'
    """
    n, placed = len(found.labels), found.placed[0]
    positions = np.concatenate([found.positions, placed])
    table = pd.DataFrame(
        {
            "x": positions[:, 0],
            "y": positions[:, 1],
            "label": np.concatenate([found.labels, labels]),
            "pupil": [*[""] * n, *names],
            "picture": [*[""] * n, *pictures],
        }
    )
    text = (
        f"Map of {plural(len(labels), 'drawing')} of {plural(len(set(names)), 'pupil')} among {n:,} MNIST digits. "
        "Similar digits are close together."
    )
    return Display("map of the class", table, charts.pupil_map, text, hidden=["picture"])


def bars(table: pd.DataFrame, x: str, y: str, title: str, name: str, **options: Any) -> Display:
    """Return the values of several categories, for example the number of digits of each class.

    Args:
        table: A table with the columns `x` and `y`.
        x: Column of the categories.
        y: Column of the values.
        title: Title of the chart, which names the quantity and its unit.
        name: Name of a file with the table.
        options: Further keyword arguments of `charts.bars`.

    Returns:
        The display.

    Example:
        >>> table = pd.DataFrame({"digit": [0, 1], "count": [5, 7]})
        >>> bars(table, "digit", "count", "Drawings", "drawings").alt_text()
        'Drawings. 0: 5; 1: 7.'
    """
    rows = table if len(table) <= MAX_NAMED else table.iloc[[0, int(table[y].argmax()), -1]]
    values = "; ".join(
        f"{category}: {value:.3g}" if isinstance(value, float) else f"{category}: {value:,}"
        for category, value in zip(rows[x].tolist(), rows[y].tolist(), strict=True)
    )
    return Display(name, table, lambda data, **more: charts.bars(data, x, y, title, **options | more), f"{title}. {values}.")


def sweep(found: Sweep, score: str) -> Display:
    """Return the scores of the trials: points for one parameter, a heat map for two, else parallel coordinates.

    Args:
        found: A sweep with at least one finished trial.
        score: Column of the score, `trial.VALIDATION` or `trial.HELD_OUT`.

    Returns:
        The display.

    Example:
        >>> from digitcore import models
        >>> from digitcore.jobs.job import JobStatus
        >>> from digitcore.samples import SampleSet
        >>> from digitcore.sweeps import SweepPlan
        >>> from digitcore.training import TrainSettings
        >>> found = Sweep(models.load("mlp"), SampleSet(), SweepPlan({"epochs": [3]}, TrainSettings()))
        >>> found.trials[0].status, found.trials[0].scores = JobStatus.DONE, {"validation": 0.98}
        >>> sweep(found, "validation").alt_text()[:31]
        'MNIST validation of 1 trial. Hi'
    """
    names = {name: parameter_space.label(name, found.plan.network) for name in found.plan.space}
    title = summary.SCORE_TITLES[score]
    is_grid = found.plan.search == GRID
    table, draw = found.means(), charts.parallel_coordinates
    if found.plan.pruner == HALVING:
        names |= {"trained_epochs": "Epochs trained"}
    elif len(names) == 1:
        table, draw = found.done_table(), charts.sweep_points
    elif len(names) == 2 and is_grid:
        draw = charts.sweep_heat_map
    text = f"{title} of {plural(found.n_done, 'trial')}. {summary.describe_best(found)}"
    return Display("sweep chart", table, lambda data, **options: draw(data, names, score, title, **options), text, titles=names)


def _draw_metric(draw: Callable[..., "alt.LayerChart"]) -> Callable[..., "alt.LayerChart"]:
    """Return a function that draws the rows of one metric."""

    def drawn(every: pd.DataFrame, metric: str = "loss", **options: Any) -> "alt.LayerChart":
        return draw(every[every["metric"] == metric].drop(columns="metric"), metric, **options)

    return drawn


def _describe_ends(ends: pd.Series, metric: str, subset: str = "") -> str:
    """Describe the last values of a metric. The result is "" if no curve has the metric."""
    values = ends[ends.index.get_level_values("metric") == metric].droplevel("metric")
    texts = ", ".join(f"{f'{value:.4f}' if metric == 'loss' else percent(value, 1)} for {name}" for name, value in values.items())
    return f" At the end, the {subset}{metric} is {texts}." if texts else ""


def _by_model(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the tables of several models as one table with the column `model`."""
    return pd.concat([table.assign(model=name) for name, table in tables.items()], ignore_index=True)


def _with_threshold(table: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Mark the row that is nearest to a confidence threshold."""
    nearest = (table["threshold"] - threshold).abs().idxmin()
    return table.assign(is_threshold=[row == nearest for row in range(len(table))])
