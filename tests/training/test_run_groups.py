import pytest

from digitcore.training import experiments
from digitcore.training.experiments import Experiment


def one(name, rate, seed, score, network="mlp"):
    points = [{"epoch": epoch, "val_loss": 1 - score, "val_accuracy": score + epoch / 100} for epoch in (0, 1)]
    return Experiment(name, {"rate": rate, "seed": seed, "network": network}, {"mnist": score}, points)


EVERY = [one("a", 0.1, 0, 0.90), one("b", 0.1, 1, 0.92), one("c", 0.2, 0, 0.80), one("d", 0.2, 1, 0.81), one("e", None, 0, 0.5)]


def test_what_differs_filters_and_groups():
    assert experiments.differing_parameters(EVERY) == ["rate", "seed"]
    assert experiments.differing_parameters(EVERY[:1]) == []
    assert [found.name for found in experiments.select(EVERY, {"rate": [0.1, None], "seed": [0]})] == ["a", "e"]
    groups = experiments.group(EVERY, ["rate"], {"rate": "Rate"})
    assert {name: [found.name for found in members] for name, members in groups.items()} == {
        "Rate 0.1": ["a", "b"],
        "Rate 0.2": ["c", "d"],
        "Rate auto": ["e"],
    }
    assert list(experiments.group(EVERY, [], {})) == ["a", "b", "c", "d", "e"]


def test_bands_are_the_mean_and_the_range():
    table = experiments.curve_bands(experiments.group(EVERY, ["rate"], {}), "accuracy").set_index(["model", "epoch"])
    row = table.loc[("rate 0.1", 1)]
    assert (row["mean"], row["low"], row["high"], row["n"]) == pytest.approx((0.92, 0.91, 0.93, 2))
    assert experiments.curve_bands({"none": [Experiment("x", {}, {})]}, "loss").empty


def test_differences_from_a_baseline_have_welch_s_interval():
    groups = experiments.group(EVERY, ["rate"], {})
    table = experiments.score_table(groups, "mnist", "rate 0.1").set_index("group")
    assert table["mean"].tolist() == pytest.approx([0.91, 0.805, 0.5]) and table["n"].tolist() == [2, 2, 1]
    second = table.loc["rate 0.2"]
    assert second["difference"] == pytest.approx(-0.105) and second["difference_low"] < -0.105 < second["difference_high"] < 0
    assert table.loc["rate auto", "difference"] == pytest.approx(-0.41)
    assert table.loc[["rate 0.1", "rate auto"], "difference_low"].isna().all()


def test_a_score_that_is_not_known_is_left_out():
    groups = {"a": [Experiment("a", {}, {})], "b": [one("b", 0.1, 0, 0.9)]}
    table = experiments.score_table(groups, "mnist", "a")
    assert table["n"].tolist() == [0, 1] and table["difference"].isna().all()
