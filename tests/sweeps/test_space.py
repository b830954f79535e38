import numpy as np
import pytest

from digitcore.errors import ModelError, SettingsError
from digitcore.models.network_spec import Block, NetworkSpec
from digitcore.sweeps import space as parameter_space
from digitcore.sweeps.space import Range
from digitcore.training.settings import SETTING_SPECS, TrainSettings

NETWORK = '{"blocks": [{"kind": "conv", "size": 4, "pooling": true}, {"kind": "dense", "size": 8}]}'


def test_every_setting_and_every_number_of_a_network_can_be_swept():
    names = parameter_space.parameters(NETWORK)
    assert set(SETTING_SPECS) - set(names) == {"seed", "validation_samples"}
    assert [name for name in names if name not in SETTING_SPECS] == [
        "activation",
        *(f"blocks.1.{field}" for field in ("size", "kernel_size", "batch_normalization", "pooling", "dropout")),
        *(f"blocks.2.{field}" for field in ("size", "batch_normalization", "dropout")),
    ]
    for name in names:
        assert parameter_space.label(name, NETWORK)
        for value in parameter_space.usual_values(name, NETWORK):
            assert parameter_space.parse_value(name, parameter_space.to_text([value])) == value
            parameter_space.apply({name: value}, TrainSettings(), NETWORK)
    assert parameter_space.label("blocks.1.size", NETWORK) == "Row 1: filters"
    assert parameter_space.label("blocks.2.size", NETWORK) == "Row 2: units"


def test_values_are_set_in_settings_and_networks():
    values = {"epochs": 7, "activation": "tanh", "blocks.1.size": 16, "blocks.2.dropout": 0.5}
    settings, network = parameter_space.apply(values, TrainSettings(), NETWORK)
    spec = NetworkSpec.from_json(network)
    assert settings == TrainSettings(epochs=7)
    assert spec.activation == "tanh"
    assert spec.blocks[0].size == 16
    assert spec.blocks[0].pooling
    assert spec.blocks[1].dropout == 0.5
    assert parameter_space.apply({"network": "mlp"}, TrainSettings()) == (TrainSettings(), "mlp")


@pytest.mark.parametrize(
    ("values", "network", "error"),
    [
        ({"nothing": 1}, NETWORK, SettingsError),
        ({"blocks.9.size": 1}, NETWORK, SettingsError),
        ({"blocks.0.size": 1}, NETWORK, SettingsError),
        ({"blocks.1.kind": "dense"}, NETWORK, SettingsError),
        ({"blocks.1.size": 0}, NETWORK, ModelError),
        ({"blocks.1.size": 10**9}, NETWORK, ModelError),
        ({"blocks.1.size": "many"}, NETWORK, ModelError),
        ({"blocks.1.kernel_size": 29}, NETWORK, ModelError),
        ({"blocks.1.size": 4}, "", SettingsError),
        ({"activation": "none"}, NETWORK, ModelError),
        ({"epochs": "many"}, "", SettingsError),
    ],
)
def test_wrong_values_give_one_message(values, network, error):
    with pytest.raises(error) as caught:
        parameter_space.apply(values, TrainSettings(), network)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_values_are_drawn_from_ranges():
    rng = np.random.default_rng(0)
    rates = [Range(1e-4, 1e-1).draw(rng) for _ in range(2000)]
    assert min(rates) >= 1e-4
    assert max(rates) <= 1e-1
    assert 0.3 < np.mean([rate < 1e-3 for rate in rates]) < 0.37, "evenly on a logarithmic scale"
    sizes = [Range(8, 64, True).draw(rng) for _ in range(100)]
    assert all(isinstance(size, int) and 8 <= size <= 64 for size in sizes)
    space = {"learning_rate": Range(1e-4, 1e-1), "epochs": [1, 2]}
    assert parameter_space.combinations(space, 4, seed=3) == parameter_space.combinations(space, 4, seed=3)
    assert parameter_space.n_combinations(space) is None
    with pytest.raises(SettingsError, match="lower to a higher"):
        Range(1, 1)


def test_no_combination_is_drawn_twice():
    space = {"epochs": Range(1, 3, True), "batch_size": [8, 16]}
    drawn = parameter_space.combinations(space, 12)
    assert len(drawn) == len({str(one) for one in drawn}) == 6
    assert parameter_space.combinations(space, 3) == drawn[:3]
    many = {name: list(range(100)) for name in ("sample_weight", "mnist_samples", "synthetic_samples", "non_digit_samples")}
    assert len({str(one) for one in parameter_space.combinations(many, 5)}) == 5


def test_the_json_of_a_network_is_one_value():
    spec = NetworkSpec((Block("dense", 4), Block("dense", 8))).to_json()
    assert parameter_space.parse("network", f"mlp,{spec},convnet") == ["mlp", spec, "convnet"]
    assert parameter_space.parse("network", spec) == [spec]
    assert parameter_space.parse("network", "{,mlp") == ["{", "mlp"]


@pytest.mark.parametrize("text", ["1.5,20.5", "0.001..0.01"])
def test_values_are_the_same_after_text(text):
    assert parameter_space.to_text(parameter_space.parse("learning_rate", text)) == text


@pytest.mark.parametrize(("name", "text"), [("nothing", "1"), ("noise", "a..b"), ("epochs", "1..many"), ("epochs", "5..2")])
def test_wrong_text_gives_one_message(name, text):
    with pytest.raises(SettingsError):
        parameter_space.parse(name, text)
