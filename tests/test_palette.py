"""The colors of models."""

from digitcore import palette


def test_one_model_is_blue_and_the_initial_one_grey():
    assert palette.model_colors(1) == [palette.BLUE] and palette.model_colors(2) == [palette.GREY, palette.BLUE]
    assert len(palette.model_colors(9)) == 9
