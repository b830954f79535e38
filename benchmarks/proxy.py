"""A proxy before several servers, for benchmarks."""

import asyncio
import contextlib
import threading

CHUNK = 65_536  # bytes


class Proxy(threading.Thread):
    """A proxy with an address for each client, which always leads to the same server, as sticky sessions of a load balancer do.

    If the server of a client does not accept a connection, the next server gets it.

    Args:
        ports: Ports of the servers.
        n_clients: Number of clients. The server of a client follows from its number.

    Attributes:
        urls: The address of each client.
    """

    def __init__(self, ports: list[int], n_clients: int):
        super().__init__(name="proxy", daemon=True)
        self._ports, self._n_clients = ports, n_clients
        self.urls: list[str] = []
        self._is_ready = threading.Event()
        self.start()
        self._is_ready.wait()

    def run(self):
        """Listen until the process ends."""
        asyncio.run(self._listen())

    async def _listen(self) -> None:
        servers = []
        for number in range(self._n_clients):
            server = await asyncio.start_server(lambda *ends, number=number: self._connect(number, *ends), "127.0.0.1", 0)
            servers.append(server)
            self.urls.append(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        self._is_ready.set()
        await asyncio.gather(*(server.serve_forever() for server in servers))

    async def _connect(self, client: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass a connection to the client's server, or to the next one that accepts it."""
        for offset in range(len(self._ports)):
            with contextlib.suppress(OSError):
                port = self._ports[(client + offset) % len(self._ports)]
                from_server, to_server = await asyncio.open_connection("127.0.0.1", port)
                await asyncio.gather(_copy(reader, to_server), _copy(from_server, writer))
                return
        writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
    writer.close()
