import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digitcore.errors import ModelError
from digitcore.models import keras_io, networks
from digitcore.models.network_spec import ACTIVATIONS, Block, NetworkSpec
from tests.support.networks import HOSTILE

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
def test_counted_parameters_equal_those_of_keras(convolutions, dense, activation):
    spec = NetworkSpec((*convolutions, *dense), activation)
    model = networks.build(spec.to_json())
    assert model.count_params() == spec.parameters
    assert model.output_shape == (None, 10)
    assert NetworkSpec.from_json(spec.to_json()) == spec
    assert len(repr(spec)) < 200


def test_both_files_of_a_user_defined_network_give_the_same_probabilities(data):
    bundle = keras_io.random_model(THREE_ROWS.to_json(), name="built")
    digits = data.test_images[:20]
    expected = keras_io.predict_in_batches(keras_io.open_model(bundle), digits[..., None].astype(np.float32))
    assert np.allclose(bundle.predictor().probabilities(digits), expected, atol=1e-5)
    assert bundle.card.network == THREE_ROWS.to_json()
    assert bundle.card.parameters == THREE_ROWS.parameters


def test_same_seed_gives_the_same_weights():
    first, second, other = (networks.build(THREE_ROWS.to_json(), seed).get_weights()[0] for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_network_gives_a_short_error_message(name):
    text, sentence = HOSTILE[name]
    with pytest.raises(ModelError, match=sentence) as found:
        NetworkSpec.from_json(text)
    assert str(found.value).count(". ") <= 1
    assert len(str(found.value)) < 200


@given(ANY_JSON)
def test_any_json_is_a_network_or_rejected(part):
    for values in (part, {"blocks": part}, {"blocks": [part]}):
        try:
            NetworkSpec.from_json(json.dumps(values))
        except ModelError:
            continue
