from digitcore import palette


def test_single_model_is_blue_and_initial_model_is_grey():
    assert palette.model_colors(1) == [palette.BLUE]
    assert palette.model_colors(2) == [palette.GREY, palette.BLUE]
    assert len(palette.model_colors(9)) == 9


def test_colors_of_models_that_are_shown_together_differ():
    runs = {f"run {number}": palette.run_color(number) for number in range(1, 10)}
    found = palette.distinct({"genius": palette.shipped_color(1)} | runs)
    assert len(set(found.values())) == 10
    assert found["run 1"] == palette.run_color(1)
    assert found["genius"] == palette.shipped_color(1)
    failed = palette.distinct({"a": palette.FAILED, "b": palette.FAILED})
    assert set(failed.values()) == {palette.FAILED}
