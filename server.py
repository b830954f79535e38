"""The server of the dashboard and the REST API.

Start it with `streamlit run server.py` or `uvicorn server:app`. `server.baseUrlPath` is the prefix of all paths. Streamlit
Community Cloud runs `streamlit_app.py` instead, which serves the dashboard without the API.
"""

import functools
import importlib
import logging
import os
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digitcore.config import load_config
from digitcore.errors import ConfigError
from pages.components import assets
from pages.session import connection_limits
from pages.session.upload_limits import RequestedUploads, UploadLimits

ROOT = Path(__file__).resolve().parent
BASE_PATH = "/".join(["", *filter(None, st.get_option("server.baseUrlPath").split("/"))])  # "" or, for example, "/lab"
SECURITY_HEADERS = {
    "referrer-policy": "no-referrer",  # A link to another site must not send the address of a lab.
    "x-content-type-options": "nosniff",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
}
LOOPBACK = "127.0.0.1"
API_HEADERS = {"cache-control": "no-store", "x-frame-options": "DENY"}
API_PATHS = (f"{BASE_PATH}/api", f"{BASE_PATH}/healthz")
HIDDEN_PATHS = (f"{BASE_PATH}/_stcore/metrics",)  # Streamlit's metrics reveal the sessions of other people.
PRELOADED = (
    "pandas",
    "digitcore.storage.database",
    "digitcore.jobs.service",
    "ai_edge_litert.interpreter",
    "ai_edge_litert.schema_py_generated",
)
PAGE_NAMES = sorted(page.stem for page in (ROOT / "pages").glob("[!_]*.py"))


class SecurityHeaders:
    """A middleware that adds the security headers to every response, unless the response already has them.

    Args:
        app: The application.
        embedders: Origins whose pages may show a page of the dashboard in a frame, besides its own origin.
    """

    def __init__(self, app: ASGIApp, embedders: tuple[str, ...] = ()):
        self.app = app
        self.headers = SECURITY_HEADERS | {"content-security-policy": " ".join(["frame-ancestors 'self'", *embedders])}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_api = scope["type"] == "http" and scope["path"].startswith(API_PATHS)
        added = self.headers | (API_HEADERS if is_api else {})

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in added.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)


class ConnectionAddress:
    """A middleware that restores the address of the connection, unless `FORWARDED_ALLOW_IPS` names trusted proxies.

    By default, uvicorn trusts the header `X-Forwarded-For` of requests from this machine. A visitor can write any address into
    this header. The variable cannot be set here, because Streamlit makes uvicorn read it before this module is imported.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and scope["client"] and not os.environ.get("FORWARDED_ALLOW_IPS"):
            forwarded = ",".join(Headers(scope=scope).getlist("x-forwarded-for"))
            if scope["client"][0] in forwarded:
                scope = {**scope, "client": (LOOPBACK, 0)}
        await self.app(scope, receive, send)


class WithoutQuery(logging.Filter):
    """A filter of uvicorn's logs that removes the query of each request and websocket, because it contains the token of a lab."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Remove the query. Every record is logged."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                arg.partition("?")[0] if isinstance(arg, str) and arg.startswith("/") else arg for arg in record.args
            )
        return True


class HiddenPaths:
    """A middleware that responds with status 404 to requests for internal paths.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_hidden = scope["type"] == "http" and scope["path"].startswith(HIDDEN_PATHS)
        app = PlainTextResponse("Not found", 404) if is_hidden else self.app
        await app(scope, receive, send)


class PageHead:
    """A middleware that adds the server's address and the style sheets to every page, so that the layout does not shift.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp):
        self.app = app
        styles = [assets.read(path) for path in assets.STYLE_SHEETS]
        self.head = assets.render("head.html", page_names=PAGE_NAMES, styles=styles).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or "text/html" not in Headers(scope=scope).get("accept", ""):
            await self.app(scope, receive, send)
            return
        uncompressed = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        start: Message | None = None
        body = b""

        async def send_with_head(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_html_page(message):
                start = message
            elif start is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    body = body.replace(b"</head>", self.head + b"</head>", 1)
                    if "content-length" in Headers(raw=start["headers"]):
                        MutableHeaders(scope=start)["content-length"] = str(len(body))
                    await send(start)
                    await send({**message, "body": body})
                    start_preload()

        await self.app({**scope, "headers": uncompressed}, receive, send_with_head)


def _is_html_page(start: Message) -> bool:
    is_html = Headers(raw=start["headers"]).get("content-type", "").startswith("text/html")
    return is_html and start["status"] == 200


@functools.cache
def start_preload() -> threading.Thread:
    """Start a thread that imports the modules of the first page and the first prediction.

    The browser loads Streamlit's scripts during the import. Otherwise, the first run of a page would import the modules while the
    browser waits.

    Returns:
        The started thread.
    """
    thread = threading.Thread(target=lambda: [importlib.import_module(name) for name in PRELOADED], name="preload", daemon=True)
    thread.start()
    return thread


async def load_api() -> ModuleType:
    """Import the API and return its module. It is imported late, because FastAPI would delay the start by half a second."""
    return await run_in_threadpool(_import_api)


def _import_api() -> ModuleType:
    """Import the API, whose trainings use the queue of the pages."""
    api = importlib.import_module("digitcore.api")
    api.api_runs.use_service(importlib.import_module("pages.session.resources").jobs)
    return api


async def call_api(scope: Scope, receive: Receive, send: Send) -> None:
    """Pass a request to the API."""
    app: Any = (await load_api()).app
    await app(scope, receive, send)


async def health(request: Request) -> JSONResponse:
    """Respond with status 200 if the server runs and can open its default model."""
    await run_in_threadpool((await load_api()).health)
    return JSONResponse({"status": "ok"})


async def to_documentation(request: Request) -> RedirectResponse:
    """Redirect the address of the API without a path to its documentation."""
    return RedirectResponse(f"{BASE_PATH}/api/docs")


try:
    config = load_config()
except ConfigError as error:
    raise SystemExit(str(error)) from None

for name in ("uvicorn.access", "uvicorn.error"):  # The second logs websockets.
    logging.getLogger(name).addFilter(WithoutQuery())
connection_limits.limit_connections(round(connection_limits.raise_file_limit() * connection_limits.SHARE_OF_FILES))
requested_uploads = RequestedUploads()
requested_uploads.install()
api = (
    CORSMiddleware(call_api, config.origins("cors_origins"), ("GET", "POST", "DELETE"), ("content-type", "authorization"))
    if config.cors_origins
    else call_api
)
app = st.App(
    ROOT / "streamlit_app.py",
    routes=[
        Route(f"{BASE_PATH}/healthz", health),
        Route(f"{BASE_PATH}/api", to_documentation),
        Mount(f"{BASE_PATH}/api", app=api),
    ],
    middleware=[
        Middleware(ConnectionAddress),
        Middleware(SecurityHeaders, embedders=config.origins("embedders")),
        Middleware(HiddenPaths),
        Middleware(UploadLimits, requested=requested_uploads),
        Middleware(PageHead),
    ],
)
