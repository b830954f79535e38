import numpy as np
import pytest

from digitcore import charts
from digitcore.evaluation.prequential import RECENT, prequential_table
from digitcore.evaluation.score import wilson_interval
from digitcore.samples import FirstPrediction, SampleSet

BLANK = np.zeros((28, 28), np.uint8)


@pytest.fixture
def samples():
    """Return thirty sevens. A first model predicted 1 for the first ten, and a second model predicted 7 for the rest."""
    found = SampleSet()
    for number in range(30):
        first = FirstPrediction("aa" if number < 10 else "b" * 64, 1 if number < 10 else 7, 0.5)
        found = found.add(BLANK, 7, date=f"2026-11-{number + 1:02}", first_prediction=first)
    return found


def test_running_accuracy_has_the_wilson_interval_of_its_counts(samples):
    table = prequential_table(samples, {"aa": "genius"})
    assert table["drawing"].tolist() == list(range(1, 31))
    assert table["correct"].tolist() == [0] * 10 + list(range(1, 21))
    for row in table.to_dict("records"):
        assert row["accuracy"] == row["correct"] / row["drawing"]
        assert (row["low"], row["high"]) == pytest.approx(wilson_interval(row["correct"], row["drawing"]))
    assert table["recent"].iloc[RECENT - 1] == 0.5
    assert table["recent"].iloc[-1] == 1
    assert table["model"].unique().tolist() == ["genius", "bbbbbbbb"]
    assert table["drawing"][table["is_new_model"]].tolist() == [11]


def test_only_drawings_with_a_first_prediction_are_counted(samples):
    more = samples.add(BLANK, 7).add(BLANK, 7, is_example=True, first_prediction=samples.first_predictions[0])
    assert prequential_table(more, {}).equals(prequential_table(samples, {}))


def test_a_corrected_label_changes_the_result(samples):
    assert prequential_table(samples.relabel([0], 1), {})["is_correct"].tolist()[:2] == [True, False]


def test_without_first_predictions_the_table_is_empty(few):
    table = prequential_table(few, {})
    assert table.empty
    assert {"drawing", "accuracy", "low", "high"} <= set(table.columns)


def test_the_chart_uses_columns_of_the_table(samples):
    table = prequential_table(samples, {})
    encodings = str([one["encoding"] for one in charts.prequential(table).to_dict()["layer"]])
    assert all(f"'{name}'" in encodings for name in ("drawing", "accuracy", "low", "high", "confidence", "model"))
