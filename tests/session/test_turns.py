import threading

import pytest

from pages.session.turns import turn
from tests.support.jobs import PATIENCE


@pytest.fixture
def entered():
    """Start another session that waits for its turn, and return the event that it sets when its turn has come."""
    found = threading.Event()

    def draw(max_wait):
        with turn(max_wait):
            found.set()

    def start(max_wait):
        threading.Thread(target=draw, args=(max_wait,), daemon=True).start()
        return found

    return start


def test_another_session_waits_for_the_end_of_a_turn(entered):
    with turn():
        other = entered(PATIENCE)
        assert not other.wait(0.1)
    assert other.wait(PATIENCE)


def test_a_turn_that_takes_long_does_not_stop_the_others(entered):
    with turn():
        assert entered(0.01).wait(PATIENCE)


def test_a_turn_ends_with_an_error(entered):
    with pytest.raises(ValueError, match="a fault"), turn():
        raise ValueError("a fault")
    with turn():  # It is the only turn.
        other = entered(PATIENCE)
        assert not other.wait(0.1)
    assert other.wait(PATIENCE)
