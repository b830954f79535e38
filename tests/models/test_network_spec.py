import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digitcore.errors import ModelError
from digitcore.models import keras_io, networks
from digitcore.models.network_spec import ACTIVATIONS, MAX_BLOCKS, Block, NetworkSpec

CONVOLUTIONS = st.builds(
    Block,
    st.just("conv"),
    st.integers(1, 12),
    st.integers(1, 3),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0.0, 0.5]),
)
DENSE = st.builds(Block, st.just("dense"), st.integers(1, 12), st.just(3), st.booleans(), st.just(False), st.just(0.25))
THREE_ROWS = NetworkSpec(
    (Block("conv", 8, pooling=True), Block("conv", 16, batch_normalization=True), Block("dense", 32, dropout=0.3))
)
ANY_JSON = st.recursive(
    st.none() | st.integers() | st.text() | st.floats(), lambda part: st.lists(part) | st.dictionaries(st.text(), part)
)


@settings(max_examples=15)
@given(st.lists(CONVOLUTIONS, max_size=3), st.lists(DENSE, max_size=2), st.sampled_from(ACTIVATIONS))
def test_what_is_counted_is_what_keras_builds(convolutions, dense, activation):
    spec = NetworkSpec((*convolutions, *dense), activation)
    model = networks.build(spec.to_json())
    assert model.count_params() == spec.parameters
    assert model.output_shape == (None, 10)
    assert NetworkSpec.from_json(spec.to_json()) == spec


def test_a_built_network_predicts_as_its_served_file(data):
    bundle = keras_io.random_model(THREE_ROWS.to_json(), name="built")
    digits = data.test_images[:20]
    expected = keras_io.predict_in_batches(keras_io.open_model(bundle), digits[..., None].astype(np.float32))
    assert np.allclose(bundle.predictor().probabilities(digits), expected, atol=1e-5)
    assert bundle.card.network == THREE_ROWS.to_json() and bundle.card.parameters == THREE_ROWS.parameters


def test_the_same_seed_builds_the_same_weights():
    first, second, other = (networks.build(THREE_ROWS.to_json(), seed).get_weights()[0] for seed in (1, 1, 2))
    assert np.array_equal(first, second) and not np.array_equal(first, other)


def rows(*blocks, **values):
    return json.dumps({"blocks": list(blocks)} | values)


CONV, UNITS = {"kind": "conv", "size": 8}, {"kind": "dense", "size": 8}
HOSTILE = {
    "a billion parameters": (rows({"kind": "dense", "size": 1024}, *[{"kind": "dense", "size": 1024}] * 11), "parameters"),
    "a billion multiplications": (rows(*[{"kind": "conv", "size": 128, "kernel_size": 5}] * 2), "multiplications"),
    "no filters": (rows({"kind": "conv", "size": 0}), "Row 1: the number of filters"),
    "a kernel larger than the picture": (
        rows(*[CONV | {"pooling": True}] * 3, CONV | {"kernel_size": 5}),
        "Row 4: a kernel of 5",
    ),
    "500 rows": (rows(*[UNITS] * 500), f"at most {MAX_BLOCKS}"),
    "text for a number": (rows(CONV, {"kind": "dense", "size": "many"}), "Row 2: the number of units"),
    "a pooled pixel": (rows(*[CONV | {"pooling": True, "kernel_size": 1}] * 5), "cannot be pooled"),
    "a convolution after a dense layer": (rows(UNITS, CONV), "Move it up"),
    "dropout of all": (rows(CONV | {"dropout": 1}), "dropout"),
    "not a number": (rows(CONV | {"dropout": float("nan")}), "dropout"),
    "an unknown layer": (rows({"kind": "lambda", "size": 3}), "conv, dense"),
    "an unknown value": (rows(CONV | {"code": "import os"}), "Row 1 must have"),
    "an unknown activation": (rows(CONV, activation="exec"), "activation"),
    "pooling in words": (rows(CONV | {"pooling": "yes"}), "true or false"),
    "a list": ("[]", "A network is JSON"),
    "brackets": ("{" * 9_000, "A network is JSON"),
    "nothing": ("", "A network is JSON"),
    "blocks of no list": (rows(activation="relu").replace("[]", "7"), "A network is JSON"),
    "very long text": ("{" + " " * 200_000 + "}", "A network is JSON"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_network_gets_one_sentence(name):
    text, sentence = HOSTILE[name]
    with pytest.raises(ModelError, match=sentence) as found:
        NetworkSpec.from_json(text)
    assert str(found.value).count(". ") <= 1 and len(str(found.value)) < 200


@given(
    st.recursive(
        st.none() | st.integers() | st.text() | st.floats(), lambda part: st.lists(part) | st.dictionaries(st.text(), part)
    )
)
def test_any_json_is_a_network_or_refused(part):
    for values in (part, {"blocks": part}, {"blocks": [part]}):
        try:
            NetworkSpec.from_json(json.dumps(values))
        except ModelError:
            continue
