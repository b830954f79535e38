"""A REST API that predicts digits as the Draw page does. `server.py` mounts it beside the dashboard, under /api.

Errors are JSON as of RFC 9457 (application/problem+json). Nothing that is sent is kept or logged.
"""

import asyncio
import base64
import binascii
import contextlib
import functools
import threading
from typing import Annotated

import numpy as np
from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Message

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
    problem_responses,
    version_of,
)
from digitcore.config import load_config
from digitcore.errors import DigitLabError, ImageError, ModelError, UnreadableImageError
from digitcore.images import SIDE, FoundDigit, ink_from_file
from digitcore.images.decoding import MAX_PIXELS, open_image
from digitcore.models import registry
from digitcore.models.bundle import ModelBundle
from digitcore.predictor import Predictor

MAX_BYTES = 5_000_000  # of a request
MAX_CONCURRENT = 16  # requests predicted or waiting for it; each has a thread, and Starlette has 40
BODY_TIMEOUT = 30  # s for a request's body to come
MAX_VALUES = 2 * MAX_IMAGES * SIDE * SIDE  # in JSON: parsing holds up all of the server
MAX_TOTAL_PIXELS = MAX_PIXELS  # of all images together: a small file may hold a very large one
MAX_DIGITS = 1000  # of a request
IMAGE_FORMATS = ["PNG", "JPEG"]
DEFAULT_MODEL = "genius"
BLANK = "The picture is blank."
NO_PICTURE = "This file cannot be read as a PNG or JPEG image."

Upload = bytes | np.ndarray  # a file's bytes, or a digit, (28, 28) uint8


class RequestError(Exception):
    """A request that is answered with a problem."""

    def __init__(self, status: int, title: str, detail: str, headers: dict[str, str] | None = None):
        super().__init__(detail)
        self.status, self.title, self.detail, self.headers = status, title, detail, headers or {}


app = FastAPI(
    title="Digit Lab",
    version="1",
    docs_url=None,  # its pages would load scripts from another server; the description is openapi.json
    redoc_url=None,
    description="Reads handwritten digits. Pictures of any size and either polarity become digits as on the Draw page.",
)
prediction_slots = threading.BoundedSemaphore(MAX_CONCURRENT)
rate_limiter = MovingWindowRateLimiter(MemoryStorage())


@app.get("/v1/models", responses=problem_responses(429))
def list_models(request: Request) -> list[Model]:
    """The models that answer."""
    _limit_rate(request)
    return [Model.from_bundle(bundle) for bundle in map(_load_model, registry.names())]


@app.post("/v1/predict", responses=problem_responses(400, 404, 408, 413, 415, 422, 429, 503), openapi_extra=PREDICT_BODY)
async def predict(
    request: Request, model: Annotated[str, Query(max_length=40)] = DEFAULT_MODEL, all: bool = False
) -> PredictResponse:
    """Which digits are these? One PNG or JPEG as the body, several as a form's `pictures`, or either in JSON.

    With `all`, here or in the JSON, each digit of a picture is predicted, with its box; without, the largest of a photograph.
    """
    _limit_rate(request)
    bundle = await run_in_threadpool(_load_model, model)
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            body = await _read_body(_limit_body(request))
    except TimeoutError as error:
        raise RequestError(408, "Too slow", f"A request must come within {BODY_TIMEOUT} s. Send less at once.") from error
    if not prediction_slots.acquire(blocking=False):
        raise RequestError(503, "Busy", "This server predicts as much as it can. Try again in a moment.", {"retry-after": "1"})
    try:
        return await run_in_threadpool(_predict, bundle, body, all)
    finally:
        prediction_slots.release()


@app.get("/healthz")
def health() -> Health:
    """Whether the server is up and its best model can be opened."""
    _load_predictor(DEFAULT_MODEL)
    return Health(status="ok")


def _limit_rate(request: Request) -> None:
    limit = parse(load_config().api_rate)
    if not rate_limiter.hit(limit, request.client.host if request.client else "unknown"):
        retry = {"retry-after": str(limit.get_expiry())}
        raise RequestError(429, "Too many requests", f"This server allows {limit} from one address. Wait a moment.", retry)


def _limit_body(request: Request) -> Request:
    """The same request, whose body may not be longer than allowed, whatever it announces."""
    received = 0

    async def receive() -> Message:
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        _check_size(received)
        return message

    return Request(request.scope, receive)


async def _read_body(request: Request) -> bytes | list[Upload]:
    """The uploads, or JSON that is still to be parsed."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        return await _read_form(request)
    if media_type in ("image/png", "image/jpeg"):
        return [await request.body()]
    if media_type == "application/json":
        return await request.body()
    raise RequestError(415, "Unsupported media type", "Send image/png, image/jpeg, multipart/form-data or application/json.")


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise RequestError(413, "Too large", f"A request may hold {MAX_BYTES // 1_000_000} MB. Send less at once.")


async def _read_form(request: Request) -> list[Upload]:
    async with request.form(max_files=MAX_IMAGES, max_fields=MAX_IMAGES) as form:
        files = [part for part in form.getlist("pictures") if isinstance(part, UploadFile)]
        if not files:
            raise RequestError(422, "No picture", "The form must hold at least one file called “pictures”.")
        return [await file.read() for file in files]


def _parse_json(body: bytes) -> tuple[list[Upload], bool]:
    """The uploads, and whether all digits of each are asked for."""
    if body.count(b",") > MAX_VALUES:
        raise RequestError(413, "Too large", f"A request may hold {MAX_VALUES:,} values. Send less at once.")
    try:
        parsed = PredictRequest.model_validate_json(body)
    except ValidationError as error:
        every = error.errors(include_url=False, include_input=False, include_context=False)
        first = max(every, key=lambda one: len(one["loc"]))  # a digit's number rather than "this is no file"
        place = ".".join(map(str, first["loc"]))
        raise RequestError(422, "Not what was asked for", f"{place or 'The body'}: {first['msg']}.") from error
    uploads = [_decode_base64(one) if isinstance(one, str) else np.array(one, np.uint8) for one in parsed.pictures]
    return uploads, parsed.all


def _decode_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _check_pixels(uploads: list[Upload]) -> None:
    """Of all images together, by their headers."""
    n_pixels = 0
    for upload in uploads:
        with contextlib.suppress(ImageError):
            image = open_image(upload, IMAGE_FORMATS) if isinstance(upload, bytes) else None
            n_pixels += image.width * image.height if image else 0
    if n_pixels > MAX_TOTAL_PIXELS:
        raise RequestError(
            413, "Too large", f"A request may hold {MAX_TOTAL_PIXELS // 1_000_000} million pixels. Send less at once."
        )


def _predict(bundle: ModelBundle, body: bytes | list[Upload], reads_all: bool) -> PredictResponse:
    uploads, asked = _parse_json(body) if isinstance(body, bytes) else (body, False)
    _check_pixels(uploads)
    found = _find_in_each(uploads, reads_all or asked)
    every = [one.digit for digits, _ in found for one in digits]
    probabilities = _load_predictor(bundle.name).probabilities(np.array(every, np.uint8).reshape(-1, SIDE, SIDE))
    rows = iter(probabilities.astype(float).round(6).tolist())
    answers, threshold = [], bundle.card.confidence_threshold
    for picture, (digits, problem) in enumerate(found):
        if problem:
            answers.append(Prediction(picture=picture, problem=problem))
        answers += [_prediction(picture, one, next(rows), threshold) for one in digits]
    return PredictResponse(model=bundle.name, version=version_of(bundle), answers=answers)


def _prediction(picture: int, found: FoundDigit, row: list[float], threshold: float) -> Prediction:
    return Prediction(
        picture=picture,
        digit=row.index(max(row)),
        unsure=max(row) < threshold,
        probabilities=row,
        box=found.box,
        digits_found=found.n_found,
    )


def _find_in_each(uploads: list[Upload], reads_all: bool) -> list[tuple[list[FoundDigit], str]]:
    """`_find_digits` of each upload, as long as there are few enough to predict."""
    found, n = [], 0
    for upload in uploads:
        found.append(_find_digits(upload, reads_all))
        n += len(found[-1][0])
        if n > MAX_DIGITS:
            raise RequestError(413, "Too large", f"A request may hold {MAX_DIGITS:,} digits. Send less at once.")
    return found


def _find_digits(upload: Upload, reads_all: bool) -> tuple[list[FoundDigit], str]:
    """The digits of an upload; where there are none, why."""
    try:
        if isinstance(upload, bytes):
            found = ink_from_file(upload, IMAGE_FORMATS).digits(every=reads_all)
        else:
            found = [FoundDigit(upload, (0, 0, SIDE, SIDE), 1)] if upload.any() else []
    except UnreadableImageError:
        return [], NO_PICTURE
    except ImageError as error:
        return [], str(error)
    return found, "" if found else BLANK


@functools.cache
def _load_model(name: str) -> ModelBundle:
    try:
        return registry.load(name)
    except ModelError as error:
        detail = f"There is no model of this name. There are: {', '.join(registry.names())}."
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
    return _problem(500, "Failed", "This server could not answer. Its log says why.")


@app.exception_handler(RequestValidationError)
async def _on_invalid_query(request: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    return _problem(422, "Not what was asked for", f"{'.'.join(map(str, first['loc']))}: {first['msg']}.")


@app.exception_handler(HTTPException)
async def _on_http_error(request: Request, error: HTTPException) -> JSONResponse:
    detail = str(error.detail).rstrip(".")
    response = _problem(error.status_code, detail, f"{request.method} {request.url.path}: {detail}.")
    response.headers.update(error.headers or {})
    return response


@app.exception_handler(DigitLabError)
async def _on_library_error(request: Request, error: DigitLabError) -> JSONResponse:
    return _problem(500, "Not possible now", str(error))
