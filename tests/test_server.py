"""`server.py`: pages and API in one process, with headers that protect the address of a lab."""

import io
import json
import logging
import urllib.error
import urllib.request

import pytest
from PIL import Image
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

import server as entry
from digitcore import models
from tests.support.browser import Server


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    started = Server(tmp_path_factory.mktemp("server"))
    yield started
    started.stop()


def get(url, data=None, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=20) as answer:
        return answer.status, answer.headers, answer.read()


def test_server_serves_pages_and_api(running, data):
    for path in ("/", "/Draw", "/Train"):
        status, headers, page = get(running.url + path)
        assert status == 200
        assert b"<html" in page
        assert headers["referrer-policy"] == "no-referrer"
    assert json.loads(get(f"{running.url}/healthz")[2]) == {"status": "ok"}
    for path in ("/api", "/api/"):
        assert b"/v1/predict" in get(f"{running.url}{path}")[2]
    assert [model["name"] for model in json.loads(get(f"{running.url}/api/v1/models")[2])] == models.names()
    file = io.BytesIO()
    Image.fromarray(data.test_images[0]).resize((100, 100)).save(file, "PNG")
    _, headers, answer = get(f"{running.url}/api/v1/predict", file.getvalue(), **{"content-type": "image/png"})
    assert json.loads(answer)["answers"][0]["digit"] == 7
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "/api" in str(json.loads(get(f"{running.url}/api/openapi.json")[2])["servers"])


def test_the_access_log_has_no_token_of_a_lab(caplog):
    log = logging.getLogger("uvicorn.access")
    with caplog.at_level(logging.INFO, "uvicorn"):
        log.info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:80", "GET", "/Draw?lab=secret", "1.1", 200)
        logging.getLogger("uvicorn.error").info('%s - "WebSocket %s" [accepted]', "127.0.0.1:80", "/_stcore/stream?lab=secret")
    assert caplog.messages == ['127.0.0.1:80 - "GET /Draw HTTP/1.1" 200', '127.0.0.1:80 - "WebSocket /_stcore/stream" [accepted]']


def test_websocket_messages_have_a_limit():
    assert entry.st.get_option("server.maxMessageSize") == 10


def test_existing_headers_are_kept():
    async def application(scope, receive, send):
        await PlainTextResponse("", headers={"referrer-policy": "origin"})(scope, receive, send)

    headers = TestClient(entry.SecurityHeaders(application)).get("/Draw").headers
    assert headers["referrer-policy"] == "origin"
    assert "cache-control" not in headers


def test_metrics_of_streamlit_are_hidden(running):
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(running.url + "/_stcore/metrics")
    assert caught.value.code == 404
    assert get(running.url + "/_stcore/health")[0] == 200


def test_pages_cannot_be_framed_by_other_sites(running):
    assert get(running.url + "/Draw")[1]["content-security-policy"] == "frame-ancestors 'self'"


@pytest.mark.parametrize("header", ["10.0.0.1", "10.0.0.1:80", "[::2]:9", "10.0.0.1, 10.0.0.2"])
@pytest.mark.parametrize("allowed", [None, "10.9.9.9"])
def test_forwarded_address_is_trusted_only_from_named_proxies(monkeypatch, header, allowed):
    """Uvicorn trusts this machine, unless the variable names other proxies."""
    seen = []

    async def application(scope, receive, send):
        seen.append(scope["client"][0])
        await PlainTextResponse("")(scope, receive, send)

    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    if allowed:
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", allowed)
    inside = ProxyHeadersMiddleware(entry.ConnectionAddress(application), allowed or "127.0.0.1,::1")
    TestClient(inside, client=("127.0.0.1", 5000)).get("/api", headers={"x-forwarded-for": header})
    TestClient(inside, client=("127.0.0.1", 5000)).get("/api")
    TestClient(inside, client=("10.1.1.1", 5000)).get("/api", headers={"x-forwarded-for": header})
    assert seen == ["127.0.0.1", "127.0.0.1", "10.1.1.1"]


def test_named_proxy_is_trusted(monkeypatch):
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "10.9.9.9")

    async def application(scope, receive, send):
        await PlainTextResponse(scope["client"][0])(scope, receive, send)

    inside = ProxyHeadersMiddleware(entry.ConnectionAddress(application), "10.9.9.9")
    answer = TestClient(inside, client=("10.9.9.9", 5000)).get("/api", headers={"x-forwarded-for": "10.0.0.1"})
    assert answer.text == "10.0.0.1"


def test_rate_limit_ignores_the_forwarded_address(tmp_path):
    server = Server(tmp_path, DIGITLAB_API_RATE="3/minute", STREAMLIT_SERVER_ADDRESS="127.0.0.1")
    try:
        for number in range(3):
            get(f"{server.url}/api/v1/models", **{"x-forwarded-for": f"10.0.0.{number}"})
        with pytest.raises(urllib.error.HTTPError) as caught:
            get(f"{server.url}/api/v1/models", **{"x-forwarded-for": "10.0.0.99:80"})
        assert caught.value.code == 429
    finally:
        server.stop()


def test_all_paths_move_to_the_base_path(tmp_path):
    server = Server(tmp_path, STREAMLIT_SERVER_BASE_URL_PATH="/class/lab/")
    root = server.url.removesuffix("/class/lab")
    try:
        for path in ("/Draw", "/healthz", "/api/v1/models", "/api/openapi.json", "/_stcore/health"):
            assert get(server.url + path)[0] == 200
        assert get(f"{server.url}/healthz")[1]["x-frame-options"] == "DENY"
        assert json.loads(get(f"{server.url}/api/openapi.json")[2])["servers"] == [{"url": "/class/lab/api"}]
        for url in (f"{server.url}/_stcore/metrics", f"{root}/api/v1/models", f"{root}/healthz", f"{root}/_stcore/metrics"):
            with pytest.raises(urllib.error.HTTPError) as caught:
                get(url)
            assert caught.value.code == 404
    finally:
        server.stop()
