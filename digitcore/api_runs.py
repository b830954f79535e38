"""Trainings over the REST API. They are off unless `DIGITLAB_API_TOKEN` is set, and use the queue and the limits of the pages."""

import base64
import binascii
import functools
import io
import secrets
import threading
import zipfile
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from digitcore.api_requests import (
    RequestError,
    check_json,
    check_parameters,
    check_pixels,
    find_digits,
    in_time,
    limit_body,
    limit_rate,
    to_upload,
)
from digitcore.api_schemas import problem_responses
from digitcore.api_training_schemas import RUN_BODY, RunRequest, RunState, describe_field
from digitcore.config import load_config
from digitcore.data import sample_files
from digitcore.errors import JobError, ModelError, QueueFullError, SampleError, SettingsError
from digitcore.jobs.job import Job, JobStatus
from digitcore.jobs.service import JobService
from digitcore.jobs.tasks.api_train import ApiTrainTask
from digitcore.models import export, registry
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.training import history
from digitcore.training.recipes import check_network
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings

OWNER = "api"  # All trainings of the API wait in the queue as those of one session.
MAX_RUNS = 50  # runs that the server remembers; the oldest ended run is forgotten first
OFF = "This server does not train over the API. Its operator can set DIGITLAB_API_TOKEN to a secret text."
UNAUTHORIZED = "Send the header “Authorization: Bearer TOKEN” with the token of this server."

router = APIRouter(prefix="/v1/runs", tags=["training"])
bearer = HTTPBearer(auto_error=False, description="The value of DIGITLAB_API_TOKEN on the server.")
_jobs: dict[str, Job[Run]] = {}
_lock = threading.Lock()


@functools.cache
def own_service() -> JobService:
    """Return a job service of this module, which starts when the first training is submitted.

    Example:
        >>> own_service() is own_service()
        True
    """
    return JobService()


service: Callable[[], JobService] = own_service


def use_service(get_service: Callable[[], JobService]) -> None:
    """Set the service that trains. The server of the dashboard passes the service of its pages.

    Args:
        get_service: Returns the service.

    Example:
        >>> use_service(own_service)
    """
    global service
    service = get_service


def authorize(request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> None:
    """Check the rate, and that the request has the token of the server.

    Args:
        request: The request.
        credentials: The token of its header `Authorization`, or `None`.

    Raises:
        RequestError: If trainings are off, or the token is missing or wrong.

    Example:
        >>> authorize(request, None)  # doctest: +SKIP
    """
    check_parameters(request, ())
    limit_rate(request)
    token = load_config().api_token
    if not token:
        raise RequestError(403, "Training is off", OFF)
    if credentials is None or not secrets.compare_digest(credentials.credentials.encode(), token.encode()):
        raise RequestError(401, "Not authorized", UNAUTHORIZED, {"www-authenticate": "Bearer"})


AUTHORIZED = [Depends(authorize)]


@router.post(
    "",
    status_code=202,
    response_model=RunState,
    dependencies=AUTHORIZED,
    responses=problem_responses(401, 403, 408, 413, 415, 422, 429, 503),
    openapi_extra=RUN_BODY,
)
async def create_run(request: Request) -> JSONResponse:
    """Start a training.

    The training waits in the queue of the server. The answer has the identifier of the run, and the header “location” has its
    path.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RequestError(415, "Unsupported media type", "Send the samples and the settings as application/json.")
    body = await in_time(limit_body(request).body())
    task = await run_in_threadpool(_read_task, body)
    job = _submit(task)
    state = _state(job)
    location = f"{request.scope.get('root_path', '')}/v1/runs/{job.id}"
    return JSONResponse(state.model_dump(), 202, {"location": location})


@router.get("/{run_id}", dependencies=AUTHORIZED, responses=problem_responses(401, 403, 404, 422, 429))
def get_run(run_id: str) -> RunState:
    """Return the progress of a training, its curves, and its scores when it is done."""
    return _state(_find(run_id))


@router.get(
    "/{run_id}/model",
    dependencies=AUTHORIZED,
    response_class=Response,
    responses={
        **problem_responses(401, 403, 404, 409, 422, 429),
        200: {"description": "A ZIP file", "content": {"application/zip": {}}},
    },
)
def get_model(run_id: str) -> Response:
    """Return the trained model as a ZIP file with model.keras, model.tflite, card.json and a script that predicts."""
    run = _find(run_id).result
    if run is None:
        raise RequestError(409, "No model", "The training has no model. Wait until its status is “done”.")
    content = io.BytesIO(export.to_zip(run.model))
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr("model.keras", run.model.keras_bytes)
    return Response(content.getvalue(), media_type="application/zip")


@router.delete("/{run_id}", dependencies=AUTHORIZED, responses=problem_responses(401, 403, 404, 422, 429))
def stop_run(run_id: str) -> RunState:
    """Stop a training.

    A waiting training is withdrawn. A running training ends after its current batches, and keeps its current weights. A training
    that has ended is forgotten with its model.
    """
    job = _find(run_id)
    state = _state(job)
    if job.done:
        with _lock:
            _jobs.pop(run_id, None)
        return state
    job.stop()
    return _state(job)


def _read_task(body: bytes) -> ApiTrainTask:
    """Read the body of a request, and return its training."""
    check_json(body)
    try:
        parsed = RunRequest.model_validate_json(body)
    except ValidationError as error:
        raise _invalid(describe_field(error.errors(include_url=False, include_input=False)[0])) from error
    try:
        settings = TrainSettings.from_dict(parsed.settings)
        start = _read_start(parsed)
        samples = _read_samples(parsed)
    except (SettingsError, ModelError, SampleError) as error:
        raise _invalid(str(error)) from error
    return ApiTrainTask(start, samples, settings)


def _invalid(detail: str) -> RequestError:
    return RequestError(422, "Invalid request", detail)


def _read_start(parsed: RunRequest) -> ModelBundle | str:
    """Return the model that is trained: a shipped model, or the network of a model with random weights."""
    if not parsed.network:
        return _load_start(parsed.start)
    if "start" in parsed.model_fields_set:
        raise ModelError("A training starts from a model or from a network. Give either “start” or “network”.")
    return check_network(parsed.network)


def _load_start(name: str) -> ModelBundle:
    if name not in registry.names():
        raise ModelError(f"There is no model with this name. Choose one of {', '.join(registry.names())}.")
    return registry.load(name)


def _read_samples(parsed: RunRequest) -> SampleSet:
    """Return the samples of a request: of the file, then the single pictures."""
    samples = SampleSet()
    if parsed.file:
        try:
            content = base64.b64decode(parsed.file, validate=True)
        except (binascii.Error, ValueError) as error:
            raise SampleError("The field “file” is not valid base64. Encode the bytes of the file again.") from error
        samples = sample_files.read(content).samples
    uploads = [to_upload(sample.picture) for sample in parsed.samples]
    check_pixels(uploads)
    digits = []
    for number, upload in enumerate(uploads):
        found, problem = find_digits(upload, reads_all=False)
        if problem:
            raise SampleError(f"Sample {number}: {problem}")
        digits.append(found[0].digit)
    if digits:
        labels = np.array([sample.label for sample in parsed.samples])
        held_out = np.array([sample.held_out for sample in parsed.samples])
        samples = samples.concatenate(SampleSet.from_arrays(np.array(digits), labels, held_out))
    return samples


def _submit(task: ApiTrainTask) -> Job[Run]:
    try:
        job: Job[Run] = service().submit(task, owner=OWNER)
    except QueueFullError as error:
        raise RequestError(503, "Busy", str(error), {"retry-after": "60"}) from error
    except JobError as error:
        raise _invalid(str(error)) from error
    with _lock:
        _jobs[job.id] = job
        ended = [other.id for other in _jobs.values() if other.done]
        for run_id in ended[: max(0, len(_jobs) - MAX_RUNS)]:
            del _jobs[run_id]
    return job


def _find(run_id: str) -> Job[Run]:
    with _lock:
        job = _jobs.get(run_id)
    if job is None:
        detail = "There is no run with this identifier. It was deleted, or the server has been restarted."
        raise RequestError(404, "No such run", detail)
    return job


def _state(job: Job[Run]) -> RunState:
    run = job.result
    points = run.history if run else history.from_json([event.point for event in job.events if event.point])
    return RunState(
        id=job.id,
        status=str(job.status),
        position=job.position,
        progress=1.0 if job.status == JobStatus.DONE else min(1.0, job.progress.share),
        stopped=job.is_stopping or bool(run and run.stopped),
        error=str(job.error) if job.error else "",
        curves=points,
        scores=_scores(run) if run else {},
        version=run.model.hash[:12] if run else "",
    )


def _scores(run: Run) -> dict[str, float]:
    """Return the accuracies before and after the training, by name."""
    kind = "held_out" if run.personal_is_held_out else "samples"
    found: dict[str, Any] = {
        "mnist_before": run.mnist_before,
        "mnist_after": run.mnist_after,
        f"{kind}_before": run.personal_before,
        f"{kind}_after": run.personal_after,
    }
    return {name: score.accuracy for name, score in found.items() if score is not None and score.n}
