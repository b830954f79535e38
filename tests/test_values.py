import pytest

from digitcore.values import format_value, suits_log_scale


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "auto"), (0.30000000000000004, "0.3"), (1e-4, "0.0001"), (3, "3"), (True, "True"), ("relu", "relu")],
)
def test_a_value_is_written_with_no_more_digits_than_it_needs(value, text):
    assert format_value(value) == text


def test_which_numbers_suit_a_logarithmic_scale():
    assert suits_log_scale(0.001, 0.01) and suits_log_scale(1, 1000)
    assert not suits_log_scale(0.002, 0.01) and not suits_log_scale(0, 100) and not suits_log_scale(-1, 100)
