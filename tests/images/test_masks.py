import numpy as np
import pytest
from scipy import ndimage

from digitcore.images.masks import dilate, label_components


@pytest.mark.parametrize("density", [0.0, 0.1, 0.3, 0.5, 0.7, 1.0])
@pytest.mark.parametrize("shape", [(1, 1), (1, 20), (20, 1), (31, 17)])
def test_components_are_those_of_scipy(density, shape):
    for mask in np.random.default_rng(0).random((20, *shape)) < density:
        labels, sizes = label_components(mask)
        expected, n = ndimage.label(mask, np.ones((3, 3)))
        np.testing.assert_array_equal(labels, expected)
        np.testing.assert_array_equal(sizes, np.bincount(expected.ravel(), minlength=n + 1)[1:])


def test_a_spiral_is_a_single_component():
    mask = np.zeros((60, 60), bool)
    for i in range(0, 28, 4):
        mask[i, i : 60 - i] = mask[59 - i, i : 60 - i] = mask[i : 60 - i, 59 - i] = mask[i + 4 : 60 - i, i] = True
        mask[i + 4, i : i + 5] = True
    labels, sizes = label_components(mask)
    assert labels.max() == 1
    assert sizes.tolist() == [mask.sum()]


@pytest.mark.parametrize("radius", [1, 3, 14])
@pytest.mark.parametrize("density", [0.0, 0.001, 0.05, 1.0])
def test_dilation_is_by_euclidean_distance(radius, density):
    for mask in np.random.default_rng(0).random((5, 40, 53)) < density:
        expected = ndimage.distance_transform_edt(~mask) <= radius if mask.any() else mask
        np.testing.assert_array_equal(dilate(mask, radius), expected)
