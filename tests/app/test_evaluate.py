"""The Evaluate page: every view, and what it compares."""

import numpy as np
import pandas as pd
import pytest

from digitcore.jobs.tasks import RobustnessTask
from digitcore.samples import SampleSet
from pages.session import resources
from pages.views.evaluate import score_table
from tests.support.app import DRAW, EVALUATE, add_run, add_samples, go, new_app, queries, session_of, texts, until_answered

VIEWS = {  # view → number of its charts
    "drawings": 0,
    "curves": 2,
    "trainings": 0,
    "epochs": 0,
    "pair": 2,
    "errors": 0,
    "confusion": 1,
    "map": 1,
    "confidence": 2,
    "robustness": 2,
    "mnist": 4,
}


def choose(at, baseline, candidate, *more):
    """Choose the models; AppTest gives each widget that depends on the one before a new key."""
    for label, name in (("Baseline", baseline), ("Candidate", candidate)):
        next(box for box in at.selectbox if box.label == label).set_value(name).run()
    at.multiselect[0].set_value(list(more)).run()
    assert not at.exception


def see(at, view):
    at.segmented_control(key="view").set_value(view).run()
    assert not at.exception
    until_answered(at)


@pytest.mark.parametrize("chosen", [["fast", "mlp"], ["mlp", "convnet", "fast"]])
def test_every_view(app, few, chosen):
    add_samples(app, few)
    go(app, EVALUATE)
    choose(app, *chosen)
    until_answered(app)
    assert len(app.segmented_control(key="view").options) == len(VIEWS)
    for view, n_charts in VIEWS.items():
        see(app, view)
        assert len(app.get("vega_lite_chart")) == n_charts, view
        assert app.dataframe[0].value["Model"].tolist() == chosen


def test_the_page_opens_with_the_headline_of_the_pair(app, few, genius, untrained):
    go(app, EVALUATE)
    until_answered(app)
    assert "You have no drawings yet." in texts(app) and "of 10,000: clearly worse (p < 0.001)" in texts(app)
    tested = few.concatenate(few)
    add_samples(app, SampleSet.from_arrays(tested.digits, tested.labels))
    add_run(app, genius, untrained)
    app.run()
    until_answered(app)
    assert "**10 of 10** held-out drawings are predicted correctly (before: 2): clearly better (p = 0.0078)." in texts(app)
    add_samples(app, few)
    app.run()
    assert "**20 of 20** training drawings are predicted correctly (before: 2)." in texts(app)


def test_a_comparison_of_the_active_model_with_what_it_started_from(app, few, genius, untrained):
    add_samples(app, few)
    go(app, EVALUATE)
    until_answered(app)
    assert app.dataframe[0].value["Model"].tolist() == ["genius", "plain"], "visited before the first training"
    go(app, DRAW)
    add_run(app, genius, untrained)
    go(app, EVALUATE)
    until_answered(app)
    scores = app.dataframe[0].value
    assert scores["Model"].tolist() == ["untrained", "run 1"] and scores["MNIST"][1] > scores["MNIST"][0]
    intervals = scores["Your handwriting 95 %"]
    assert intervals[0].endswith("of 20") and pd.isna(intervals[1]), "no interval on drawings that were learnt from"
    assert (scores["Time (ms)"] > 0).all()
    for view in ("pair", "drawings"):
        see(app, view)
        assert [box.value for box in app.selectbox[:2]] == ["untrained", "run 1"]
    assert (
        "of 20 drawings correctly than untrained: clearly better (p < 0.001" in texts(app) and session_of(app).models.has_compared
    )


def test_the_chosen_pair_is_the_same_in_every_view(app, few):
    add_samples(app, few)
    go(app, EVALUATE)
    choose(app, "genius", "plain", "salt-pepper")
    see(app, "pair")
    next(box for box in app.selectbox if box.label == "Baseline").set_value("salt-pepper").run()
    until_answered(app)
    see(app, "drawings")
    assert next(box for box in app.selectbox if box.label == "Baseline").value == "salt-pepper"


def test_queries_are_stopped_and_resumed(app, untrained):
    resources.results().clear()
    before = resources.jobs().submit(RobustnessTask(untrained))  # the worker is busy, so that there is time to press
    go(app, EVALUATE)
    app.button(key="stop_queries").click().run()
    assert "Stopped" in texts(app) and not queries(app)
    before.stop()
    app.segmented_control(key="view").set_value("confidence").run()
    assert not queries(app), "nothing is asked until told to resume"
    app.button(key="resume_queries").click().run()
    until_answered(app)
    assert "Calibration error: genius" in texts(app)


def test_a_second_look_asks_nothing(app):
    go(app, EVALUATE)
    until_answered(app)
    other = new_app()
    go(other, EVALUATE)
    assert not queries(other) and not np.isnan(other.dataframe[0].value["Time (ms)"]).any()


def test_random_weights_are_not_calibrated_and_have_no_star_for_it(app, genius, untrained):
    add_run(app, genius, untrained)
    go(app, EVALUATE)
    table = app.dataframe[0].value
    assert table["Model"].tolist() == ["untrained", "run 1"] and table["Not calibrated"].fillna("").tolist() == ["✓", ""]
    errors = pd.DataFrame({"Model": ["untrained", "run 1"], "Calibration error": [0.001, 0.1]})
    candidates = score_table._candidates(errors, {"untrained": untrained, "run 1": genius}, "Calibration error")
    assert candidates.isna().tolist() == [True, False]
