"""Fixtures of the tests in Chromium. Without Chromium, the tests are skipped, or they fail if Chromium is required.

The tests of one process share a browser and a server. A test that kills a process starts a server for itself.
The browser ends with the last test of this folder, because Playwright's event loop prevents other asynchronous tests.
"""

import os

import pytest
from playwright.sync_api import Error, sync_playwright

from tests.support.browser import CHROMIUM_ARGS, WITHOUT_WORKER, Person, Server, chromium

PAGE_TEXT = 1500  # characters of a page in the report of a failed test
REPORT_TIMEOUT = 5000  # ms


@pytest.fixture(scope="package")
def browser():
    if chromium() is None:
        if os.environ.get("DIGITLAB_BROWSER") == "required":
            pytest.fail("Chromium is required here and is not installed", pytrace=False)
        pytest.skip("Chromium is not installed")
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("server"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def cloud_server(tmp_path_factory):
    """Return a server as on Streamlit Community Cloud: only the entry script, and reruns that interrupt each other."""
    options = WITHOUT_WORKER | {"STREAMLIT_RUNNER_FAST_RERUNS": "true"}
    running = Server(tmp_path_factory.mktemp("cloud"), "streamlit_app.py", **options)
    yield running
    running.stop()


@pytest.fixture
def own_server(tmp_path):
    """Return a function that starts a server for one test. The servers of a test share a database."""
    started = []

    def start(**environment):
        started.append(Server(tmp_path, **environment))
        return started[-1]

    yield start
    for running in started:
        running.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Add the address and the text of each open page to the report of a failed test."""
    report = yield
    if report.when == "call" and report.failed and (browser := item.funcargs.get("browser")):
        report.sections += [(page.url, _describe(page)) for context in browser.contexts for page in context.pages]
    return report


def _describe(page) -> str:
    try:
        state = page.locator("[data-testid=stApp]").get_attribute("data-test-script-state", timeout=REPORT_TIMEOUT)
        return f"script: {state}\n{page.inner_text('body', timeout=REPORT_TIMEOUT)[:PAGE_TEXT]}"
    except Error as error:
        return str(error)


@pytest.fixture
def new_person(browser):
    """Return a function that makes users with separate cookies and storage. After the test, no page shows an exception."""
    contexts = []

    def make(server, **options):
        # Animations of a page that loads take a third of the processor time of the browser.
        defaults = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}
        context = browser.new_context(**defaults | options)
        contexts.append(context)
        return Person(context.new_page(), server.url, touch=bool(options.get("has_touch")))

    yield make
    exceptions = [page.locator("[data-testid=stException]").count() for context in contexts for page in context.pages]
    for context in contexts:
        context.close()
    assert not any(exceptions), "a page shows an exception"


@pytest.fixture(scope="module")
def shared_person(browser, server):
    """Return a user on the Draw page, which the tests of a module share, because a page takes seconds to load."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    person = Person(context.new_page(), server.url)
    person.begin()
    yield person
    context.close()


@pytest.fixture
def person(new_person, server):
    return new_person(server)


@pytest.fixture
def phone(new_person, server):
    return new_person(server, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
