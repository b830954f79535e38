import numpy as np
import pytest

from digitcore.errors import ModelError
from digitcore.models import networks


@pytest.mark.parametrize("name", networks.names())
def test_networks_give_ten_probabilities(name):
    model = networks.build(name, seed=1)
    probabilities = np.asarray(model(np.zeros((2, 28, 28, 1), np.float32)))
    assert probabilities.shape == (2, 10)
    assert np.allclose(probabilities.sum(1), 1, atol=1e-5)


def test_same_seed_gives_the_same_weights():
    first, again, other = (networks.build("mlp", seed).get_weights()[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_unknown_network_lists_the_known_networks():
    with pytest.raises(ModelError, match="genius"):
        networks.build("nobody")
