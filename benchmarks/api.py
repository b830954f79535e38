"""Measure the throughput and latency of the REST API, and of the same model behind FastAPI and Keras's `model.predict`.

    python benchmarks/api.py [--requests 600] [--clients 4]

Both servers run under uvicorn, in turns, and get the same PNG of 280 × 280 pixels over persistent connections. Digit Lab's is
measured twice, and the ratio of the two results shows the noise.
"""

import argparse
import contextlib
import http.client
import io
import os
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from digitcore import mnist
from tests.support.browser import free_port

ROOT = Path(__file__).resolve().parent.parent
SERVERS = {"Digit Lab": "server:app", "Digit Lab again": "server:app", "FastAPI + model.predict": "benchmarks.peers.api:app"}
ROUNDS = 3


@contextlib.contextmanager
def running(app: str):
    """Run a server of an application, and yield its port."""
    port = free_port()
    line = [sys.executable, "-m", "uvicorn", app, "--port", str(port), "--log-level", "error"]
    here = os.environ | {"DIGITLAB_API_RATE": "1000000/second", "DIGITLAB_STORE": "off"}
    process = subprocess.Popen(line, cwd=ROOT, env=here, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until_it_answers(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def until_it_answers(port):
    """Wait until the server answers."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2):
            return
        time.sleep(0.1)
    raise TimeoutError(f"No server answers on port {port}.")


def ask(port: int, picture: bytes, count: int) -> list[float]:
    """Send `count` requests from one client and return the seconds that each took."""
    connection, waits = http.client.HTTPConnection("127.0.0.1", port, timeout=30), []
    for _ in range(count):
        begin = time.perf_counter()
        connection.request("POST", "/api/v1/predict", picture, {"content-type": "image/png"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"The server answered with status {answer.status}.")
        waits.append(time.perf_counter() - begin)
    connection.close()
    return waits


def load(port, picture, requests, clients):
    """Return the requests per second and the seconds of each request, with parallel clients."""
    ask(port, picture, 20)
    begin = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        every = pool.map(lambda _: ask(port, picture, requests // clients), range(clients))
        waits = [wait for waits in every for wait in waits]
    return len(waits) / (time.perf_counter() - begin), waits


def main():
    """Measure the servers in turns, and print the medians and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=600, help="requests to each server in each round")
    parser.add_argument("--clients", type=int, default=4)
    options = parser.parse_args()
    file = io.BytesIO()
    Image.fromarray(mnist.load_test()[0][0]).resize((280, 280)).save(file, "PNG")
    found = {name: ([], []) for name in SERVERS}
    for _ in range(ROUNDS):
        for name, app in SERVERS.items():
            with running(app) as port:
                rate, waits = load(port, file.getvalue(), options.requests, options.clients)
                found[name][0].append(rate)
                found[name][1].extend(waits)
    rates = {name: float(np.median(rates)) for name, (rates, _) in found.items()}
    for name, (_, waits) in found.items():
        print(f"{name}: {rates[name]:.0f} requests a second, p95 {1000 * np.quantile(waits, 0.95):.0f} ms")
    ours, again, peer = rates.values()
    print(f"ratio: {ours / peer:.1f} × the requests a second, {options.clients} clients (null ratio: {again / ours:.2f} ×)")


if __name__ == "__main__":
    main()
