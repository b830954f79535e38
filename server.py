"""The dashboard with its REST API beside it: `streamlit run server.py`, or `uvicorn server:app`.

Streamlit Community Cloud runs `streamlit_app.py` alone; then there is no API.
"""

from pathlib import Path

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.routing import Mount, Route

from digitcore import api

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


async def health(request):
    """Whether the server is up."""
    await api.run_in_threadpool(api.health)
    return api.JSONResponse({"status": "ok"})


app = st.App(
    Path(__file__).with_name("streamlit_app.py"),
    routes=[Route("/healthz", health), Mount("/api", app=api.app)],
    middleware=[Middleware(SecurityHeaders)],
)
