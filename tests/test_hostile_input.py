"""A short run of `benchmarks/fuzz.py`, which tries hostile files and URL parameters."""

import pytest

from benchmarks import fuzz
from tests.support.app import quick_sessions

SHARE = 0.01
QUICK = ("pictures", "samples", "addresses")  # The other kinds start a process for each file.


@pytest.mark.parametrize("kind", QUICK)
def test_hostile_input_is_accepted_or_rejected_with_a_message(kind):
    take, items = next((take, items) for name, take, items in fuzz.kinds(SHARE) if name == kind)
    with quick_sessions():
        outcome = fuzz.try_all(take, items)
    assert not outcome.failures
    assert outcome.counts.total() >= SHARE * fuzz.COUNTS[kind]
    assert not fuzz.MARKER.exists()
