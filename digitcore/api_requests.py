"""Parts that all paths of the REST API use: errors, parameters, the limits of a request, and the pictures in JSON."""

import asyncio
import base64
import binascii
import contextlib
import json
from collections import Counter
from collections.abc import Awaitable
from typing import Any, TypeVar

import numpy as np
from fastapi import Request
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.types import Message

from digitcore.api_schemas import MAX_IMAGES
from digitcore.config import load_config
from digitcore.data.sample_arrays import scale_to_bytes, to_digit
from digitcore.errors import ImageError
from digitcore.images import SIDE, FoundDigit, ink_from_file
from digitcore.images.decoding import MAX_PIXELS, open_image
from digitcore.values import plural

T = TypeVar("T")
Upload = bytes | np.ndarray  # bytes of a file, or a digit of shape (28, 28), uint8

MAX_BYTES = 15_000_000  # size of a request
MAX_DISCARDED = 3 * MAX_BYTES  # bytes of a request that is too large, which are read and discarded before the answer
BODY_TIMEOUT = 30  # seconds until the body of a request must be complete
MAX_VALUES = 2 * MAX_IMAGES * SIDE * SIDE  # JSON values of a request, because parsing blocks the whole server
MAX_TOTAL_PIXELS = MAX_PIXELS  # pixels of all images of a request, because a small file can contain a very large image
BLANK = "The picture is blank."

rate_limiter = MovingWindowRateLimiter(MemoryStorage())


class RequestError(Exception):
    """An error that the API answers with a problem (RFC 9457).

    Args:
        status: HTTP status code.
        title: Kind of the problem in a few words.
        detail: The reason and the action for the user.
        headers: Additional headers of the response.

    Example:
        >>> RequestError(413, "Too large", "A request may contain 15 MB. Send fewer or smaller pictures.").status
        413
    """

    def __init__(self, status: int, title: str, detail: str, headers: dict[str, str] | None = None):
        super().__init__(detail)
        self.status, self.title, self.detail, self.headers = status, title, detail, headers or {}


def check_parameters(request: Request, names: tuple[str, ...]) -> None:
    """Refuse a request whose address has other or repeated parameters.

    Args:
        request: The request.
        names: Names of the allowed parameters.

    Raises:
        RequestError: If there is another parameter, or a parameter occurs more than once.

    Example:
        >>> check_parameters(Request({"type": "http", "query_string": b"all=true"}), ("all",))
    """
    unknown = next((name for name in request.query_params if name not in names), None)
    if unknown is not None:
        known = f"The parameters are {' and '.join(names)}." if names else "Remove it, because this path has no parameters."
        raise RequestError(422, "Invalid request", f"There is no parameter “{unknown[:40]}”. {known}")
    repeated = next((name for name in names if len(request.query_params.getlist(name)) > 1), None)
    if repeated is not None:
        raise RequestError(422, "Invalid request", f"The parameter “{repeated}” occurs more than once. Give it once.")


def limit_rate(request: Request) -> None:
    """Count a request of its address, and refuse it if the address has sent too many.

    Args:
        request: The request.

    Raises:
        RequestError: If the rate is too high.

    Example:
        >>> limit_rate(Request({"type": "http", "client": ("127.0.0.1", 0)}))
    """
    limit = parse(load_config().api_rate)
    if not rate_limiter.hit(limit, request.client.host if request.client else "unknown"):
        retry = {"retry-after": str(limit.get_expiry())}
        raise RequestError(
            429, "Too many requests", f"The server allows {describe_rate(limit)} from one address. Try again later.", retry
        )


def describe_rate(limit: RateLimitItem) -> str:
    """Return a limit as text.

    Args:
        limit: The limit.

    Example:
        >>> describe_rate(parse("600/minute"))
        '600 requests in 1 minute'
    """
    return f"{limit.amount:,} requests in {plural(limit.multiples, limit.GRANULARITY.name)}"


def limit_body(request: Request) -> Request:
    """Return the request with a limited body. The limit applies to the received bytes, not to the announced length.

    Args:
        request: The request.

    Example:
        >>> limit_body(Request({"type": "http", "method": "POST"})).method
        'POST'
    """
    received = 0

    async def receive() -> Message:
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > MAX_BYTES:
            # A client that still sends when the connection is closed would not get the answer.
            while message.get("more_body") and received < MAX_DISCARDED:
                message = await request.receive()
                received += len(message.get("body", b""))
            raise RequestError(
                413, "Too large", f"A request may contain {MAX_BYTES // 1_000_000} MB. Send fewer or smaller pictures."
            )
        return message

    return Request(request.scope, receive)


async def in_time(reading: Awaitable[T]) -> T:
    """Wait for the body of a request.

    Args:
        reading: The reading of the body.

    Returns:
        The body.

    Raises:
        RequestError: If the body does not arrive in time.

    Example:
        >>> asyncio.run(in_time(asyncio.sleep(0, b"body")))
        b'body'
    """
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            return await reading
    except TimeoutError as error:
        raise RequestError(
            408, "Too slow", f"The body of a request must arrive within {BODY_TIMEOUT} s. Send fewer or smaller pictures."
        ) from error


def check_json(body: bytes) -> None:
    """Refuse JSON with too many values or with repeated names, of which a parser would keep only the last value.

    Args:
        body: The JSON. Invalid JSON is not refused, because the data models report it.

    Raises:
        RequestError: If it has too many values, or an object has a name twice.

    Example:
        >>> check_json(b"[1, 2]")
    """
    if body.count(b",") > MAX_VALUES:
        raise RequestError(413, "Too large", f"A request may contain {MAX_VALUES:,} values. Send fewer pictures.")
    with contextlib.suppress(ValueError, RecursionError):
        json.loads(body, object_pairs_hook=_check_names)


def _check_names(pairs: list[tuple[str, Any]]) -> None:
    counts = Counter(name for name, _ in pairs)
    repeated = next((name for name, n in counts.items() if n > 1), None)
    if repeated is not None:
        raise RequestError(422, "Invalid request", f"The name “{repeated[:40]}” occurs more than once in the JSON. Give it once.")


def to_upload(item: str | list[Any]) -> Upload:
    """Convert a picture in JSON.

    Args:
        item: A file in base64, possibly as a data URL, or 28 × 28 or 784 numbers from 0 to 255 or from 0 to 1.

    Returns:
        The bytes of the file, or (28, 28) uint8. Invalid base64 gives no bytes, which are reported as an unreadable picture.

    Example:
        >>> to_upload("YWJj")
        b'abc'
    """
    return _decode_base64(item) if isinstance(item, str) else _to_array(item)


def _to_array(values: list[Any]) -> np.ndarray:
    array = np.array(values, np.float64).reshape(SIDE, SIDE)
    is_byte = (array == array.round()).all() and array.max() > 1
    return array.astype(np.uint8) if is_byte else scale_to_bytes(array)


def _decode_base64(text: str) -> bytes:
    encoded = text[text.find(",") + 1 :] if text.startswith("data:") else text
    encoded = "".join(encoded.split()).replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b""


def check_pixels(uploads: list[Upload]) -> None:
    """Check the total number of pixels. It is read from the headers of the images before the images are decoded.

    Args:
        uploads: The pictures of a request.

    Raises:
        RequestError: If there are too many pixels.

    Example:
        >>> check_pixels([b"no picture"])
    """
    n_pixels = 0
    for upload in uploads:
        with contextlib.suppress(ImageError):
            image = open_image(upload) if isinstance(upload, bytes) else None
            n_pixels += image.width * image.height if image else 0
    if n_pixels > MAX_TOTAL_PIXELS:
        raise RequestError(
            413,
            "Too large",
            f"A request may contain {MAX_TOTAL_PIXELS // 1_000_000} million pixels. Send fewer or smaller pictures.",
        )


def find_digits(upload: Upload, reads_all: bool) -> tuple[list[FoundDigit], str]:
    """Find the digits of a picture.

    Args:
        upload: The picture.
        reads_all: Whether to return every digit of a picture, and not only the largest.

    Returns:
        The digits and, if no digit was found, the reason.

    Example:
        >>> find_digits(np.zeros((28, 28), np.uint8), reads_all=False)
        ([], 'The picture is blank.')
    """
    try:
        if isinstance(upload, bytes):
            found = ink_from_file(upload).digits(every=reads_all)
        else:
            digit = to_digit(upload)
            found = [] if digit is None else [FoundDigit(digit, (0, 0, SIDE, SIDE), 1)]
    except ImageError as error:
        return [], str(error)
    return found, "" if found else BLANK
