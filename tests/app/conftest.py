from unittest import mock

import pytest

from pages.session import resources
from tests.support.app import new_app, quick_sessions, session_of


@pytest.fixture
def app():
    """Return a session that teaches the expert on its first page. After the test, its last page shows no exception."""
    at = new_app()
    session_of(at).activate("genius")
    yield at.run()
    assert not at.exception
    session_of(at).work.stop_all()
    session_of(at).training.stop_sweep()


@pytest.fixture(scope="package", autouse=True)
def jobs_of_all_tests(service):
    """Submit the jobs of the pages to the service that all tests share, because a worker takes seconds to start."""
    with mock.patch.object(resources, "jobs", lambda: service):
        yield
        resources.sweep_recorder().close()
    for resource in (resources.sweep_recorder, resources.active_work):
        resource.clear()


@pytest.fixture(scope="package", autouse=True)
def sessions_are_quick():
    with quick_sessions():
        yield
