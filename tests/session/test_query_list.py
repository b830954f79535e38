import pytest

from digitcore.errors import JobError
from digitcore.jobs.tasks import StatisticsTask
from pages.session.query_list import QueryList

KEY = ("statistics", "0")


@pytest.fixture
def queries(services):
    return QueryList(services, "ann")


def ask(queries):
    return queries.find(KEY, lambda: StatisticsTask(0))


def test_a_query_is_asked_once_and_cached_for_all(queries, services, jobs):
    assert ask(queries) is None and ask(queries) is None and len(jobs.submitted) == 1
    jobs.submitted[0].finish("found")
    assert queries.collect() and not queries.collect()
    assert ask(queries) == "found" and not queries.pending
    other = QueryList(services, "bob")
    assert other.known(KEY) == "found" and ask(other) == "found" and len(jobs.submitted) == 1


def test_stopped_queries_are_asked_again_when_told(queries, jobs):
    ask(queries)
    queries.stop()
    assert jobs.submitted[0].is_stopping and queries.is_paused and not queries.pending
    assert ask(queries) is None and len(jobs.submitted) == 1, "nothing is asked until told to resume"
    queries.resume()
    ask(queries)
    assert len(jobs.submitted) == 2


def test_a_failure_pauses_and_says_why(queries, jobs):
    ask(queries)
    jobs.submitted[0].finish(error="The worker died.")
    assert ask(queries) is None and queries.is_paused and queries.error == "The worker died."


def test_a_limit_pauses_and_says_why(queries, jobs, monkeypatch):
    def refuse(*args, **options):
        raise JobError("Too many.")

    monkeypatch.setattr(jobs, "submit", refuse)
    assert ask(queries) is None and queries.error == "Too many."


def test_progress_is_the_mean(queries, jobs):
    assert queries.progress() == 0
    for n in range(2):
        queries.find(("statistics", str(n)), lambda: StatisticsTask(0))
    jobs.submitted[0].on_event({"share": 0.5})
    assert queries.progress() == 0.25
