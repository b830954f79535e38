import numpy as np
import pandas as pd
import pytest

from digitcore import charts
from digitcore.evaluation import Evaluation, confusion_table

POINTS = [
    {"epoch": 0.0, "seen": 0, "seconds": 0.1, "val_loss": 2.3, "val_accuracy": 0.1},
    {"epoch": 0.5, "seen": 500, "seconds": 0.6, "loss": 1.0, "accuracy": 0.7},
    {"epoch": 1.0, "seen": 1000, "seconds": 1.2, "loss": 0.5, "accuracy": 0.9, "val_loss": 0.4, "val_accuracy": 0.9},
]


def fields(chart):
    """Every field that a chart's encodings name."""
    found = set()

    def look(part):
        if isinstance(part, dict):
            for name, value in part.items():
                if name == "field":
                    found.add(value)
                look(value)
        elif isinstance(part, list):
            for one in part:
                look(one)

    look(chart.to_dict())
    return found


@pytest.mark.parametrize("measure", charts.MEASURES)
@pytest.mark.parametrize("histories", [{}, {"a": []}, {"a": POINTS}, {"a": POINTS, "b": POINTS[:1]}])
def test_curves(histories, measure):
    table = charts.curve_table(histories, measure)
    assert fields(charts.curves(table, measure, epochs=1)) <= set(table.columns)


def test_curve_table_has_every_point():
    table = charts.curve_table({"a": POINTS})
    assert table[table["part"] == "training"]["value"].tolist() == [1.0, 0.5]
    assert table[table["part"] == "validation"]["value"].tolist() == [2.3, 0.4]


@pytest.mark.parametrize("count", [0, 30])
def test_confusion(count):
    rng = np.random.default_rng(0)
    judged = Evaluation.from_probabilities(rng.integers(0, 10, count), rng.dirichlet(np.ones(10), count).reshape(count, 10))
    table = confusion_table(judged)
    assert isinstance(table, pd.DataFrame) and len(table) == 100
    assert fields(charts.confusion(table)) <= set(table.columns)
