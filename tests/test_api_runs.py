"""Trainings over the REST API. schemathesis builds the client from the OpenAPI document at run time."""

import base64
import io
import zipfile

import pytest
import schemathesis
from schemathesis.specs.openapi.checks import ignored_auth
from starlette.testclient import TestClient

from digitcore import api, api_requests, api_runs
from digitcore.errors import JobError, QueueFullError
from digitcore.jobs.job import Job
from digitcore.jobs.limits import Limits
from digitcore.models.bundle import ModelBundle
from digitcore.training.settings import TrainSettings
from tests.support.jobs import until

TOKEN = "a secret-of-the-test".replace(" ", "-")
HEADERS = {"authorization": f"Bearer {TOKEN}"}
SETTINGS = {"mnist_samples": 100, "epochs": 1, "validation_samples": 100}
schema = schemathesis.openapi.from_asgi("/openapi.json", api.app)


class RecordingService:
    """A job service that runs no jobs."""

    def __init__(self):
        self.jobs, self.error = [], None

    def submit(self, task, *, owner):
        if self.error:
            raise self.error
        self.jobs.append(Job(task.with_limits(Limits()), owner=owner))
        return self.jobs[-1]


@pytest.fixture(autouse=True)
def token(monkeypatch):
    monkeypatch.setenv("DIGITLAB_API_TOKEN", TOKEN)
    monkeypatch.setenv("DIGITLAB_API_RATE", "1000000/minute")
    monkeypatch.setattr(api_runs, "_jobs", {})


@pytest.fixture
def recorded(monkeypatch):
    service = RecordingService()
    monkeypatch.setattr(api_runs, "service", lambda: service)
    return service


@pytest.fixture
def client():
    return TestClient(api.app, raise_server_exceptions=False, headers=HEADERS)


def picture(digit):
    return digit.tolist()


def call(path, method, run_id=None, **options):
    """Call an operation of the OpenAPI document, and check the answer against the document."""
    parameters = {"path_parameters": {"run_id": run_id}} if run_id else {}
    case = schema[path][method].Case(**parameters, **options)
    return case.call_and_validate(headers=HEADERS, excluded_checks=[ignored_auth])  # Another test sends wrong tokens.


def test_a_client_of_the_openapi_document_trains_and_stops(service, few, monkeypatch):
    monkeypatch.setattr(api_runs, "service", lambda: service)
    body = {"file": base64.b64encode(few.to_npz()).decode(), "settings": SETTINGS, "network": "mlp"}
    created = call("/v1/runs", "POST", body=body, media_type="application/json")
    assert created.status_code == 202
    run_id = created.json()["id"]
    assert created.headers["location"][0].endswith(run_id) or created.headers["location"].endswith(run_id)
    until(lambda: call("/v1/runs/{run_id}", "GET", run_id).json()["status"] in ("done", "failed"), 240)
    state = call("/v1/runs/{run_id}", "GET", run_id).json()
    assert (state["status"], state["error"], state["progress"], state["stopped"]) == ("done", "", 1.0, False)
    assert [point["epoch"] for point in state["curves"] if "val_accuracy" in point] == [0, 1]
    assert set(state["scores"]) == {"mnist_before", "mnist_after", "samples_before", "samples_after"}
    model = call("/v1/runs/{run_id}/model", "GET", run_id)
    assert "model.keras" in " ".join(zipfile.ZipFile(io.BytesIO(model.content)).namelist())
    second = call("/v1/runs", "POST", body={"settings": SETTINGS | {"epochs": 50}}, media_type="application/json").json()["id"]
    stopped = call("/v1/runs/{run_id}", "DELETE", second).json()
    assert stopped["stopped"]
    until(lambda: call("/v1/runs/{run_id}", "GET", second).json()["status"] in ("done", "failed"), 240)
    assert call("/v1/runs/{run_id}", "DELETE", run_id).json()["status"] == "done"
    assert call("/v1/runs/{run_id}", "GET", run_id).status_code == 404, "an ended run is forgotten"


def test_training_is_off_by_default_and_needs_the_token(client, recorded, monkeypatch):
    for headers in ({"authorization": ""}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {TOKEN}"}):
        answer = client.post("/v1/runs", json={}, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert client.get("/v1/runs/x", headers=headers).status_code == 401
        assert client.delete("/v1/runs/x", headers=headers).status_code == 401
    monkeypatch.delenv("DIGITLAB_API_TOKEN")
    answer = client.post("/v1/runs", json={})
    assert answer.status_code == 403
    assert "DIGITLAB_API_TOKEN" in answer.json()["detail"]
    assert not recorded.jobs


def test_a_wrong_method_gets_all_allowed_methods(client):
    answer = client.put("/v1/runs/x")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "DELETE, GET"


def test_samples_of_a_file_and_settings_become_a_task(client, recorded, few):
    text = base64.b64encode(few.to_npz()).decode()
    more = [{"picture": picture(few.digits[0] // 2), "label": 3}]
    answer = client.post("/v1/runs", json={"file": text, "samples": more, "settings": {"epochs": 2, "seed": 5}})
    assert answer.status_code == 202
    assert answer.json()["status"] == "waiting"
    (job,) = recorded.jobs
    assert job.owner == api_runs.OWNER
    assert job.task.settings == TrainSettings(epochs=2, seed=5)
    assert len(job.task.samples) == 21
    assert isinstance(job.task.start, ModelBundle)
    assert job.task.max_seconds == Limits().seconds, "the limits of the pages apply"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"settings": {"epochs": 0}}, "epochs must lie between"),
        ({"settings": {"nothing": 1}}, "no setting called nothing"),
        ({"settings": {"epochs": 51}}, "allows 50 epochs"),
        ({"start": "nobody"}, "no model with this name"),
        ({"network": "nobody"}, "network must be one of"),
        ({"network": "mlp", "start": "genius"}, "either “start” or “network”"),
        ({"file": "?"}, "not valid base64"),
        ({"file": "eA=="}, "cannot be read"),
        ({"samples": [{"picture": "eA==", "label": 3}]}, "Sample 0: "),
        ({"samples": [{"picture": "eA==", "label": 30}]}, "“samples.0.label” is not valid. The digit, 0 to 9."),
        ({"samples": [{"picture": "eA=="}]}, "“samples.0.label” is missing"),
        ({"samples": [{"label": 3, "picture": "eA==", "name": "x"}]}, "no field “samples.0.name”"),
        ({"sample": []}, "no field “sample”. Use only samples, file, settings, start, network."),
        ({"samples": [{"picture": [[0] * 28] * 28, "label": 3}]}, "The picture is blank."),
        ([], "must be a JSON object"),
    ],
)
def test_wrong_requests_get_one_sentence(client, recorded, body, sentence):
    answer = client.post("/v1/runs", json=body)
    assert answer.status_code == 422
    assert sentence in answer.json()["detail"]
    assert answer.json()["detail"].endswith(".")
    assert not recorded.jobs


def test_other_content_and_a_full_queue_are_refused(client, recorded):
    assert client.post("/v1/runs", content=b"{}", headers={"content-type": "text/plain"}).status_code == 415
    big = bytes(api_requests.MAX_BYTES + 1)
    assert client.post("/v1/runs", content=big, headers={"content-type": "application/json"}).status_code == 413
    recorded.error = QueueFullError("This server allows 1 training at a time. Try again later.")
    answer = client.post("/v1/runs", json={})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "60"
    assert client.get("/v1/runs/unknown").status_code == 404


def test_a_failed_training_says_why_and_old_runs_are_forgotten(client, recorded, monkeypatch):
    monkeypatch.setattr(api_runs, "MAX_RUNS", 2)
    ids = [client.post("/v1/runs", json={}).json()["id"] for _ in range(2)]
    recorded.jobs[0].fail(JobError("The loss is not finite. Choose a lower learning rate."))
    state = client.get(f"/v1/runs/{ids[0]}").json()
    assert (state["status"], state["error"]) == ("failed", "The loss is not finite. Choose a lower learning rate.")
    assert client.get(f"/v1/runs/{ids[0]}/model").status_code == 409
    client.post("/v1/runs", json={})
    assert client.get(f"/v1/runs/{ids[0]}").status_code == 404
    assert client.get(f"/v1/runs/{ids[1]}").status_code == 200, "a waiting run is kept"
