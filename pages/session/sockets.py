"""Settings of the server's network connections."""

import contextlib
import os
import socket

import psutil


def send_at_once() -> None:
    """Switch off Nagle's algorithm for the connections of this process and for connections that it will accept.

    asyncio does this only for sockets that name their protocol, and Streamlit's socket does not. The answer to a stroke consists
    of several small messages. With Nagle's algorithm, the second message waits 40 ms for the acknowledgement of the first.
    Source: J. Nagle, "Congestion control in IP/TCP internetworks", RFC 896 (1984).
    """
    with contextlib.suppress(psutil.Error):
        for connection in psutil.Process().net_connections("tcp"):
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(connection.fd)) as one:
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
