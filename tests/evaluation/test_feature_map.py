import numpy as np

from digitcore.evaluation.feature_map import MAPPED_DIGITS, feature_map


def test_map_of_genius_separates_the_digits(genius, untrained, data):
    digits, labels = (part[:50] for part in data.validation)
    found = feature_map([genius, untrained], digits)
    assert found.positions.shape == (MAPPED_DIGITS, 2)
    assert np.abs(found.positions).max() == 1
    assert found.agreement() >= 0.97
    shares = []
    for placed in found.placed:
        nearest = np.linalg.norm(found.positions[None] - placed[:, None], axis=2).argmin(1)
        shares.append((found.labels[nearest] == labels).mean())
    assert shares[0] >= 0.96 > shares[1], "random weights place the digits worse"
    again = feature_map([genius], digits[:0])
    assert again.positions is found.positions
    assert again.placed[0].shape == (0, 2)
    assert repr(found) == "FeatureMap(n_mapped=2000, n_models=2, n_placed=50)"
