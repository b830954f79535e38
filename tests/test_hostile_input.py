"""A short run of `benchmarks/fuzz.py`: nothing that is brought or written into an address breaks anything."""

import pytest

from benchmarks import fuzz
from tests.support.app import quick_sessions

SHARE = 0.01
QUICK = ("pictures", "samples", "addresses")  # the others start a process for each file


@pytest.mark.parametrize("kind", QUICK)
def test_hostile_input_is_taken_or_refused_with_a_sentence(kind):
    take, items = next((take, items) for name, take, items in fuzz.kinds(SHARE) if name == kind)
    with quick_sessions():
        outcome = fuzz.try_all(take, items)
    assert not outcome.failures and outcome.counts.total() >= SHARE * fuzz.COUNTS[kind]
    assert not fuzz.MARKER.exists()
