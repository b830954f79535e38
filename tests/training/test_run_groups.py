import itertools

import pytest
from scipy.stats import ttest_ind
from statsmodels.stats.multitest import multipletests

from digitcore.training import run_groups
from digitcore.training.run_groups import TrainedRun, Verdict


def run(name, rate, seed, score, network="mlp"):
    points = [{"epoch": epoch, "val_loss": 1 - score, "val_accuracy": score + epoch / 100} for epoch in (0, 1)]
    return TrainedRun(name, {"rate": rate, "seed": seed, "network": network}, {"mnist": score}, points)


RUNS = [run("a", 0.1, 0, 0.90), run("b", 0.1, 1, 0.92), run("c", 0.2, 0, 0.80), run("d", 0.2, 1, 0.81), run("e", 0.3, 0, 0.5)]


def test_runs_are_filtered_and_grouped_by_differing_parameters():
    assert run_groups.differing_parameters(RUNS) == ["rate", "seed"]
    assert run_groups.differing_parameters(RUNS[:1]) == []
    assert [found.name for found in run_groups.select(RUNS, {"rate": [0.1, 0.3], "seed": [0]})] == ["a", "e"]
    groups = run_groups.group(RUNS, ["rate"], {"rate": "Rate"})
    assert {name: [found.name for found in members] for name, members in groups.items()} == {
        "Rate 0.1": ["a", "b"],
        "Rate 0.2": ["c", "d"],
        "Rate 0.3": ["e"],
    }
    assert list(run_groups.group(RUNS, [], {})) == ["All trainings"]
    assert list(run_groups.single_groups(RUNS[:2], ["seed"], {})) == ["a: seed 0", "b: seed 1"]


def test_a_repeated_training_is_counted_once_and_keeps_all_scores():
    again = TrainedRun("trial 1", RUNS[0].parameters, {"validation": 0.95}, (), {"validation": 5000})
    first, *others = run_groups.without_repeats([*RUNS, again])
    assert (first.name, first.scores, first.n_scored) == ("a", {"mnist": 0.90, "validation": 0.95}, {"validation": 5000})
    assert others == RUNS[1:]
    assert [found.name for found in run_groups.seeds_of([*RUNS, again], "trial 1")] == ["a", "b"]
    assert run_groups.seeds_of(RUNS, "nobody") == []


def test_a_missing_parameter_is_a_value_and_is_not_named():
    runs = [TrainedRun("a", {"seed": 0, "units": 8}, {}), TrainedRun("b", {"seed": 0}, {})]
    assert run_groups.differing_parameters(runs) == ["units"]
    assert list(run_groups.group(runs, ["units", "seed"], {})) == ["units 8, seed 0", "seed 0"]


def test_groups_whose_values_look_the_same_stay_apart():
    runs = [TrainedRun("a", {"rate": 0.12345678}, {}), TrainedRun("b", {"rate": 0.12345679}, {})]
    assert list(run_groups.group(runs, ["rate"], {})) == ["rate 0.123457", "rate 0.123457 (2)"]


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
    assert second["verdict"] == Verdict.WORSE
    assert table.loc["rate 0.3", "difference"] == pytest.approx(-0.41)
    assert table.loc["rate 0.3", "verdict"] == Verdict.UNKNOWN, "one seed is not enough"
    assert table.loc["rate 0.1", "verdict"] == ""
    assert table.loc[["rate 0.1", "rate 0.3"], "difference_low"].isna().all()


def test_p_values_equal_welch_and_holm():
    scores = {0.1: (0.90, 0.92, 0.91), 0.2: (0.88, 0.91, 0.90), 0.3: (0.95, 0.96, 0.94), 0.4: (0.93, 0.9, 0.92)}
    runs = [run(f"{rate} {seed}", rate, seed, score) for rate, found in scores.items() for seed, score in enumerate(found)]
    table = run_groups.score_table(run_groups.group(runs, ["rate"], {}), "mnist", "rate 0.1")
    tests = [ttest_ind(scores[b], scores[a], equal_var=False) for a, b in itertools.combinations(scores, 2)]
    corrected = multipletests([test.pvalue for test in tests], method="holm")[1]
    assert table["p_value"].tolist()[1:] == pytest.approx(corrected[:3]), "any group can become the reference"
    intervals = [test.confidence_interval(0.95) for test in tests[:3]]
    assert table["difference_low"].tolist()[1:] == pytest.approx([interval.low for interval in intervals])
    assert table["difference_high"].tolist()[1:] == pytest.approx([interval.high for interval in intervals])
    reverse = run_groups.score_table(run_groups.group(runs, ["rate"], {}), "mnist", "rate 0.2")
    assert reverse["p_value"][0] == pytest.approx(table["p_value"][1])
    assert table["verdict"].tolist() == ["", Verdict.SAME, Verdict.BETTER, Verdict.SAME]


def test_no_setting_is_called_better_if_a_group_mixes_settings():
    other = [run("f", 0.2, 2, 0.80, network="cnn"), *RUNS[:4]]
    table = run_groups.score_table(run_groups.group(other, ["rate"], {}), "mnist", "rate 0.1").set_index("group")
    assert table.loc["rate 0.2", "verdict"] == Verdict.MIXED
    assert table.loc["rate 0.2", "difference"] < -0.1


def test_scores_that_do_not_vary_show_no_difference_or_an_unknown_one():
    assert run_groups.difference([0.9, 0.9], [0.9, 0.9]).verdict == Verdict.SAME
    assert run_groups.difference([0.9, 0.9], [0.8, 0.8]).verdict == Verdict.UNKNOWN


def test_unknown_score_is_left_out():
    groups = {"a": [TrainedRun("a", {}, {})], "b": [run("b", 0.1, 0, 0.9)]}
    table = run_groups.score_table(groups, "mnist", "a")
    assert table["n"].tolist() == [0, 1]
    assert table["difference"].isna().all()
