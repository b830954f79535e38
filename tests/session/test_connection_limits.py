import asyncio
import contextlib
import resource

import pytest
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from pages.session import connection_limits

REQUEST = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n"


@pytest.fixture
def limit(monkeypatch):
    """Return the function that limits the connections. The limits end with the test."""
    monkeypatch.setattr(H11Protocol, "connection_made", H11Protocol.connection_made)
    return connection_limits.limit_connections


async def answer(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


@contextlib.asynccontextmanager
async def running(application=answer):
    """Start uvicorn, and yield a function that opens a connection."""
    server = uvicorn.Server(uvicorn.Config(application, port=0, lifespan="off", log_config=None, http="h11"))
    started = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield lambda: asyncio.open_connection("127.0.0.1", port)
    server.should_exit = True
    await started


async def is_answered(connection):
    reader, writer = connection
    writer.write(REQUEST)
    return (await reader.readline()).startswith(b"HTTP/1.1 200")


def test_silent_connections_end_and_the_health_check_is_answered(limit):
    limit(max_connections=5, header_seconds=600)

    async def scenario():
        async with running() as connect:
            silent = [await connect() for _ in range(30)]
            assert await is_answered(await connect())
            assert await silent[0][0].read() == b"", "the oldest connection was closed"

    asyncio.run(scenario())


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nhost:", REQUEST, REQUEST + b"GET /"])
def test_headers_have_a_limit_of_time(limit, sent):
    limit(max_connections=100, header_seconds=0.5)  # A busy machine may send the headers late.

    async def scenario():
        async with running() as connect:
            reader, writer = await connect()
            writer.write(sent)
            async with asyncio.timeout(60):
                assert (await reader.read()).startswith(b"HTTP/1.1 200" if REQUEST in sent else b"")

    asyncio.run(scenario())


def test_a_long_answer_is_not_interrupted(limit):
    limit(max_connections=100, header_seconds=1.0)  # A busy machine may send the headers late.

    async def answer_later(scope, receive, send):
        loop = asyncio.get_running_loop()
        checks = asyncio.Event()
        loop.call_later(2.5, checks.set)  # two checks later
        await checks.wait()
        await answer(scope, receive, send)

    async def scenario():
        async with running(answer_later) as connect:
            assert await is_answered(await connect())

    asyncio.run(scenario())


def test_the_soft_limit_of_open_files_is_raised():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    low = min(256, before[1]) if before[1] != resource.RLIM_INFINITY else 256
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (low, before[1]))
        assert connection_limits.raise_file_limit() == resource.getrlimit(resource.RLIMIT_NOFILE)[0] > low
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
