import numpy as np

from digitcore import nondigits


def test_pictures_of_every_kind():
    pictures, kinds = nondigits.draw(50, seed=3)
    assert pictures.shape == (50, 28, 28) and pictures.dtype == np.uint8
    assert {kind: kinds.count(kind) for kind in nondigits.KINDS} == dict.fromkeys(nondigits.KINDS, 10)
    assert (pictures.reshape(50, -1).max(1) > 100).all()


def test_a_seed_gives_the_same_pictures():
    first, second, other = (nondigits.draw(20, seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, second) and not np.array_equal(first, other)


def test_none():
    assert nondigits.draw(0, 0)[0].shape == (0, 28, 28)


def test_letters_are_not_taught():
    assert set(nondigits.KINDS) - set(nondigits.TAUGHT) == {"letter"}
    assert not set(nondigits.LETTERS) & set("BDGIOSZbgijloqsz")
