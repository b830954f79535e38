"""Failure of each statement and commit while a page saves a label."""

from benchmarks import fault_pages
from benchmarks.fault_points import Kind
from digitcore.storage.database import LabStore


def test_what_a_page_reports_as_saved_is_in_the_database():
    at, faults = fault_pages.open_session(1)
    kinds = (Kind.STATEMENT, Kind.COMMIT, Kind.ANSWER)
    report = fault_pages.try_page_points(at, faults, "label a drawing", kinds, is_lasting=(False,))
    assert report.n_points > 0
    assert not report.failures


def test_a_false_report_is_found():
    at, _ = fault_pages.open_session(1)
    empty = LabStore.from_url("sqlite://")
    assert fault_pages.find_false_report(at, empty)[0][0] == "lost"
