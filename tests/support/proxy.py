"""A reverse proxy with https in front of a server: nginx if it is installed, otherwise a small proxy in Python."""

import asyncio
import contextlib
import datetime
import ipaddress
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.browser import free_port

HOST = "127.0.0.1"
# The settings that docs/deployment.md gives.
NGINX = """
daemon off; pid {folder}/nginx.pid; error_log stderr warn; {user}
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
  server {{
    listen {host}:{port} ssl;
    ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
    location {path} {{
      proxy_pass http://{upstream};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_read_timeout 1h;
      client_max_body_size 100m;
    }}
  }}
}}
"""


def nginx() -> str | None:
    """Return the path of nginx, or None."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


class HttpsProxy:
    """A proxy at https://127.0.0.1 that forwards a path to a server."""

    def __init__(self, folder: Path, upstream_port: int, path: str):
        self.port, self.folder = free_port(), folder
        self.url = f"https://{HOST}:{self.port}{path.rstrip('/')}"
        write_certificate(folder)
        self._process: subprocess.Popen | None = None
        upstream = f"{HOST}:{upstream_port}"
        if (command := nginx()) is None:
            self._start_in_python(upstream_port)
            return
        user = "user root;" if os.geteuid() == 0 else ""
        text = NGINX.format(folder=folder, host=HOST, port=self.port, path=path, upstream=upstream, user=user)
        (folder / "nginx.conf").write_text(text)
        self._process = subprocess.Popen([command, "-c", str(folder / "nginx.conf"), "-p", str(folder)])
        self._wait_until_up()

    def _wait_until_up(self) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), timeout=1):
                return
            time.sleep(0.05)
        raise TimeoutError("nginx does not accept connections")

    def _start_in_python(self, upstream_port: int) -> None:
        """Start a proxy in this process that decrypts TLS and forwards the bytes."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "cert.pem", self.folder / "key.pem")
        self._loop = asyncio.new_event_loop()

        async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while data := await reader.read(65536):
                    writer.write(data)
                    await writer.drain()
            finally:
                writer.close()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            up_reader, up_writer = await asyncio.open_connection(HOST, upstream_port)
            await asyncio.gather(pump(reader, up_writer), pump(up_reader, writer), return_exceptions=True)

        threading.Thread(target=self._loop.run_forever, daemon=True).start()  # Playwright uses the event loop of the tests.
        starting = asyncio.start_server(serve, HOST, self.port, ssl=context)
        asyncio.run_coroutine_threadsafe(starting, self._loop).result(20)

    def stop(self) -> None:
        """Stop the proxy."""
        if self._process is None:
            self._loop.call_soon_threadsafe(self._loop.stop)
        else:
            self._process.terminate()
            self._process.wait(20)


def write_certificate(folder: Path) -> None:
    """Write cert.pem and key.pem for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))])
    certificate = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, pem, serialization.NoEncryption()))
