"""`server.py`: pages and API in one process, with headers that protect the address of a lab."""

import io
import json
import urllib.error
import urllib.request

import pytest
from PIL import Image
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

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
    assert [model["name"] for model in json.loads(get(f"{running.url}/api/v1/models")[2])] == models.names()
    file = io.BytesIO()
    Image.fromarray(data.test_images[0]).resize((100, 100)).save(file, "PNG")
    _, headers, answer = get(f"{running.url}/api/v1/predict", file.getvalue(), **{"content-type": "image/png"})
    assert json.loads(answer)["answers"][0]["digit"] == 7
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "/api" in str(json.loads(get(f"{running.url}/api/openapi.json")[2])["servers"])


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


def test_forwarded_address_is_not_trusted(tmp_path):
    server = Server(tmp_path, DIGITLAB_API_RATE="3/minute")
    try:
        for number in range(3):
            get(f"{server.url}/api/v1/models", **{"x-forwarded-for": f"10.0.0.{number}"})
        with pytest.raises(urllib.error.HTTPError) as caught:
            get(f"{server.url}/api/v1/models", **{"x-forwarded-for": "10.0.0.99"})
        assert caught.value.code == 429
    finally:
        server.stop()
