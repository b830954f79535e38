"""The server's network connections."""

import contextlib
import os
import socket

import psutil


def send_at_once() -> None:
    """Switch Nagle's algorithm off for the connections of this process, and for those that it will accept.

    asyncio does so for sockets that name their protocol; Streamlit's does not. The answer to a stroke is several small messages:
    the second would wait for the browser's acknowledgement of the first, which comes after 40 ms.
    Source: J. Nagle, "Congestion control in IP/TCP internetworks", RFC 896 (1984).
    """
    with contextlib.suppress(psutil.Error):
        for connection in psutil.Process().net_connections("tcp"):
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(connection.fd)) as one:
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
