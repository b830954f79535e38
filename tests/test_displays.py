"""Displays: each result has a chart with a description, a table with readable titles, and an alternative text."""

import numpy as np
import pytest

from digitcore import displays
from digitcore.evaluation import robustness
from digitcore.evaluation.comparison import PairedComparison
from digitcore.evaluation.metrics import Evaluation
from digitcore.training.history import START
from digitcore.training.run_groups import TrainedRun

NAMES = ("a", "b")
COLORS = dict(zip(NAMES, ("#8a8f98", "#2b83c6"), strict=True))
POINTS = [START | {"val_loss": 2.3, "val_accuracy": 0.1}, {**START, "epoch": 1.0, "val_loss": 0.25, "val_accuracy": 0.9}]


@pytest.fixture(scope="module")
def evaluations():
    """Return the evaluations of a model that is right on 19 of 20 digits, and of one that is right on 10."""
    labels = np.repeat(np.arange(10), 2)
    right, half = (np.full((20, 10), 0.01) for _ in NAMES)
    right[np.arange(20), labels] = 0.91
    right[0], half[:, 3] = right[2], 0.5
    half[np.arange(10), labels[:10]] = 0.91
    return {name: Evaluation.from_probabilities(labels, found) for name, found in zip(NAMES, (right, half), strict=True)}


@pytest.fixture
def every_display(evaluations):
    pair = PairedComparison(evaluations["a"], evaluations["b"])
    card = {"gaussian blur": [0.9, 0.8, 0.7, 0.6, 0.5]}
    tables = {name: robustness.from_card(card, 0.95).assign(low=0.1, high=1.0) for name in NAMES}
    return [
        displays.calibration(evaluations, COLORS),
        displays.coverage(evaluations, dict.fromkeys(NAMES, 0.5), COLORS),
        displays.confusion(evaluations["a"].confusion),
        displays.digit_accuracy(pair, NAMES, COLORS),
        displays.confusion_change(pair, NAMES),
        displays.robustness(tables, COLORS),
        displays.curves(dict.fromkeys(NAMES, POINTS), COLORS),
        displays.curve_bands({"both": [TrainedRun(name, {}, {}, POINTS) for name in NAMES]}),
    ]


def test_the_description_of_a_chart_is_the_alternative_text(every_display):
    for display in every_display:
        assert display.chart().to_dict()["description"] == display.alt_text()


def test_tables_have_readable_titles(every_display):
    for display in every_display:
        titles = list(display.table())
        assert len(titles) == len(set(titles)) > 1
        assert all(title[0].isupper() and "_" not in title for title in titles)


def test_tables_have_a_row_for_each_row_of_the_data(every_display):
    assert all(len(display.table()) == len(display.data) > 0 for display in every_display)


def test_alternative_texts_contain_the_numbers(evaluations):
    assert "19 of 20 digits are predicted correctly" in displays.confusion(evaluations["a"].confusion).alt_text()
    assert "0 predicted as 1 (1)" in displays.confusion(evaluations["a"].confusion).alt_text()
    assert "0.2500 for run 1" in displays.curves({"run 1": POINTS}).alt_text()


def test_a_chart_shows_one_metric():
    display = displays.curves({"run 1": POINTS})
    shown = {row["value"] for metric in ("loss", "accuracy") for row in _rows(display.chart(metric=metric))}
    assert {row["value"] for row in _rows(display.chart(metric="accuracy"))} == {0.1, 0.9}
    assert shown == {0.1, 0.9, 0.25, 2.3}


def _rows(chart):
    return next(iter(chart.to_dict()["datasets"].values()))


def test_a_chart_of_a_part_describes_this_part(evaluations):
    """A screen reader must tell the charts of the losses and of the accuracies, and of each corruption, from each other."""
    curves = displays.curves({"run 1": POINTS})
    assert "the validation loss is 0.2500 for run 1" in curves.chart(metric="loss").to_dict()["description"]
    assert "the validation accuracy is 90.0 % for run 1" in curves.chart(metric="accuracy").to_dict()["description"]
    bands = displays.curve_bands({"mlp": [TrainedRun("run 1", {}, {}, POINTS)]})
    assert "the loss is 0.2500 for mlp" in bands.alt_text(metric="loss")
    assert "the accuracy is 90.0 % for mlp" in bands.alt_text(metric="accuracy")
    card = {"gaussian blur": [0.9, 0.8, 0.7, 0.6, 0.5], "rotate": [0.9, 0.8, 0.7, 0.6, 0.3]}
    both = displays.robustness({"a": robustness.from_card(card, 0.95).assign(low=0.1, high=1.0)})
    text = "Accuracy with rotate at severities 0 to 5. Accuracy at the highest severity: a 30.0 %."
    assert both.chart(corruption="rotate").to_dict()["description"] == text
    assert "2 corruptions" in both.alt_text() and "a 40.0 %" in both.alt_text()
