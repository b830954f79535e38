"""The REST API, which predicts digits in the same way as the Draw page. `server.py` serves it at /api.

Errors are JSON objects as in RFC 9457 (application/problem+json). The content of a request is neither stored nor logged.

Example:
    >>> from starlette.testclient import TestClient
    >>> client = TestClient(app)
    >>> client.get("/healthz").json()
    {'status': 'ok'}
    >>> client.post("/v1/predict", json={"pictures": [[[0] * 28] * 28]}).json()["answers"][0]["problem"]
    'The picture is blank.'
"""

import functools
import threading
from importlib import resources
from typing import Annotated

import numpy as np
from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from jinja2 import Environment
from limits import parse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from digitcore import api_runs
from digitcore.api_requests import (
    BODY_TIMEOUT,
    MAX_BYTES,
    MAX_TOTAL_PIXELS,
    MAX_VALUES,
    RequestError,
    Upload,
    check_json,
    check_parameters,
    check_pixels,
    describe_rate,
    find_digits,
    in_time,
    limit_body,
    limit_rate,
    to_upload,
)
from digitcore.api_schemas import (
    MAX_IMAGES,
    PREDICT_BODY,
    PROBLEM_TYPE,
    Health,
    Model,
    Prediction,
    PredictRequest,
    PredictResponse,
    Problem,
    describe_problem,
    problem_responses,
    version_of,
)
from digitcore.config import load_config
from digitcore.errors import DigitLabError, ModelError
from digitcore.images import SIDE, FoundDigit, text_lines
from digitcore.models import registry
from digitcore.models.bundle import ModelBundle
from digitcore.predictor import Predictor

METHOD_NOT_ALLOWED = 405
MAX_CONCURRENT = 16  # Each predicted request occupies one of Starlette's 40 threads.
MAX_DIGITS = 1000  # digits of a request
app = FastAPI(
    title="Digit Lab",
    version="1",
    docs_url=None,  # FastAPI's pages would load scripts from another server. The page of `documentation` needs no scripts.
    redoc_url=None,
    description="Predicts handwritten digits. Pictures may have any size and either polarity.",
)
app.include_router(api_runs.router)
prediction_slots = threading.BoundedSemaphore(MAX_CONCURRENT)


@app.get("/", include_in_schema=False)
def root(request: Request) -> RedirectResponse:
    """Redirect to the documentation."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/docs")


@app.get("/docs", include_in_schema=False)
def documentation(request: Request) -> HTMLResponse:
    """Return the documentation as one page without scripts and without files from another server."""
    check_parameters(request, ())
    return HTMLResponse(_docs_page(request.scope.get("root_path", "")))


@app.get("/v1/models", responses=problem_responses(422, 429))
def list_models(request: Request) -> list[Model]:
    """List the models that can predict."""
    check_parameters(request, ())
    limit_rate(request)
    return [Model.from_bundle(bundle) for bundle in map(_load_model, registry.names())]


@app.post("/v1/predict", responses=problem_responses(400, 404, 408, 413, 415, 422, 429, 503), openapi_extra=PREDICT_BODY)
async def predict(
    request: Request, model: Annotated[str, Query(max_length=40)] = registry.DEFAULT_MODEL, all: bool = False
) -> PredictResponse:
    """Predict the digits of one or several pictures.

    Send one picture file as the body, several files in a form, or JSON. PNG, JPEG, WEBP, GIF, BMP, TIFF and HEIC are
    recognized by their content. The largest digit of each picture is predicted. If “all” is true in the query or in the JSON,
    every digit is predicted in reading order, with its box.
    """
    check_parameters(request, ("model", "all"))
    limit_rate(request)
    bundle = await run_in_threadpool(_load_model, model)
    body = await in_time(_read_body(limit_body(request)))
    if not prediction_slots.acquire(blocking=False):
        raise RequestError(503, "Busy", "The server is predicting other requests. Try again in a moment.", {"retry-after": "1"})
    try:
        return await run_in_threadpool(_predict, bundle, body, all)
    finally:
        prediction_slots.release()


@app.get("/healthz")
def health() -> Health:
    """Check that the server runs and can open its default model.

    Other parameters are ignored, because monitoring services may add a number that prevents cached answers.
    """
    _load_predictor(registry.DEFAULT_MODEL)
    return Health(status="ok")


@functools.cache
def _docs_page(base_path: str) -> str:
    text = resources.files("digitcore").joinpath("api_docs.html").read_text("utf-8")
    template = Environment(autoescape=True).from_string(text)
    return template.render(api=app.openapi(), base_path=base_path, limits=_describe_limits())


def _describe_limits() -> list[str]:
    """Return a sentence for each limit of a request."""
    return [
        f"A request may contain {MAX_IMAGES} pictures, {MAX_BYTES // 1_000_000} MB, {MAX_TOTAL_PIXELS // 1_000_000} million "
        f"pixels, {MAX_VALUES:,} JSON values and {MAX_DIGITS:,} digits.",
        f"The body of a request must arrive within {BODY_TIMEOUT} s.",
        f"The server allows {describe_rate(parse(load_config().api_rate))} from one address.",
        f"The server predicts {MAX_CONCURRENT} requests at the same time.",
        "Unknown and repeated parameters are refused. Only the health check ignores them.",
    ]


async def _read_body(request: Request) -> bytes | list[Upload]:
    """Return the uploaded files, or the unparsed JSON."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        return await _read_form(request)
    if media_type.startswith("image/") or media_type == "application/octet-stream":
        return [await request.body()]
    if media_type == "application/json":
        return await request.body()
    raise RequestError(
        415,
        "Unsupported media type",
        "Send a picture as image/png or another image type, multipart/form-data, or application/json.",
    )


async def _read_form(request: Request) -> list[Upload]:
    async with request.form(max_files=MAX_IMAGES, max_fields=MAX_IMAGES) as form:
        files = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
        if not files:
            raise RequestError(422, "No picture", "The form contains no file. Add at least one picture file.")
        return [await file.read() for file in files]


def _parse_json(body: bytes) -> tuple[list[Upload], bool]:
    """Return the uploads of a JSON body, and whether every digit is requested."""
    check_json(body)
    try:
        parsed = PredictRequest.model_validate_json(body)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        raise RequestError(422, "Invalid request", describe_problem(problems[0])) from error
    return [to_upload(item) for item in parsed.pictures], parsed.all


def _predict(bundle: ModelBundle, body: bytes | list[Upload], reads_all: bool) -> PredictResponse:
    uploads, asked = _parse_json(body) if isinstance(body, bytes) else (body, False)
    check_pixels(uploads)
    found = _find_in_each(uploads, reads_all or asked)
    arrays = [part.digit for digits, _ in found for part in digits]
    probabilities = _load_predictor(bundle.name).probabilities(np.array(arrays, np.uint8).reshape(-1, SIDE, SIDE))
    rows = iter(probabilities.astype(float).round(6).tolist())
    answers, texts, threshold = [], [], bundle.card.confidence_threshold
    for picture, (digits, problem) in enumerate(found):
        if problem:
            answers.append(Prediction(picture=picture, problem=problem))
        predicted = [_prediction(picture, part, next(rows), threshold) for part in digits]
        texts.append(text_lines(digits, [int(answer.digit or 0) for answer in predicted]))
        answers += predicted
    return PredictResponse(
        model=bundle.name, version=version_of(bundle), answers=answers, texts=texts if reads_all or asked else []
    )


def _prediction(picture: int, found: FoundDigit, row: list[float], threshold: float) -> Prediction:
    return Prediction(
        picture=picture,
        digit=row.index(max(row)),
        unsure=max(row) < threshold,
        probabilities=row,
        box=found.box,
        digits_found=found.n_found,
        line=found.line,
    )


def _find_in_each(uploads: list[Upload], reads_all: bool) -> list[tuple[list[FoundDigit], str]]:
    """Find the digits of each upload. Refuse the request as soon as it has too many digits."""
    found, n = [], 0
    for upload in uploads:
        found.append(find_digits(upload, reads_all))
        n += len(found[-1][0])
        if n > MAX_DIGITS:
            raise RequestError(413, "Too large", f"A request may contain {MAX_DIGITS:,} digits. Send fewer pictures.")
    return found


@functools.cache
def _load_model(name: str) -> ModelBundle:
    try:
        return registry.load(name)
    except ModelError as error:
        detail = f"There is no model with this name. Choose one of {', '.join(registry.names())}."
        raise RequestError(404, "No such model", detail) from error


@functools.cache
def _load_predictor(name: str) -> Predictor:
    return _load_model(name).predictor()


def _problem(status: int, title: str, detail: str) -> JSONResponse:
    content = Problem(title=title, status=status, detail=detail).model_dump()
    return JSONResponse(content, status_code=status, media_type=PROBLEM_TYPE)


@app.exception_handler(RequestError)
async def _on_request_error(request: Request, error: RequestError) -> JSONResponse:
    response = _problem(error.status, error.title, error.detail)
    response.headers.update(error.headers)
    return response


@app.exception_handler(Exception)
async def _on_unexpected_error(request: Request, error: Exception) -> JSONResponse:
    return _problem(500, "Internal error", "The request failed on the server. Try again, or find the error in the server's log.")


@app.exception_handler(RequestValidationError)
async def _on_invalid_query(request: Request, error: RequestValidationError) -> JSONResponse:
    name = str(error.errors()[0]["loc"][-1])
    sentence = {"all": "“all” must be true or false.", "model": "The name of a model must have at most 40 characters."}
    return _problem(422, "Invalid request", sentence.get(name, f"The parameter “{name}” is not valid. Correct it or remove it."))


@app.exception_handler(HTTPException)
async def _on_http_error(request: Request, error: HTTPException) -> JSONResponse:
    detail = str(error.detail).rstrip(".")
    response = _problem(error.status_code, detail, f"{request.method} {request.url.path}: {detail}.")
    response.headers.update(error.headers or {})
    if error.status_code == METHOD_NOT_ALLOWED:
        response.headers["allow"] = ", ".join(_allowed_methods(request))
    return response


def _allowed_methods(request: Request) -> list[str]:
    """Return the methods of all routes with the path of a request. Starlette's header names those of the first route only."""
    routes = (route for route in [*app.routes, *api_runs.router.routes] if isinstance(route, Route))
    matching = (route for route in routes if route.matches(request.scope)[0] != Match.NONE)
    return sorted({method for route in matching for method in route.methods or ()})


@app.exception_handler(DigitLabError)
async def _on_library_error(request: Request, error: DigitLabError) -> JSONResponse:
    return _problem(500, "Internal error", str(error))
