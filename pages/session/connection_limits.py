"""Limits of the connections of the server, so that connections that send nothing do not end it."""

import contextlib
import weakref
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_FILES = 65_536  # soft limit of open files that the server sets, if the hard limit allows it
SHARE_OF_FILES = 0.75  # of the soft limit is for connections; the others are for the database, the workers and files
HEADER_SECONDS = 10.0  # maximum time for the headers of a request
_connection_made = H11Protocol.connection_made


def raise_file_limit() -> int:
    """Raise the soft limit of open files, which is often 1,024.

    Returns:
        The soft limit.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit.
        return MAX_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):  # macOS has a further limit.
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return MAX_FILES if soft == resource.RLIM_INFINITY else soft


def limit_connections(max_connections: int, header_seconds: float = HEADER_SECONDS) -> None:
    """Limit the number of uvicorn's connections and the time for the headers of a request.

    Streamlit creates uvicorn's configuration and passes none of its limits. Before the first request of a connection,
    uvicorn waits without a limit. A connection above the limit replaces the oldest connection that has not sent the headers of a
    request, so that the health check is still answered.

    Args:
        max_connections: Maximum number of connections of this process.
        header_seconds: Maximum time in seconds.
    """
    began: weakref.WeakKeyDictionary[Any, float] = weakref.WeakKeyDictionary()  # s

    def connection_made(self: H11Protocol, transport: Any) -> None:
        _connection_made(self, transport)
        if len(self.connections) > max_connections:
            silent = [one for one in self.connections if one is not self and _is_silent(one)]
            min(silent, key=began.__getitem__, default=self).transport.close()
        began[self] = self.loop.time()
        self.loop.call_later(header_seconds, _close_if_waiting, self, None, header_seconds)

    setattr(H11Protocol, "connection_made", connection_made)  # noqa: B010  # mypy refuses the assignment to a method.


def _is_silent(protocol: Any) -> bool:
    """Return whether the server waits for the headers of a request on this connection. Websockets are not silent."""
    is_waiting = isinstance(protocol, H11Protocol) and protocol.conn.their_state is h11.IDLE
    return is_waiting and not protocol.transport.is_closing()


def _close_if_waiting(protocol: H11Protocol, before: object, seconds: float) -> None:
    """Close a connection on which the server has waited for the same headers since the last check."""
    if protocol.transport.is_closing() or protocol.transport.get_protocol() is not protocol:
        return  # The connection has ended or is a websocket now.
    waited_after = (protocol.cycle,) if _is_silent(protocol) else None
    is_first = before is None and protocol.cycle is None
    if waited_after is not None and (is_first or waited_after == before):
        protocol.transport.close()
        return
    protocol.loop.call_later(seconds, _close_if_waiting, protocol, waited_after, seconds)
