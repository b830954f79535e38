"""The dashboard with its REST API beside it: `streamlit run server.py`, or `uvicorn server:app`.

Streamlit Community Cloud runs `streamlit_app.py` alone; then there is no API.
"""

import importlib
from pathlib import Path

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

HEADERS = {
    "referrer-policy": "no-referrer",  # a lab's address must not leave with a click
    "x-content-type-options": "nosniff",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
OURS = {"cache-control": "no-store", "x-frame-options": "DENY"}  # on our own routes


class SecurityHeaders:
    """Adds them to every response."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        ours = OURS if scope["type"] == "http" and scope["path"].startswith(("/api", "/healthz")) else {}

        async def with_headers(message):
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in (HEADERS | ours).items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, with_headers)


async def load_api():
    """The module of the API, when it is first asked: FastAPI costs the start of every server half a second."""
    return await run_in_threadpool(importlib.import_module, "digitcore.api")


async def answer(scope, receive, send):
    """Hand a request over to the API."""
    await (await load_api()).app(scope, receive, send)


async def health(request):
    """Whether the server is up."""
    await run_in_threadpool((await load_api()).health)
    return JSONResponse({"status": "ok"})


app = st.App(
    Path(__file__).with_name("streamlit_app.py"),
    routes=[Route("/healthz", health), Mount("/api", app=answer)],
    middleware=[Middleware(SecurityHeaders)],
)
