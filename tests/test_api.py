"""The REST API: its predictions, its limits, and generated requests by schemathesis."""

import asyncio
import base64
import io
import itertools
import threading

import anyio.from_thread
import numpy as np
import pytest
import schemathesis
from fastapi import Request
from hypothesis import HealthCheck, settings
from PIL import Image
from starlette.testclient import TestClient

from digitcore import api, api_requests, api_schemas, models
from digitcore.images import digit_from_image
from digitcore.images.photographs import MAX_PARTS
from tests.support import fuzz
from tests.support.photographs import photograph

URL = "/v1/predict"
RATE_VARIABLE = "DIGITLAB_API_RATE"
schema = schemathesis.openapi.from_asgi("/openapi.json", api.app)


@pytest.fixture(autouse=True)
def no_limit(monkeypatch):
    monkeypatch.setenv(RATE_VARIABLE, "1000000/minute")
    monkeypatch.setenv("DIGITLAB_API_TOKEN", "a-token-that-no-request-has")


@pytest.fixture(scope="module")
def client():
    return TestClient(api.app, raise_server_exceptions=False)


@pytest.fixture(scope="module")
def pictures(data):
    """Return twelve test digits as larger pictures, dark on a light background."""
    return [Image.fromarray(255 - digit).resize((150, 190)) for digit in data.test_images[:12]]


def encoded(picture, kind="PNG"):
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


@schema.parametrize()
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_valid_requests_get_valid_answers(case):
    case.call_and_validate()


def test_picture_as_the_body_is_predicted(client, pictures, predictor, genius):
    for kind in ("PNG", "JPEG"):
        data = encoded(pictures[0], kind)
        found = client.post(URL, content=data, headers={"content-type": f"image/{kind.lower()}"})
        expected = predictor.probabilities(digit_from_image(Image.open(io.BytesIO(data)))[None])[0]
        assert found.status_code == 200
        assert found.json()["version"] == genius.hash[:12]
        (answer,) = found.json()["answers"]
        assert np.allclose(answer["probabilities"], expected, atol=1e-5)
        assert answer["digit"] == expected.argmax()


def test_form_and_json_with_many_pictures_are_predicted(client, pictures, predictor):
    expected = predictor.probabilities(np.stack([digit_from_image(picture) for picture in pictures]))
    files = [("pictures", (f"{number}.png", encoded(picture))) for number, picture in enumerate(pictures)]
    texts = [base64.b64encode(encoded(picture)).decode() for picture in pictures]
    for found in (client.post(URL, files=files), client.post(URL, json={"pictures": texts})):
        assert found.status_code == 200
        assert np.allclose([answer["probabilities"] for answer in found.json()["answers"]], expected, atol=1e-5)


def test_all_digits_of_a_photograph_are_predicted_with_their_boxes(client):
    content = photograph("squared", 3, np.random.default_rng(0), n_digits=3)
    headers = {"content-type": "image/jpeg"}
    largest = client.post(URL, content=content, headers=headers).json()["answers"]
    every = client.post(URL, content=content, headers=headers, params={"all": True}).json()["answers"]
    assert [answer["digits_found"] for answer in largest] == [3]
    assert largest[0] in every
    assert [answer["digit"] for answer in every] == [3, 3, 3]
    assert len({tuple(answer["box"]) for answer in every}) == 3
    assert [answer["box"][0] for answer in every] == sorted(answer["box"][0] for answer in every)
    assert client.post(URL, content=content, headers=headers, params={"all": True}).json()["texts"] == [["333"]]
    text = base64.b64encode(content).decode()
    assert client.post(URL, json={"pictures": ["eA==", text], "all": True}).json()["answers"][1:] == [
        answer | {"picture": 1} for answer in every
    ]


def test_picture_with_too_many_digits_is_refused(client):
    """Without `all`, only the largest digit is predicted. With `all`, the digits are counted while they are found."""
    dots = Image.fromarray((((np.indices((600, 600)) % 20) < 6).all(0) * 255).astype(np.uint8))
    text = base64.b64encode(encoded(dots)).decode()
    largest = client.post(URL, json={"pictures": [text] * 3})
    assert [answer["digits_found"] for answer in largest.json()["answers"]] == [MAX_PARTS] * 3
    every = client.post(URL, json={"pictures": [text] * 40, "all": True})
    assert every.status_code == 413
    assert "1,000 digits" in every.json()["detail"]


def test_bad_pictures_do_not_prevent_other_predictions(client, data):
    digits = [np.zeros((28, 28), int).tolist(), "abcde", base64.b64encode(b"no picture").decode(), data.test_images[0].tolist()]
    *bad, good = client.post(URL, json={"pictures": digits}).json()["answers"]
    assert good["digit"] == 7
    assert not good["unsure"]
    assert good["problem"] is None
    assert all(answer["digit"] is None and answer["unsure"] and answer["probabilities"] == [] for answer in bad)
    assert bad[0]["problem"] == api_requests.BLANK
    assert ["PNG or JPEG" in answer["problem"] for answer in bad] == [False, True, True]


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(50)])
def test_unreadable_picture_is_reported(client, content):
    found = client.post(URL, content=content, headers={"content-type": "image/png"})
    assert "PNG or JPEG" in found.json()["answers"][0]["problem"]


def test_every_model_is_listed_and_predicts(client, data):
    listed = client.get("/v1/models").json()
    assert [model["name"] for model in listed] == models.names()
    for model in listed:
        found = client.post(URL, params={"model": model["name"]}, json={"pictures": [data.test_images[0].tolist()]})
        assert found.json()["model"] == model["name"]
        assert found.json()["version"] == model["version"]
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("status", "request_"),
    [
        (415, {"content": b"x", "headers": {"content-type": "text/plain"}}),
        (415, {}),
        (422, {"json": {"pictures": []}}),
        (422, {"json": {"pictures": ["%%%"]}}),
        (422, {"json": {"pictures": [[[1, 2], [3]]]}}),
        (422, {"json": {"pictures": ["eA=="], "more": 1}}),
        (422, {"json": {"pictures": [[[256] * 28] * 28]}}),
        (422, {"headers": {"content-type": "multipart/form-data; boundary=x"}, "content": b"--x--\r\n"}),
        (422, {"params": {"modle": "cnn13"}, "json": {"pictures": ["eA=="]}}),
        (422, {"params": {"all": "maybe"}, "json": {"pictures": ["eA=="]}}),
        (422, {"content": b"{", "headers": {"content-type": "application/json"}}),
        (400, {"content": b"no form", "headers": {"content-type": "multipart/form-data; boundary=x"}}),
        (413, {"files": [("pictures", ("a.png", bytes(api.MAX_BYTES + 1)))]}),
        (404, {"params": {"model": "nobody"}, "json": {"pictures": ["eA=="]}}),
        (404, {"params": {"model": "../genius"}, "json": {"pictures": ["eA=="]}}),
        (413, {"content": bytes(api.MAX_BYTES + 1), "headers": {"content-type": "image/png"}}),
        (422, {"json": {"pictures": [[[0] * 28] * 28] * (api_schemas.MAX_IMAGES + 1)}}),
    ],
)
def test_errors_are_problems(client, status, request_):
    found = client.post(URL, **request_)
    assert found.status_code == status
    assert found.headers["content-type"] == api_schemas.PROBLEM_TYPE
    problem = found.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"].endswith(".")
    assert not any(word in problem["detail"] for word in ("constrained", "multiple of", "Input should", "list["))


def test_busy_server_answers_503_and_frees_each_slot(client, monkeypatch):
    monkeypatch.setattr(api, "prediction_slots", threading.BoundedSemaphore(1))
    monkeypatch.setattr(api_requests, "MAX_TOTAL_PIXELS", 100)
    file = io.BytesIO()
    Image.new("L", (20, 20), 255).save(file, "PNG")
    for _ in range(2):
        assert client.post(URL, content=file.getvalue(), headers={"content-type": "image/png"}).status_code == 413
    with api.prediction_slots:
        answer = client.post(URL, json={"pictures": ["eA=="]})
    assert answer.status_code == 503
    assert answer.json()["title"] == "Busy"
    assert answer.headers["retry-after"] == "1"
    assert client.post(URL, json={"pictures": ["eA=="]}).status_code == 200
    assert client.get("/healthz").status_code == 200


def test_a_repeated_name_of_a_json_object_is_refused(client):
    for name, body in (
        ("all", '{"pictures": [], "all": true, "all": false}'),
        ("x", '{"pictures": [{"x": 1, "x": 2}]}'),
        ("", '{"": 1, "": 1}'),
    ):
        answer = client.post("/v1/predict", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 422
        assert answer.json()["detail"] == f"The name “{name}” occurs more than once in the JSON. Give it once."


def test_a_repeated_parameter_is_refused(client):
    answer = client.post(f"{URL}?model=fast&model=mlp", json={"pictures": [[[0] * 28] * 28]})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "The parameter “model” occurs more than once. Give it once."


def test_unknown_paths_and_methods_are_problems(client):
    for found in (client.get("/nowhere"), client.get(URL)):
        assert found.status_code in (404, 405)
        assert found.headers["content-type"] == api_schemas.PROBLEM_TYPE


def test_request_with_many_large_pictures_is_refused(client):
    file = io.BytesIO()
    Image.new("L", (5000, 5000), 255).save(file, "PNG")  # 25 million pixels in a file of a few kB
    text = base64.b64encode(file.getvalue()).decode()
    answer = client.post(URL, json={"pictures": [text, text, text]})
    assert answer.status_code == 413
    assert "million pixels" in answer.json()["detail"]


@pytest.mark.parametrize("wrong", ["7", True, 300, -1])
def test_digit_with_invalid_numbers_is_refused(client, wrong):
    answer = client.post(URL, json={"pictures": [[[wrong] * 28] * 28]})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("Picture 0 cannot be read. Each picture is a picture file in base64, 28 rows")


@pytest.mark.parametrize("body", [b'{"pictures":[[' + b"[]," * 200_000 + b"[]]]}", b"{" + b'"a":0,' * 200_000 + b'"b":0}'])
def test_json_with_too_many_values_is_refused_before_it_is_parsed(client, monkeypatch, body):
    monkeypatch.setattr(api_schemas.PredictRequest, "model_validate_json", lambda content: pytest.fail("it was parsed"))
    answer = client.post(URL, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert "values" in answer.json()["detail"]


def test_invalid_rate_limit_is_reported(client, monkeypatch):
    monkeypatch.setenv(RATE_VARIABLE, "often")
    answer = client.get("/v1/models")
    assert answer.status_code == 500
    assert RATE_VARIABLE in answer.json()["detail"]


def test_rate_of_requests_is_limited(client, monkeypatch):
    monkeypatch.setenv(RATE_VARIABLE, "3/minute")
    api_requests.rate_limiter.storage.reset()
    codes = [client.get("/v1/models").status_code for _ in range(5)]
    assert codes == [200, 200, 200, 429, 429]
    api_requests.rate_limiter.storage.reset()


def call(headers, chunks, delay=0.0):
    """Send a request whose body comes in chunks. Return its status and the number of chunks that the API read."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": URL,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    sent, taken = [], 0

    async def receive():
        nonlocal taken
        await anyio.sleep(delay)
        taken += 1
        return {"type": "http.request", "body": next(chunks, b""), "more_body": True}

    async def send(message):
        sent.append(message)

    with anyio.from_thread.start_blocking_portal() as portal:
        portal.call(api.app, scope, receive, send)
    return sent[0]["status"], taken


FORM = {"content-type": "multipart/form-data; boundary=x"}
FORM_HEAD = b'--x\r\ncontent-disposition: form-data; name="pictures"; filename="a.png"\r\n\r\n'


@pytest.mark.parametrize(
    "headers", [FORM, FORM | {"content-length": "10"}, {"content-type": "image/png", "content-length": "10"}]
)
def test_long_body_is_refused_while_it_arrives(headers):
    chunk = bytes(100_000)
    status, taken = call(headers, itertools.chain([FORM_HEAD], itertools.repeat(chunk)))
    assert status == 413
    assert taken <= api_requests.MAX_DISCARDED // len(chunk) + 3


def test_endless_body_is_refused_after_a_time(monkeypatch):
    monkeypatch.setattr(api_requests, "BODY_TIMEOUT", 0.3)
    assert call(FORM, itertools.chain([FORM_HEAD], itertools.repeat(b"x")), delay=0.05)[0] == 408


def test_broken_picture_does_not_break_the_request(client, data):
    file = io.BytesIO()
    Image.fromarray(255 - data.test_images[0]).resize((90, 90)).save(file, "JPEG", exif=fuzz.odd_exif())
    short = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\5IHDR12345\0\0\0\0"
    texts = [base64.b64encode(content).decode() for content in (file.getvalue(), short)]
    answer = client.post(URL, json={"pictures": texts})
    assert answer.status_code == 200
    assert [item["digit"] for item in answer.json()["answers"]] == [7, None]


def test_pictures_in_every_form_are_predicted(client, data):
    seven = data.test_images[0]
    text = base64.b64encode(encoded(Image.fromarray(255 - seven))).decode()
    forms = [
        f"data:image/png;base64,{text}",
        base64.encodebytes(base64.b64decode(text)).decode(),
        (seven / 255).round(4).tolist(),
        seven.ravel().tolist(),
        (seven > 127).astype(int).tolist(),
        (255 - seven).tolist(),
    ]
    answers = client.post(URL, json={"pictures": forms}).json()["answers"]
    assert [answer["digit"] for answer in answers] == [7] * len(forms)
    assert not any(answer["unsure"] for answer in answers)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_formats_are_recognized_by_their_content(client, pictures, kind):
    content = encoded(pictures[0], kind)
    answers = [
        client.post(URL, content=content, headers={"content-type": "image/png"}),
        client.post(URL, content=content, headers={"content-type": "application/octet-stream"}),
        client.post(URL, files=[("file", ("seven.png", content))]),
    ]
    assert [answer.json()["answers"][0]["digit"] for answer in answers] == [7, 7, 7]


def test_documentation_loads_nothing_from_other_servers(client):
    page = client.get("/docs")
    assert page.status_code == 200
    assert "/v1/predict" in page.text
    assert "http" not in page.text
    assert "<script" not in page.text


def test_documentation_shows_the_limits_the_whole_paths_and_no_docstring():
    page = TestClient(api.app, root_path="/lab/api").get("/docs").text
    assert "<h2>POST /lab/api/v1/predict</h2>" in page
    assert "100 pictures, 15 MB, 50 million pixels" in page
    assert " requests in 1 minute from one address" in page
    for raw in ("Example:", "Attributes:", "&gt;&gt;&gt;", "`"):
        assert raw not in page
    assert "<td></table>" not in page.replace("\n", ""), "each field is described"


def test_the_health_check_ignores_parameters(client):
    """A monitoring service may add a number that prevents cached answers. The server must not seem to be down."""
    assert client.get("/healthz?now=1").status_code == 200
    assert client.get("/docs?now=1").status_code == 422


def test_the_rest_of_a_request_that_is_too_large_is_read_up_to_a_limit():
    """A client that still sends when the connection is closed gets no answer, only a broken connection."""
    for n_parts, n_read in ((20, 20), (10_000, 45)):
        sent = []

        async def receive(parts=n_parts, sent=sent):
            sent.append(None)
            return {"type": "http.request", "body": bytes(1_000_000), "more_body": len(sent) < parts}

        request = api_requests.limit_body(Request({"type": "http", "method": "POST", "headers": []}, receive))
        with pytest.raises(api_requests.RequestError, match="may contain 15 MB"):
            asyncio.run(request.body())
        assert len(sent) == n_read
