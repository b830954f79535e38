"""A REST API that reads digits as the Draw page does. `server.py` mounts it beside the dashboard, under /api.

Errors are JSON as of RFC 9457 (application/problem+json). Nothing that is sent is kept or logged.
"""

import base64
import binascii
import contextlib
import functools
import io
import os
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from PIL import Image
from pydantic import BaseModel, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from digitcore import models
from digitcore.errors import DigitLabError, ModelError, PictureError
from digitcore.images import MAX_PIXELS, SIDE, digit_from_image
from digitcore.predictor import Predictor

MOST_BYTES = 5_000_000  # of a request
MOST_PICTURES = 100
MOST_PIXELS = MAX_PIXELS  # of all pictures together: a small file may hold a very large one
RATE, RATE_VARIABLE = "600/minute", "DIGITLAB_API_RATE"
FORMATS = ["PNG", "JPEG"]
PROBLEM = "application/problem+json"
UNREADABLE = OSError, ValueError, SyntaxError, Image.DecompressionBombError

Row = Annotated[list[Annotated[int, Field(ge=0, le=255, strict=True)]], Field(min_length=SIDE, max_length=SIDE)]
Encoded = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]*={0,2}$")]
Digit = Annotated[list[Row], Field(min_length=SIDE, max_length=SIDE)]


class Pictures(BaseModel, extra="forbid"):
    """What a JSON request holds."""

    pictures: Annotated[list[Encoded | Digit], Field(min_length=1, max_length=MOST_PICTURES)] = Field(
        description="Each a PNG or JPEG file in base64, or a digit: 28 rows of 28 numbers, 0 paper to 255 ink."
    )


class Answer(BaseModel):
    """What the model makes of one picture."""

    digit: int | None = Field(description="The best guess; null when the picture is blank or cannot be read.", ge=0, le=9)
    unsure: bool = Field(description="Whether the best guess lies below the model's threshold.")
    probabilities: list[float] = Field(description="Of the digits 0 to 9; empty where there is no guess.", max_length=10)
    problem: str | None = Field(description="Why there is no guess; one bad picture does not spoil the others.")


class Answers(BaseModel):
    """Answers in the order of the pictures."""

    model: str
    version: str = Field(description="Tells files of the same name apart: the beginning of the model's SHA-256.")
    answers: list[Answer]


class Model(BaseModel):
    """A model of the shelf."""

    name: str
    version: str
    parameters: int
    lesson: str
    mnist_accuracy: float | None
    unsure_below: float


class Health(BaseModel):
    """That the server answers."""

    status: str


class Problem(BaseModel):
    """An error, as of RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class Refused(Exception):
    """A request that is answered with a problem."""

    def __init__(self, status: int, title: str, detail: str, headers: dict[str, str] | None = None):
        super().__init__(detail)
        self.status, self.title, self.detail, self.headers = status, title, detail, headers or {}


def _may_fail(*codes: int) -> dict[int | str, dict[str, Any]]:
    schema = Problem.model_json_schema()
    return {code: {"description": "A problem", "content": {PROBLEM: {"schema": schema}}} for code in codes}


_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": Pictures.model_json_schema()},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["pictures"],
                    "properties": {
                        "pictures": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "minItems": 1,
                            "maxItems": MOST_PICTURES,
                        }
                    },
                }
            },
            "image/png": {"schema": {"type": "string", "format": "binary"}},
            "image/jpeg": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}

app = FastAPI(
    title="Digit Lab",
    version="1",
    description="Reads handwritten digits. Pictures of any size and either polarity become digits as on the Draw page.",
)
_limiter = MovingWindowRateLimiter(MemoryStorage())


@app.get("/v1/models", responses=_may_fail(429))
def list_models(request: Request) -> list[Model]:
    """The models that answer."""
    _count(request)
    return [_about(bundle) for bundle in map(_bundle, models.names())]


@app.post("/v1/predict", responses=_may_fail(400, 404, 413, 415, 422, 429), openapi_extra=_BODY)
async def predict(request: Request, model: Annotated[str, Query(max_length=40)] = "genius") -> Answers:
    """Which digits are these? One PNG or JPEG as the body, several as a form's `pictures`, or either in JSON."""
    _count(request)
    bundle = await run_in_threadpool(_bundle, model)
    pictures = await _pictures(request)
    return await run_in_threadpool(_answers, bundle, pictures)


@app.get("/healthz")
def health() -> Health:
    """Whether the server is up and its best model can be opened."""
    _predictor("genius")
    return Health(status="ok")


def _count(request):
    try:
        limit = parse(os.environ.get(RATE_VARIABLE) or RATE)
    except ValueError as error:
        raise Refused(500, "Set up wrongly", f"{RATE_VARIABLE} must be a rate such as {RATE}.") from error
    if not _limiter.hit(limit, request.client.host if request.client else "nobody"):
        wait = {"retry-after": str(limit.get_expiry())}
        raise Refused(429, "Too many requests", f"This server allows {limit} from one address. Wait a moment.", wait)


async def _pictures(request) -> list[bytes | np.ndarray]:
    """What the body holds: files' bytes, or digits, (28, 28) uint8."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _from_form(request)
    if kind in ("image/png", "image/jpeg"):
        return [await _body(request)]
    if kind == "application/json":
        return _from_json(await _body(request))
    raise Refused(415, "Unsupported media type", "Send image/png, image/jpeg, multipart/form-data or application/json.")


async def _body(request) -> bytes:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        _check_size(len(data))
    return bytes(data)


def _check_size(size):
    if size > MOST_BYTES:
        raise Refused(413, "Too large", f"A request may hold {MOST_BYTES // 1_000_000} MB. Send less at once.")


async def _from_form(request):
    announced = request.headers.get("content-length", "")
    if not announced.isdigit():
        raise Refused(400, "No length", "A form needs a content-length header.")
    _check_size(int(announced))
    async with request.form(max_files=MOST_PICTURES, max_fields=MOST_PICTURES) as form:
        files = [part for part in form.getlist("pictures") if isinstance(part, UploadFile)]
        if not files:
            raise Refused(422, "No picture", "The form must hold at least one file called “pictures”.")
        return [await file.read() for file in files]


def _from_json(body):
    try:
        found = Pictures.model_validate_json(body).pictures
    except ValidationError as error:
        every = error.errors(include_url=False, include_input=False, include_context=False)
        first = max(every, key=lambda one: len(one["loc"]))  # a digit's number rather than "this is no file"
        place = ".".join(map(str, first["loc"]))
        raise Refused(422, "Not what was asked for", f"{place or 'The body'}: {first['msg']}.") from error
    return [_decoded(one) if isinstance(one, str) else np.array(one, np.uint8) for one in found]


def _decoded(text):
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _opened(picture):
    """Its header is read, its pixels are not yet; a picture that cannot be read becomes None, a digit stays one."""
    with contextlib.suppress(*UNREADABLE):
        return Image.open(io.BytesIO(picture), formats=FORMATS) if isinstance(picture, bytes) else picture


def _check_pixels(pictures):
    sizes = [one.width * one.height for one in pictures if isinstance(one, Image.Image)]
    if sum(size for size in sizes if size <= MAX_PIXELS) > MOST_PIXELS:  # larger ones are refused by themselves
        raise Refused(413, "Too large", f"A request may hold {MOST_PIXELS // 1_000_000} million pixels. Send less at once.")


def _answers(bundle, pictures) -> Answers:
    pictures = [_opened(one) for one in pictures]
    _check_pixels(pictures)
    digits = [_digit(one) for one in pictures]
    here = [one for one in digits if not isinstance(one, str)]
    found = iter(_predictor(bundle.name).probabilities(np.stack(here)).astype(float).round(6).tolist() if here else [])
    answers = [_without_guess(one) if isinstance(one, str) else _guess(next(found), bundle.card.unsure_below) for one in digits]
    return Answers(model=bundle.name, version=_version(bundle), answers=answers)


def _guess(row, unsure_below):
    return Answer(digit=row.index(max(row)), unsure=max(row) < unsure_below, probabilities=row, problem=None)


def _without_guess(problem):
    return Answer(digit=None, unsure=True, probabilities=[], problem=problem)


def _digit(picture) -> np.ndarray | str:
    """The digit of a picture, (28, 28) uint8, or why there is none."""
    if picture is None:
        return "This is no PNG or JPEG that can be read."
    try:
        digit = digit_from_image(picture) if isinstance(picture, Image.Image) else picture
    except PictureError as error:
        return str(error)
    return digit if digit is not None and digit.any() else "The picture is blank."


@functools.cache
def _bundle(name):
    try:
        return models.load(name)
    except ModelError as error:
        raise Refused(404, "No such model", f"There is no model of this name. There are: {', '.join(models.names())}.") from error


@functools.cache
def _predictor(name) -> Predictor:
    return _bundle(name).predictor()


def _about(bundle) -> Model:
    card = bundle.card
    return Model(
        name=card.name,
        version=_version(bundle),
        parameters=card.parameters,
        lesson=card.lesson,
        mnist_accuracy=card.figures.get("mnist_accuracy"),
        unsure_below=card.unsure_below,
    )


def _version(bundle):
    return bundle.hash[:12]


def _problem(status, title, detail):
    content = Problem(title=title, status=status, detail=detail).model_dump()
    return JSONResponse(content, status_code=status, media_type=PROBLEM)


@app.exception_handler(Refused)
async def _refused(request: Request, error: Refused):
    response = _problem(error.status, error.title, error.detail)
    response.headers.update(error.headers)
    return response


@app.exception_handler(Exception)
async def _unforeseen(request: Request, error: Exception):
    return _problem(500, "Failed", "This server could not answer. Its log says why.")


@app.exception_handler(RequestValidationError)
async def _not_valid(request: Request, error: RequestValidationError):
    first = error.errors()[0]
    return _problem(422, "Not what was asked for", f"{'.'.join(map(str, first['loc']))}: {first['msg']}.")


@app.exception_handler(HTTPException)
async def _http(request: Request, error: HTTPException):
    detail = str(error.detail).rstrip(".")
    response = _problem(error.status_code, detail, f"{request.method} {request.url.path}: {detail}.")
    response.headers.update(error.headers or {})
    return response


@app.exception_handler(DigitLabError)
async def _in_words(request: Request, error: DigitLabError):
    return _problem(500, "Not possible now", str(error))
