"""The Evaluate page: every view, and the models that it compares."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from digitcore import models
from digitcore.evaluation import robustness
from digitcore.evaluation.metrics import Evaluation
from digitcore.evaluation.score import Score
from digitcore.jobs.job import JobStatus
from digitcore.jobs.tasks import RobustnessTask
from digitcore.models.network_spec import Block, NetworkSpec
from digitcore.samples import FirstPrediction, SampleSet
from digitcore.sweeps.plan import SweepPlan
from digitcore.sweeps.runner import Sweep
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings
from pages.session import resources
from pages.views.evaluate import score_table
from tests.support.app import (
    DRAW,
    EVALUATE,
    add_run,
    add_samples,
    go,
    html,
    new_app,
    queries,
    session_of,
    table_with,
    texts,
    until_answered,
)

VIEWS = {  # number of charts of each view
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
    "checks": 0,
}


def choose(at, baseline, candidate, *more):
    """Choose the compared models, one widget after the other, because each choice changes the keys of the next widgets."""
    for label, name in (("Baseline", baseline), ("Candidate", candidate)):
        next(box for box in at.selectbox if box.label == label).set_value(name).run()
    at.multiselect[0].set_value(list(more)).run()
    assert not at.exception


def scores(at, *, more=False):
    """Return the score table, with four columns or with all columns."""
    if at.toggle(key="score_columns").value != more:
        at.toggle(key="score_columns").set_value(more).run()
    return table_with(at, "Parameters" if more else "Trained on")


def visit(at):
    """Open the page with a view that needs no computation of its own."""
    session_of(at).models.choose_view("errors")
    return go(at, EVALUATE)


def see(at, view):
    at.segmented_control(key="view").set_value(view).run()
    assert not at.exception
    until_answered(at)


@pytest.mark.parametrize("chosen", [["fast", "mlp"], ["mlp", "convnet", "fast"]])
def test_every_view(app, few, chosen):
    add_samples(app, few)
    visit(app)
    choose(app, *chosen)
    until_answered(app)
    assert len(app.segmented_control(key="view").options) == len(VIEWS)
    for view, n_charts in VIEWS.items():
        see(app, view)
        assert len(app.get("vega_lite_chart")) == n_charts, view
        assert scores(app)["Model"].tolist() == chosen
        assert not app.error, view


def test_the_page_opens_with_the_headline_of_the_pair(app, few, genius, untrained):
    visit(app)
    until_answered(app)
    assert "You have not trained a network yet." in texts(app)
    assert "You have no drawings yet." in texts(app)
    assert "of 10,000: these two models differ (p < 0.001)" in texts(app)
    tested = few.concatenate(few)
    add_samples(app, SampleSet.from_arrays(tested.digits, tested.labels))
    add_run(app, genius, untrained)
    app.run()
    until_answered(app)
    assert "You have not trained a network yet." not in texts(app)
    counts = "**10 of 10** unseen drawings are predicted correctly (95 % interval 72–100 %; before: 2)"
    assert f"{counts}: these two models differ (p = 0.0078)." in texts(app)
    add_samples(app, few)
    app.run()
    assert "**20 of 20** training drawings are predicted correctly (before: 2)." in texts(app)
    assert "unseen" not in texts(app)


def test_the_active_model_is_compared_with_its_initial_model(app, few, genius, untrained):
    add_samples(app, few)
    visit(app)
    until_answered(app)
    assert scores(app)["Model"].tolist() == ["plain", "genius"], "the page is opened before the first training"
    go(app, DRAW)
    add_run(app, genius, untrained)
    visit(app)
    until_answered(app)
    found = scores(app)
    assert found["Handwriting"].str.fullmatch(r"\d+ of 20 \(.+").all()
    assert "(training)" in found["Handwriting"][1]
    assert found["MNIST"].str.contains(" % ± 0.").all()
    assert found["Trained on"].tolist() == [f"{model.card.training_data.n_samples:,}" for model in (untrained, genius)]
    found = scores(app, more=True)
    assert found["Model"].tolist() == ["untrained", "run 1"]
    assert found["MNIST"][1] > found["MNIST"][0]
    intervals = found["Your handwriting 95 %"]
    assert intervals[0].endswith("of 20"), "no interval on training drawings"
    assert pd.isna(intervals[1]), "no interval on training drawings"
    assert (found["Time (ms)"] > 0).all()
    for view in ("pair", "drawings"):
        see(app, view)
        assert [box.value for box in app.selectbox[:2]] == ["untrained", "run 1"]
    assert "**20 of 20** training drawings are predicted correctly (before: 2)." in texts(app)
    assert session_of(app).models.has_compared


def test_the_report_is_written_on_request(app, few, genius, untrained):
    add_samples(app, few)
    add_run(app, genius, untrained)
    visit(app)
    until_answered(app)
    n_downloads = len(app.get("download_button"))
    assert not [task for task in resources.results() if task[0] == "report"]
    app.button(key="write_report").click().run()
    until_answered(app)
    assert len(app.get("download_button")) == n_downloads + 1
    [report] = [text for key, text in resources.results().items() if key[0] == "report"]
    assert "Baseline untrained, candidate run 1" in report


def test_first_predictions_are_shown_as_a_curve_and_a_table(app, few, genius):
    for number in range(20):
        first = FirstPrediction(genius.hash, int(few.labels[number]) if number else 5, 0.5)
        session_of(app).samples.add(few.digits[number], int(few.labels[number]), first_prediction=first)
    visit(app)
    see(app, "drawings")
    assert "**19 of 20** drawings were predicted correctly before they had a label (95 % interval 76–99 %)." in texts(app)
    assert len(app.get("vega_lite_chart")) == 1
    table = next(frame.value for frame in app.dataframe if "drawing" in frame.value)
    assert table["Model"].unique().tolist() == ["genius"]
    assert table["Accuracy"].iloc[-1] == 0.95


def test_the_chosen_pair_is_the_same_in_every_view(app, few):
    add_samples(app, few)
    visit(app)
    choose(app, "genius", "plain", "salt-pepper")
    see(app, "pair")
    next(box for box in app.selectbox if box.label == "Baseline").set_value("salt-pepper").run()
    until_answered(app)
    see(app, "drawings")
    assert next(box for box in app.selectbox if box.label == "Baseline").value == "salt-pepper"


def test_queries_are_stopped_and_resumed(app, untrained):
    resources.results().clear()
    before = resources.jobs().submit(RobustnessTask(untrained))  # The worker is busy, so the queries wait until Stop is pressed.
    visit(app)
    app.button(key="stop_queries").click().run()
    assert "Stopped" in texts(app)
    assert not queries(app)
    before.stop()
    app.segmented_control(key="view").set_value("confidence").run()
    assert not queries(app), "no query starts before Resume is pressed"
    app.button(key="resume_queries").click().run()
    until_answered(app)
    assert "Calibration error: plain" in texts(app)
    assert "Stopped" not in texts(app)


def test_a_second_visit_uses_the_cached_results(app):
    visit(app)
    until_answered(app)
    other = new_app()
    session_of(other).activate("genius")
    visit(other)
    assert not queries(other)
    assert not np.isnan(scores(other, more=True)["Time (ms)"]).any()


def run_of(name, start, model, seed, correct, **changes):
    """Return a run with a seed, a number of correct MNIST test digits, and other settings."""
    settings = TrainSettings(seed=seed, **changes)
    score = Score.from_counts(correct, 10_000)
    return Run(model.rename(name), model.card.history, settings, start.name, seconds=1.0, mnist_after=score)


def add_runs(at, start, runs):
    for run in runs:
        session_of(at).models.add_run(run, start)


def trainings(at):
    """Return the table of the Trainings view."""
    return next(table.value for table in at.dataframe if "Standard deviation" in table.value)


def test_runs_and_trials_of_one_setting_are_one_group(app, few, genius, untrained):
    add_samples(app, few)
    add_runs(app, genius, [run_of("a", genius, genius, 0, 9700), run_of("b", genius, genius, 1, 9710, learning_rate=5e-4)])
    plan = SweepPlan({"learning_rate": [5e-4, 0.02]}, TrainSettings(), n_seeds=2)
    sweep = session_of(app).training.sweep = Sweep(genius, SampleSet(), plan)
    for trial, share in zip(sweep.trials, (0.97, 0.972, 0.90, 0.901), strict=True):
        trial.scores, trial.status = {"mnist": share}, JobStatus.DONE
    visit(app)
    see(app, "trainings")
    table = trainings(app)
    assert table["Group"].tolist() == ["Learning rate 0.0005", "Learning rate 0.02"], "“auto” was 0.0005"
    assert table["Trainings"].tolist() == [2, 2], "trials 1 and 2 repeat the runs"
    assert table["Compared with the reference"].tolist() == ["", "worse"]
    assert "4 trainings in 2 groups" in texts(app)
    assert not app.error
    assert [box.label for box in app.selectbox].count("Baseline") == 1


def test_scores_on_training_and_held_out_drawings_are_in_separate_columns(app, genius):
    scores = ((20, 20, False), (9, 10, True), (10, 12, True))
    for number, (correct, n, is_held_out) in enumerate(scores):
        run = run_of("a", genius, genius, number, 9700)
        score = Score.from_counts(correct, n)
        add_runs(app, genius, [replace(run, personal_after=score, personal_is_held_out=is_held_out)])
    visit(app)
    see(app, "trainings")
    box = app.selectbox(key="trainings_score")
    assert box.options == ["MNIST test digits", "Held-out drawings", "Training drawings"]
    box.set_value("held_out").run()
    assert trainings(app)["Trainings"].tolist() == [2]
    assert "Scored on 10 to 12 held-out drawings, so not all trainings were scored on the same drawings." in texts(app)
    app.selectbox(key="trainings_score").set_value("learnt").run()
    assert trainings(app)["Trainings"].tolist() == [1]
    assert "p value" not in trainings(app)
    assert "which were used for training, so this is not a test on new drawings" in texts(app)


def test_long_names_of_groups_are_numbered_and_complete_in_the_legend(app, genius, untrained):
    for number, settings in enumerate(({"epochs": 3}, {"epochs": 4, "learning_rate": 0.01, "sample_weight": 5.0})):
        add_runs(app, genius, [run_of("a", genius, genius, 0, 9700 + number, **settings)])
    visit(app)
    see(app, "trainings")
    names = trainings(app)["Group"].tolist()
    assert [name.split(":")[0] for name in names] == ["1", "2"]
    assert names[1].endswith("Weight of my drawings 5, Epochs 4, Learning rate 0.01")
    assert all(name in html(app) for name in names)
    assert app.selectbox(key="trainings_reference").options == names


def test_groups_of_built_networks_are_named_by_their_differences(app, genius, untrained):
    for units in (16, 32, 64):
        spec = NetworkSpec((Block("conv", 8), Block("dense", units))).to_json()
        built = genius.with_card(replace(genius.card, network=spec))
        add_runs(app, untrained, [run_of("a", untrained, built, seed, 9000 + units + seed) for seed in (0, 1)])
    visit(app)
    see(app, "trainings")
    assert trainings(app)["Group"].tolist() == ["Row 2: units 16", "Row 2: units 32", "Row 2: units 64"]
    app.selectbox(key="trainings_by").set_value("Single trainings").run()
    assert trainings(app)["Group"].tolist()[:2] == ["run 1: Seed 0, Row 2: units 16", "run 2: Seed 1, Row 2: units 16"]


def test_two_seeds_of_one_setting_are_two_models_not_two_settings(app, genius, untrained):
    fast, mlp = models.load("fast"), models.load("mlp")
    add_runs(app, untrained, [run_of("a", untrained, fast, 0, 9939), run_of("b", untrained, mlp, 1, 9809)])
    visit(app)
    choose(app, "run 1", "run 2")
    see(app, "pair")
    assert "these two models differ" in texts(app)
    assert "better" not in texts(app)
    assert "It is not known whether the settings differ. Train each setting with two or more seeds." in texts(app)
    add_runs(app, untrained, [run_of("c", untrained, fast, 2, 9930), run_of("d", untrained, mlp, 3, 9815)])
    app.run()
    choose(app, "run 1", "run 2")
    until_answered(app)
    assert "2 seeds of the settings of run 1 reach 99.30 % to 99.39 % on MNIST." in texts(app)
    assert "Over the seeds, the settings of run 2 are worse than the settings of run 1 (p" in texts(app)


def test_robustness_on_few_and_on_all_digits_has_two_columns(app, genius, untrained):
    add_run(app, models.load("mlp").with_card(replace(models.load("mlp").card, metrics={})), untrained)
    table = robustness.robustness_table(genius.predictor(), 20).assign(n=10_000)
    results = resources.results()
    results[RobustnessTask(session_of(app).models.runs[0].model).key] = table
    visit(app)
    choose(app, "genius", "run 1")
    until_answered(app)
    found = scores(app, more=True)
    few, every = found["Robustness (1,000 digits)"], found["Robustness (10,000 digits)"]
    assert few.notna().tolist() == [True, False]
    assert every.notna().tolist() == [False, True]
    results[RobustnessTask(session_of(app).models.runs[0].model, robustness.CARD_DIGITS).key] = table.assign(n=1000)
    app.run()
    assert scores(app, more=True)["Robustness (1,000 digits)"].notna().all(), "the Robustness view has measured the run"


def test_shipped_models_have_the_accuracies_of_their_cards(app, genius, untrained):
    add_run(app, models.load("mlp").with_card(replace(models.load("mlp").card, metrics={})), untrained)
    visit(app)
    choose(app, "genius", "run 1")
    until_answered(app)
    found = scores(app, more=True).set_index("Model")
    metrics = genius.card.metrics
    shown = found.loc["genius", ["MNIST-C", "Pen writers", "Unsure non-digits"]].tolist()
    assert shown == [metrics["mnist_c"]["all"], metrics["pen_accuracy"], metrics["unsure_non_digits"]["all"]]
    assert found.loc["run 1", ["MNIST-C", "Pen writers", "Unsure non-digits"]].isna().all()


def test_downloads_contain_numbers(app, few, genius, untrained):
    add_samples(app, few)
    visit(app)
    until_answered(app)
    table = score_table.numbers(session_of(app), {name: models.load(name) for name in ("genius", "plain")})
    assert table.drop(columns=["Model", "Not calibrated"], errors="ignore").dtypes.map(lambda kind: kind.kind == "f").all()
    assert table["MNIST 95 % from"].tolist() < table["MNIST"].tolist() < table["MNIST 95 % to"].tolist()
    evaluation = Evaluation.from_probabilities([1], np.eye(10)[[1]])
    head, row = score_table.predictions_csv({"genius": evaluation}).splitlines()
    assert (head, row) == (
        "Number,True digit,Predicted,p0,p1,p2,p3,p4,p5,p6,p7,p8,p9,Model",
        "0,1,1,0.0,1.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,genius",
    )


def test_calibration_of_random_weights_is_not_marked_as_the_best(app, genius, untrained):
    add_run(app, genius, untrained)
    visit(app)
    table = scores(app, more=True)
    assert table["Model"].tolist() == ["untrained", "run 1"]
    assert table["Not calibrated"].fillna("").tolist() == ["✓", ""]
    errors = pd.DataFrame({"Model": ["untrained", "run 1"], "Calibration error": [0.001, 0.1]})
    candidates = score_table._candidates(errors, {"untrained": untrained, "run 1": genius}, "Calibration error")
    assert candidates.tolist() == [0.1]
