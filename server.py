"""The server of the dashboard and the REST API.

Start it with `streamlit run server.py` or `uvicorn --no-proxy-headers server:app`. Streamlit Community Cloud runs
`streamlit_app.py` instead, which serves the dashboard without the API.
"""

import functools
import importlib
import os
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digitcore.config import load_config
from digitcore.errors import ConfigError
from pages.components import assets

ROOT = Path(__file__).resolve().parent
SECURITY_HEADERS = {
    "content-security-policy": "frame-ancestors 'self'",  # Other sites must not show a page in a frame.
    "referrer-policy": "no-referrer",  # A link to another site must not send the address of a lab.
    "x-content-type-options": "nosniff",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
}
API_HEADERS = {"cache-control": "no-store", "x-frame-options": "DENY"}
API_PATHS = ("/api", "/healthz")
HIDDEN_PATHS = ("/_stcore/metrics",)  # Streamlit's metrics reveal the sessions of other people.
PRELOADED = ("pandas", "digitcore.storage.database", "digitcore.jobs.service", "ai_edge_litert.interpreter")
PAGE_NAMES = sorted(page.stem for page in (ROOT / "pages").glob("[!_]*.py"))


class SecurityHeaders:
    """A middleware that adds the security headers to every response, unless the response already has them."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_api = scope["type"] == "http" and scope["path"].startswith(API_PATHS)
        added = SECURITY_HEADERS | (API_HEADERS if is_api else {})

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in added.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)


class HiddenPaths:
    """A middleware that answers 404 for internal paths."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_hidden = scope["type"] == "http" and scope["path"].startswith(HIDDEN_PATHS)
        app = PlainTextResponse("Not found", 404) if is_hidden else self.app
        await app(scope, receive, send)


class PageHead:
    """A middleware that adds the server's address and the style sheets to every page, so that the layout does not shift later."""

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
    """Import what the first page and the first stroke need, while the browser loads Streamlit's scripts.

    The page's script would import it later, when the browser waits for the page.
    """
    thread = threading.Thread(target=lambda: [importlib.import_module(name) for name in PRELOADED], name="preload", daemon=True)
    thread.start()
    return thread


async def load_api() -> ModuleType:
    """Import the API when it is first used, because FastAPI would delay the start of the server by half a second."""
    return await run_in_threadpool(importlib.import_module, "digitcore.api")


async def call_api(scope: Scope, receive: Receive, send: Send) -> None:
    """Pass a request to the API."""
    app: Any = (await load_api()).app
    await app(scope, receive, send)


async def health(request: Request) -> JSONResponse:
    """Answer whether the server runs and can open its default model."""
    await run_in_threadpool((await load_api()).health)
    return JSONResponse({"status": "ok"})


# By default uvicorn trusts the client address in the headers of a request from this machine.
os.environ.setdefault("FORWARDED_ALLOW_IPS", "")

try:
    load_config()
except ConfigError as error:
    raise SystemExit(str(error)) from None

app = st.App(
    ROOT / "streamlit_app.py",
    routes=[Route("/healthz", health), Mount("/api", app=call_api)],
    middleware=[Middleware(SecurityHeaders), Middleware(HiddenPaths), Middleware(PageHead)],
)
