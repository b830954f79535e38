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
        "rows",
        *(f"blocks.1.{field}" for field in ("kind", "size", "kernel_size", "batch_normalization", "pooling", "dropout")),
        *(f"blocks.2.{field}" for field in ("kind", "size", "batch_normalization", "dropout")),
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
        ({"blocks.1.kind": "pooling"}, NETWORK, ModelError),
        ({"blocks.1.name": "dense"}, NETWORK, SettingsError),
        ({"rows": 3}, NETWORK, SettingsError),
        ({"rows": "two"}, NETWORK, SettingsError),
        ({"rows": 1}, "", SettingsError),
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


def test_a_range_is_not_empty():
    with pytest.raises(SettingsError, match="lower to a higher"):
        Range(1, 1)


def test_rows_and_their_kinds_determine_the_parameters_of_a_trial():
    space = {
        "blocks.1.pooling": [False, True],
        "blocks.2.kernel_size": [3, 5],
        "blocks.2.size": [4, 8],
        "blocks.2.kind": ["conv", "dense"],
        "rows": [1, 2],
        "blocks.1.kind": ["conv", "dense"],
    }
    values = {"rows": 2, "blocks.1.kind": "conv", "blocks.2.kind": "conv"}
    assert len(parameter_space.active_names(space, values, NETWORK)) == 6
    assert parameter_space.active_names(space, values | {"rows": 1}, NETWORK) == ["rows", "blocks.1.kind", "blocks.1.pooling"]
    dense = {"rows": 2, "blocks.1.kind": "dense", "blocks.2.size": 16}
    assert parameter_space.active_names(space, dense, NETWORK) == ["rows", "blocks.1.kind", "blocks.2.size"]
    spec = NetworkSpec.from_json(parameter_space.apply(dense, TrainSettings(), NETWORK)[1])
    assert spec.blocks == (Block("dense", 4), Block("dense", 16))
    one_row = NetworkSpec.from_json(parameter_space.apply({"rows": 1}, TrainSettings(), NETWORK)[1])
    assert one_row.blocks == (Block("conv", 4, pooling=True),)


def test_different_combinations_are_counted():
    kinds = {"rows": [1, 2], "blocks.1.kind": ["conv", "dense"], "blocks.2.kind": ["conv", "dense"]}
    # One row: conv or dense. Two rows: conv conv, conv dense, or dense dense.
    assert parameter_space.n_combinations(kinds, NETWORK) == 5
    assert parameter_space.n_combinations(kinds | {"blocks.2.kernel_size": [3, 5]}, NETWORK) == 6
    assert parameter_space.n_combinations({"epochs": Range(1, 3, True), "batch_size": [8, 16, 8]}) == 6
    assert parameter_space.n_combinations({"learning_rate": Range(1e-4, 1e-2)}) is None


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
