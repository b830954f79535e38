import pytest

from digitcore.values import format_p_value, format_value, suits_log_scale


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "auto"), (0.30000000000000004, "0.3"), (1e-4, "0.0001"), (3, "3"), (True, "True"), ("relu", "relu")],
)
def test_value_is_formatted_with_no_more_digits_than_needed(value, text):
    assert format_value(value) == text


def test_wide_positive_ranges_suit_a_logarithmic_scale():
    assert suits_log_scale(0.001, 0.01)
    assert suits_log_scale(1, 1000)
    assert not suits_log_scale(0.002, 0.01)
    assert not suits_log_scale(0, 100)
    assert not suits_log_scale(-1, 100)


@pytest.mark.parametrize(("p", "expected"), [(0.034, "p = 0.034"), (0.0001, "p < 0.001")])
def test_p_values(p, expected):
    assert format_p_value(p) == expected
