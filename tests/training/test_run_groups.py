import pytest

from digitcore.training import run_groups
from digitcore.training.run_groups import TrainedRun


def run(name, rate, seed, score, network="mlp"):
    points = [{"epoch": epoch, "val_loss": 1 - score, "val_accuracy": score + epoch / 100} for epoch in (0, 1)]
    return TrainedRun(name, {"rate": rate, "seed": seed, "network": network}, {"mnist": score}, points)


RUNS = [run("a", 0.1, 0, 0.90), run("b", 0.1, 1, 0.92), run("c", 0.2, 0, 0.80), run("d", 0.2, 1, 0.81), run("e", None, 0, 0.5)]


def test_runs_are_filtered_and_grouped_by_differing_parameters():
    assert run_groups.differing_parameters(RUNS) == ["rate", "seed"]
    assert run_groups.differing_parameters(RUNS[:1]) == []
    assert [found.name for found in run_groups.select(RUNS, {"rate": [0.1, None], "seed": [0]})] == ["a", "e"]
    groups = run_groups.group(RUNS, ["rate"], {"rate": "Rate"})
    assert {name: [found.name for found in members] for name, members in groups.items()} == {
        "Rate 0.1": ["a", "b"],
        "Rate 0.2": ["c", "d"],
        "Rate auto": ["e"],
    }
    assert list(run_groups.group(RUNS, [], {})) == ["a", "b", "c", "d", "e"]


def test_bands_show_the_mean_and_the_range():
    table = run_groups.curve_bands(run_groups.group(RUNS, ["rate"], {}), "accuracy").set_index(["model", "epoch"])
    row = table.loc[("rate 0.1", 1)]
    assert (row["mean"], row["low"], row["high"], row["n"]) == pytest.approx((0.92, 0.91, 0.93, 2))
    assert run_groups.curve_bands({"none": [TrainedRun("x", {}, {})]}, "loss").empty


def test_differences_from_a_baseline_have_an_interval_by_welch():
    groups = run_groups.group(RUNS, ["rate"], {})
    table = run_groups.score_table(groups, "mnist", "rate 0.1").set_index("group")
    assert table["mean"].tolist() == pytest.approx([0.91, 0.805, 0.5])
    assert table["n"].tolist() == [2, 2, 1]
    second = table.loc["rate 0.2"]
    assert second["difference"] == pytest.approx(-0.105)
    assert second["difference_low"] < -0.105 < second["difference_high"] < 0
    assert table.loc["rate auto", "difference"] == pytest.approx(-0.41)
    assert table.loc[["rate 0.1", "rate auto"], "difference_low"].isna().all()


def test_unknown_score_is_left_out():
    groups = {"a": [TrainedRun("a", {}, {})], "b": [run("b", 0.1, 0, 0.9)]}
    table = run_groups.score_table(groups, "mnist", "a")
    assert table["n"].tolist() == [0, 1]
    assert table["difference"].isna().all()
