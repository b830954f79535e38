import contextlib
import socket

from pages.session import sockets


def is_nodelay(connection):
    return bool(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))


def test_present_and_later_connections_send_without_delay():
    """The socket is created without a protocol, as in Streamlit."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket(socket.AF_INET))
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        accepted = []
        for _ in range(2):
            stack.enter_context(socket.create_connection(listening.getsockname()))
            accepted.append(stack.enter_context(listening.accept()[0]))
            if len(accepted) == 1:
                assert not is_nodelay(accepted[0])
                sockets.send_at_once()
        assert all(map(is_nodelay, accepted))
