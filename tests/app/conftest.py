import functools

import pytest
from streamlit.components.v2 import manifest_scanner

from pages.session import resources
from tests.support.app import new_app, session_of


@pytest.fixture
def app():
    """A session on its first page."""
    at = new_app()
    yield at
    session_of(at).training.stop_all()


@pytest.fixture(scope="package", autouse=True)
def release_workers():
    """Let the workers go before the tests of the workers themselves begin."""
    yield
    resources.jobs().release_workers()


@pytest.fixture(scope="package", autouse=True)
def scan_packages_once():
    """Streamlit looks through all installed packages for components in each session of its test runner: half of its time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", functools.cache(manifest_scanner.scan_component_manifests))
        yield
