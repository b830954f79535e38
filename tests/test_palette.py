from digitcore import palette


def test_single_model_is_blue_and_initial_model_is_grey():
    assert palette.model_colors(1) == [palette.BLUE]
    assert palette.model_colors(2) == [palette.GREY, palette.BLUE]
    assert len(palette.model_colors(9)) == 9
