"""The dashboard behind a reverse proxy, and pages of other sites that show it or call its API."""

import http.server
import os
import threading

import pytest

from tests.support.browser import LONG, SEVEN, WITHOUT_WORKER, Person, Server
from tests.support.proxy import HttpsProxy, nginx

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CALL_API = """async url => {
  try { return (await (await fetch(url + "/api/v1/models")).json()).length } catch (error) { return String(error) }
}"""
POST_TO_API = """async url => {
  const body = JSON.stringify({ pictures: [Array(28).fill(Array(28).fill(0))] });
  const request = { method: "POST", headers: { "content-type": "application/json" }, body };
  try { return (await fetch(url + "/api/v1/predict", request)).status } catch (error) { return String(error) }
}"""


class Site:
    """Another site on this machine with a separate origin. Its only page has a frame with the dashboard."""

    def __init__(self):
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("content-type", "text/html")
                self.end_headers()
                self.wfile.write(f'<iframe id="lab" width="1200" height="700" src="{site.framed}"></iframe>'.encode())

            def log_message(self, *args):
                pass

        self.framed = "about:blank"
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def sites():
    """Return a site that the server's settings name, and a site that they do not name."""
    both = Site(), Site()
    yield both
    for site in both:
        site.close()


@pytest.fixture(scope="module")
def open_server(tmp_path_factory, sites):
    named = sites[0].url
    running = Server(
        tmp_path_factory.mktemp("open"), DIGITLAB_EMBEDDERS=named, DIGITLAB_CORS_ORIGINS=f"https://lms.example.org {named}"
    )
    yield running
    running.stop()


@pytest.fixture
def page(browser):
    context = browser.new_context()
    context.set_default_timeout(LONG)
    yield context.new_page()
    context.close()


def test_only_a_named_site_can_show_the_dashboard(open_server, sites, page):
    named, other = sites
    named.framed = other.framed = f"{open_server.url}/Draw"
    page.goto(named.url)
    page.frame_locator("#lab").locator(".st-key-canvas").first.wait_for()
    with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        page.goto(other.url)
    assert page.frame_locator("#lab").locator(".st-key-canvas").count() == 0


def test_only_a_named_site_can_call_the_api(open_server, sites, page):
    named, other = sites
    named.framed = other.framed = "about:blank"
    page.goto(named.url)
    assert page.evaluate(CALL_API, open_server.url) > 1
    assert page.evaluate(POST_TO_API, open_server.url) == 200
    page.goto(other.url)
    assert "Failed to fetch" in page.evaluate(CALL_API, open_server.url)
    assert "Failed to fetch" in page.evaluate(POST_TO_API, open_server.url)


def test_no_site_can_by_default(server, sites, page):
    named, _ = sites
    named.framed = f"{server.url}/Draw"
    with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        page.goto(named.url)
    assert "Failed to fetch" in page.evaluate(CALL_API, server.url)


def test_dashboard_works_below_a_path_of_an_https_proxy(browser, tmp_path):
    if nginx() is None and os.environ.get("DIGITLAB_NGINX") == "required":
        pytest.fail("nginx is required here and is not installed", pytrace=False)
    server = Server(tmp_path, STREAMLIT_SERVER_BASE_URL_PATH="lab", **WITHOUT_WORKER)
    proxy = HttpsProxy(tmp_path, server.port, "/lab")
    context = browser.new_context(ignore_https_errors=True, viewport={"width": 1280, "height": 800})
    try:
        failed = []
        page = context.new_page()
        page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
        person = Person(page, proxy.url)
        person.begin()
        person.draw_stroke(SEVEN[0])
        assert person.predicted_digit() == 7
        person.label(7, 1)
        person.go("Train")
        person.go("My lab")
        assert page.url.startswith(f"{proxy.url}/")
        assert page.evaluate(CALL_API, proxy.url) > 1
        assert context.request.get(f"{proxy.url}/healthz").json() == {"status": "ok"}
        assert context.request.get(f"{proxy.url}/_stcore/metrics").status == 404
        assert failed == []
    finally:
        context.close()
        proxy.stop()
        server.stop()
