import numpy as np

from digitcore.data import out_of_distribution


def test_pictures_of_every_kind():
    pictures, kinds = out_of_distribution.generate(50, seed=3)
    assert pictures.shape == (50, 28, 28) and pictures.dtype == np.uint8
    assert {kind: kinds.count(kind) for kind in out_of_distribution.KINDS} == dict.fromkeys(out_of_distribution.KINDS, 10)
    assert (pictures.reshape(50, -1).max(1) > 100).all()


def test_a_seed_gives_the_same_pictures():
    first, second, other = (out_of_distribution.generate(20, seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, second) and not np.array_equal(first, other)


def test_none():
    assert out_of_distribution.generate(0, 0)[0].shape == (0, 28, 28)


def test_the_letters_of_the_font_are_not_taught():
    assert set(out_of_distribution.KINDS) - set(out_of_distribution.TRAINING_KINDS) == {"letter"}
    assert set(out_of_distribution.TRAINING_KINDS) - set(out_of_distribution.KINDS) == {"handwritten letter"}
    assert not set(out_of_distribution.LETTERS) & set("BDGIOSZbgijloqsz")


def test_training_pictures_of_every_kind():
    pictures, kinds = out_of_distribution.generate(10, seed=3, kinds=out_of_distribution.TRAINING_KINDS)
    assert kinds.count("handwritten letter") == 2 and (pictures.reshape(10, -1).max(1) > 100).all()
