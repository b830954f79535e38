import pytest

from pages.session import resources
from tests.support.app import new_app, session_of


@pytest.fixture
def app():
    """A session on its first page."""
    at = new_app()
    yield at
    session_of(at).training.stop_all()


@pytest.fixture(scope="module", autouse=True)
def release_workers():
    """Each module has workers of its own, so that modules can run beside each other."""
    yield
    resources.jobs().release_workers()
