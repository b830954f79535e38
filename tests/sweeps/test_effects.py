import numpy as np
import pandas as pd
import pytest

from digitcore.sweeps import summary
from digitcore.sweeps.effects import SeedSpread, effects, interactions, seed_spread


def trials(effect_of_rate, noise=0.002, n_seeds=3, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        [
            {"rate": rate, "size": size, "seed": number, "score": 0.9 + effect_of_rate * (rate == 0.01) + noise * rng.normal()}
            for rate in (0.001, 0.01)
            for size in (8, 16)
            for number in range(n_seeds)
        ]
    )


def test_only_a_real_effect_is_reported():
    first, second = effects(trials(0.02), ["rate", "size"], "score")
    assert first.name == "rate"
    assert first.is_significant
    assert first.best == 0.01
    assert first.difference == pytest.approx(0.02, abs=0.004)
    assert not second.is_significant


def test_chance_is_rarely_reported_as_an_effect():
    """About 5 % of 200 sweeps without an effect report an effect of at least one of two parameters."""
    found = [
        any(effect.is_significant for effect in effects(trials(0, seed=seed), ["rate", "size"], "score")) for seed in range(200)
    ]
    assert 0.01 <= np.mean(found) <= 0.10


def test_differences_between_seeds_do_not_hide_an_effect():
    table = trials(0.002, noise=0.0002)
    table["score"] += 0.05 * table["seed"]
    assert effects(table, ["rate", "size"], "score")[0].is_significant


def test_too_few_trials_show_no_effect():
    table = trials(0.02, n_seeds=1)
    assert [effect.p_value for effect in effects(table.head(2), ["rate", "size"], "score")] == [None]
    assert effects(table.head(0), ["rate"], "score") == []
    assert seed_spread(table, ["rate", "size"], "score", 5000) == SeedSpread(None)


def test_random_numbers_are_tested_for_a_trend():
    rng = np.random.default_rng(0)
    rates = np.exp(rng.uniform(np.log(1e-4), np.log(1e-1), 20))
    table = pd.DataFrame({"rate": rates, "drop": rng.uniform(0, 0.5, 20), "seed": 0})
    table["score"] = 0.9 + 0.01 * np.log10(rates) + 0.002 * rng.normal(size=20)
    first, second = effects(table, ["rate", "drop"], "score")
    assert first.name == "rate"
    assert first.is_significant
    assert not second.is_significant


def test_equal_scores_have_no_effect():
    assert [effect.p_value for effect in effects(trials(0, noise=0), ["rate"], "score")] == [1.0]


def test_the_spread_between_seeds_is_reported():
    found = seed_spread(trials(0.02, n_seeds=40), ["rate", "size"], "score", 5000)
    assert found == SeedSpread(pytest.approx(0.002, rel=0.2))


def test_a_collapsed_setting_does_not_hide_the_spread_of_the_stable_settings():
    table = trials(0, n_seeds=20)
    collapsed = table["rate"].eq(0.01) & table["size"].eq(16)
    table.loc[collapsed & table["seed"].ge(10), "score"] = 0.1
    stable = seed_spread(table[~collapsed], ["rate", "size"], "score", 5000)
    assert seed_spread(table, ["rate", "size"], "score", 5000) == SeedSpread(stable.deviation, n_collapsed=1)


def test_few_held_out_drawings_show_no_collapse():
    table = trials(0, n_seeds=4)
    table["score"] = np.tile([1.0, 0.75, 0.75, 0.5], 4)
    assert seed_spread(table, ["rate", "size"], "score", 4).n_collapsed == 0


def pairs(interaction, noise=0.002, seed=0):
    """Return trials of which one combination has another score than the sum of both effects."""
    table = trials(0.01, noise, seed=seed)
    table["score"] += interaction * (table["rate"].eq(0.01) & table["size"].eq(16))
    return table


def test_an_interaction_is_found_with_its_best_values():
    (found,) = interactions(pairs(0.02), ["rate", "size"], "score")
    assert set(found.names) == {"rate", "size"}
    assert dict(zip(found.names, found.best, strict=True)) == {"rate": 0.01, "size": 16}
    assert found.is_significant
    (none,) = interactions(pairs(0), ["rate", "size"], "score")
    assert not none.is_significant


def test_an_interaction_is_rarely_reported_by_chance():
    found = [interactions(pairs(0, seed=seed), ["rate", "size"], "score")[0].is_significant for seed in range(100)]
    assert np.mean(found) <= 0.1


def test_too_few_trials_show_no_interaction():
    assert interactions(pairs(0.02).query("seed == 0"), ["rate", "size"], "score") == []
    assert interactions(pairs(0.02).head(0), ["rate", "size"], "score") == []


def test_missing_values_of_conditional_parameters_are_no_level():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"blocks.2.size": rng.integers(4, 100, 30).astype(float), "seed": 0, "rows": 2})
    table.loc[:9, ["blocks.2.size", "rows"]] = [np.nan, 1]
    table["score"] = 0.9 + 0.001 * table["blocks.2.size"].fillna(0) + 0.001 * rng.normal(size=30)
    found = {effect.name: effect for effect in effects(table, ["blocks.2.size", "rows"], "score")}
    assert found["blocks.2.size"].best > 50
    assert found["blocks.2.size"].is_significant


def test_the_spread_says_which_combinations_it_leaves_out():
    text = summary.describe_spread(SeedSpread(0.002, n_collapsed=3))
    assert text.endswith("0.2 points. This value leaves out 3 combinations with a training more than 10 points below the best.")
    text = summary.describe_spread(SeedSpread(None, n_collapsed=1))
    assert "no combination but 1 combination with a training more than 10 points below the best has two seeds" in text
