import numpy as np
import pandas as pd
import pytest

from digitcore import charts, displays, palette
from digitcore.evaluation import robustness
from digitcore.evaluation.comparison import PairedComparison
from digitcore.evaluation.metrics import Evaluation, confusion_table, coverage_table, reliability_table
from digitcore.training import history, run_groups
from digitcore.training.run_groups import TrainedRun

POINTS = [
    {"epoch": 0.0, "samples_seen": 0, "seconds": 0.1, "val_loss": 2.3, "val_accuracy": 0.1},
    {"epoch": 0.5, "samples_seen": 500, "seconds": 0.6, "loss": 1.0, "accuracy": 0.7},
    {"epoch": 1.0, "samples_seen": 1000, "seconds": 1.2, "loss": 0.5, "accuracy": 0.9, "val_loss": 0.4, "val_accuracy": 0.9},
]


def fields(chart):
    """Return every field in the encodings of a chart."""
    found = set()

    def look(part):
        if isinstance(part, dict):
            for name, value in part.items():
                if name == "field":
                    found.add(value)
                look(value)
        elif isinstance(part, list):
            for item in part:
                look(item)

    look(chart.to_dict())
    return found


@pytest.mark.parametrize("metric", charts.METRICS)
@pytest.mark.parametrize("histories", [{}, {"a": []}, {"a": POINTS}, {"a": POINTS, "b": POINTS[:1]}])
def test_curves_use_columns_of_their_table(histories, metric):
    table = history.curve_table(histories, metric)
    assert fields(charts.curves(table, metric, x_max=1)) <= set(table.columns)


def test_specification_of_a_training_does_not_depend_on_its_progress():
    first, later = (charts.curves(history.curve_table({"training": points}), x_max=2) for points in (POINTS[:2], POINTS))
    assert first.to_dict() != later.to_dict()
    assert charts.specification(first) == charts.specification(later)
    assert not {"data", "datasets"} & set(charts.specification(later))
    assert "layer" in charts.specification(later)


def test_the_axis_of_an_accuracy_ends_at_100_percent():
    table = history.curve_table({"a": [history.START | {"accuracy": 0.998}]}, "accuracy")
    scale = charts.curves(table, "accuracy").to_dict()["layer"][0]["encoding"]["y"]["scale"]
    assert scale["domain"][1] == 1


@pytest.mark.parametrize("x", charts.AXES)
@pytest.mark.parametrize("log_scale", [True, False])
def test_curves_have_the_chosen_axis(x, log_scale):
    table = history.curve_table({"a": POINTS})
    assert x in fields(charts.curves(table, x=x, log_scale=log_scale))


def test_model_keeps_its_color_when_another_is_missing():
    table = history.curve_table({"b": POINTS, "c": POINTS})
    colors = {"a": palette.GREY, "b": palette.ORANGE, "c": palette.BLUE}
    scale = charts.curves(table, colors=colors).to_dict()["layer"][0]["encoding"]["color"]["scale"]
    assert scale["domain"] == ["b", "c"]
    assert scale["range"] == [palette.ORANGE, palette.BLUE]


def test_the_baseline_is_a_level_line():
    display = displays.curves({"genius": POINTS, "run 1": POINTS}, {"genius": palette.GREY, "run 1": palette.BLUE}, "genius")
    lines, _, rule, text = display.chart(metric="accuracy").to_dict()["layer"]
    assert lines["encoding"]["color"]["scale"]["domain"] == ["run 1"]
    assert rule["mark"] | {"color": palette.GREY, "type": "rule"} == rule["mark"]
    assert text["mark"]["type"] == "text"
    assert "genius ends at 90.00 %" in str(display.chart(metric="accuracy").to_dict()["datasets"])
    assert len(display.chart(metric="loss").to_dict()["layer"]) == 4


def scales(part):
    """Yield the type of each quantitative position or color of a chart, and its scale."""
    if isinstance(part, dict):
        for channel in ("x", "y", "color"):
            found = part.get(channel)
            if isinstance(found, dict) and found.get("type") == "quantitative" and "field" in found:
                yield channel, found["field"], found.get("scale", {})
        for value in part.values():
            yield from scales(value)
    elif isinstance(part, list):
        for item in part:
            yield from scales(item)


def test_the_ends_of_all_scales_are_part_of_the_chart():
    """Vega draws a chart before it has data, and warns about each scale whose ends depend on data."""
    evaluation = random_evaluation(30)
    pair = PairedComparison(evaluation, evaluation)
    table, names = sweep_table(12)
    every = [
        *(charts.curves(history.curve_table({"a": POINTS}), metric, x=x) for metric in charts.METRICS for x in charts.AXES),
        charts.curves(history.curve_table({"a": POINTS}), log_scale=True),
        charts.curves(history.curve_table({}), x_max=3),
        charts.curve_bands(run_groups.curve_bands({"a": [TrainedRun("a", {}, {}, POINTS)]}, "loss"), "loss"),
        charts.digit_accuracy(pair.digit_table(("a", "b"))),
        charts.reliability(reliability_table(evaluation).assign(model="a")),
        charts.coverage(coverage_table(evaluation).assign(model="a", is_threshold=True)),
        charts.confusion(confusion_table(evaluation.confusion)),
        charts.confusion_change(pair.confusion_table()),
        charts.bars(pd.DataFrame({"digit": [0, 1], "n": [3, 4]}), "digit", "n", "Digits"),
        charts.sweep_heat_map(table, dict(list(names.items())[:2]), "validation", "MNIST"),
        charts.sweep_points(table, {"blocks.1.size": "Row 1: filters"}, "validation", "MNIST"),
        charts.parallel_coordinates(table, names, "validation", "MNIST"),
    ]
    for chart in every:
        specification = chart.to_dict()
        fixed = {channel for channel, _, scale in scales(specification) if "domain" in scale}
        assert {channel for channel, _, _ in scales(specification)} <= fixed, specification.get("title")


def random_evaluation(count):
    rng = np.random.default_rng(count)
    return Evaluation.from_probabilities(rng.integers(0, 10, count), rng.dirichlet(np.ones(10), count).reshape(count, 10))


def fits(chart, table):
    """Check whether every field of the chart is a column of its table."""
    return fields(chart) <= set(table.columns)


@pytest.mark.parametrize("count", [0, 30])
@pytest.mark.parametrize("rates", [True, False])
def test_confusion_matrix_uses_columns_of_its_table(count, rates):
    table = confusion_table(random_evaluation(count).confusion)
    assert fits(charts.confusion(table, rates=rates), table)


@pytest.mark.parametrize("count", [0, 30])
def test_charts_of_evaluations_use_columns_of_their_tables(count):
    evaluation = random_evaluation(count)
    pair = PairedComparison(evaluation, evaluation)
    table = pair.digit_table(("a", "b"))
    assert fits(charts.digit_accuracy(table), table)
    table = pair.confusion_table()
    assert fits(charts.confusion_change(table), table)
    table = reliability_table(evaluation).assign(model="a")
    assert fits(charts.reliability(table), table)
    table = coverage_table(evaluation).assign(model="a", is_threshold=True)
    assert fits(charts.coverage(table), table)


def test_matrices_are_dark_on_a_dark_page():
    pair = PairedComparison(random_evaluation(30), random_evaluation(30))
    for table, chart in (
        (confusion_table(pair.baseline.confusion), charts.confusion),
        (pair.confusion_table(), charts.confusion_change),
    ):
        cells, numbers, _ = chart(table, is_dark=True).to_dict()["layer"]
        colors = cells["encoding"]["color"]["scale"]["range"]
        assert all(luminance(color) < 0.2 for color in colors), colors
        assert numbers["encoding"]["color"]["condition"] == {"test": "true", "value": "#ffffff"}
        light = chart(table).to_dict()["layer"][0]["encoding"]["color"]["scale"]["range"]
        assert max(map(luminance, light)) > 0.8


def luminance(color):
    """Return the relative luminance of a hexadecimal color, 0 to 1, as WCAG defines it."""
    parts = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_color_of_a_change_in_confusion_means_better_or_worse():
    encoding = charts.confusion_change(PairedComparison(random_evaluation(30), random_evaluation(30)).confusion_table()).to_dict()
    cells, numbers, _ = encoding["layer"]
    assert cells["encoding"]["color"]["field"] == "improvement"
    assert numbers["encoding"]["text"]["field"] == "change"


def test_no_axis_writes_numbers_with_exponents():
    points = [{"epoch": 100.0 * i, "samples_seen": 1, "seconds": 100.0 * i, "val_loss": 100.0 * i} for i in range(3)]
    bands = run_groups.curve_bands({"a": [TrainedRun("a", {}, {}, points)]}, "loss")
    for chart in (
        *(charts.curves(history.curve_table({"a": points}), x=x) for x in charts.AXES),
        charts.curve_bands(bands, "loss"),
    ):
        assert "~g" not in str(chart.to_dict()), "“~g” writes 200 as 2e+2"


def test_the_chart_of_groups_has_no_legend_that_cuts_names():
    names = [f"Learning rate 0.00{i}, Batch size 32, Epochs 10" for i in range(1, 7)]
    groups = {name: [TrainedRun(name, {}, {}, [{"epoch": 1.0, "val_loss": 0.5}])] for name in names}
    long, short = (charts.curve_bands(run_groups.curve_bands(found, "loss")) for found in (groups, {"a": groups[names[0]]}))
    assert long.to_dict()["layer"][0]["encoding"]["color"]["legend"] is None
    assert long.height == short.height


@pytest.mark.parametrize("models", [[], ["a"], ["a", "b"]])
def test_robustness_chart_uses_columns_of_its_table(models, genius):
    whole = robustness.from_card(genius.card.metrics["robustness"], 1.0).assign(low=0.0, high=1.0)
    table = pd.concat([whole.assign(model=name) for name in models]) if models else whole.assign(model="a").head(0)
    assert fits(charts.robustness(table, "Blur"), table)


@pytest.mark.parametrize("count", [0, 3])
def test_bar_chart_uses_columns_of_its_table(count):
    table = pd.DataFrame({"digit": range(count), "training": range(count)})
    assert fits(charts.bars(table, "digit", "training", "Drawings"), table)
    assert fits(charts.bars(table, "digit", "training", "Drawings", log_scale=True), table)


def sweep_table(count):
    """Return the means of a sweep whose parameter names Vega would interpret as paths."""
    names = {"epochs": "Epochs", "blocks.1.size": "Row 1: filters", "network": "Network"}
    rows = [
        {"epochs": i % 2 + 1, "blocks.1.size": 2.5**i, "network": "mlp" if i % 3 else None, "validation": 0.9 + i / 1000}
        | {"range": 0.0, "seeds": 1, "seed": 0, "added_validation_errors": 0.0, "seconds": 1.0}
        for i in range(count)
    ]
    return pd.DataFrame(rows), names


@pytest.mark.parametrize("count", [1, 4, 12])
def test_charts_of_sweeps_do_not_contain_parameter_names_as_fields(count):
    table, names = sweep_table(count)
    two = dict(list(names.items())[:2])
    heat_map = charts.sweep_heat_map(table, two, "validation", "MNIST")
    points = charts.sweep_points(table, {"blocks.1.size": "Row 1: filters"}, "validation", "MNIST")
    lines = charts.parallel_coordinates(table, names, "validation", "MNIST")
    for chart in (heat_map, points, lines):
        specification = chart.to_dict()
        assert "blocks.1" not in str(specification)
        assert specification["height"] > 0
    rows = next(iter(lines.to_dict()["datasets"].values()))
    assert len(rows) == count * 4
    assert {row["axis"] for row in rows} == {*names.values(), "MNIST"}
    assert all(0 <= row["position"] <= 1 for row in rows)


@pytest.mark.parametrize("count", [0, 1])
def test_digit_map_uses_columns_of_its_table(count):
    rows = [{"x": 0.5, "y": -1, "label": 7, "kind": kind, "number": 0, "picture": ""} for kind in charts.MAP_KINDS][: 3 * count]
    table = pd.DataFrame(rows, columns=["x", "y", "label", "kind", "number", "picture"])
    chart = charts.digit_map(table)
    assert fields(chart) <= set(table.columns)
    assert charts.MAP_SELECTION in str(chart.to_dict()["params"])
