"""The colours of models."""

from digitcore import colours


def test_one_model_is_blue_and_the_initial_one_grey():
    assert colours.of_models(1) == [colours.BLUE] and colours.of_models(2) == [colours.GREY, colours.BLUE]
    assert len(colours.of_models(9)) == 9
