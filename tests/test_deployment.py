"""Deployments as docs/deployment.md and the Dockerfile describe them.

No test needs Docker: the instructions of the Dockerfile are run without it. Its folders are in a temporary folder, its user is
used if this process may change its user, and the installed packages are the packages of the tests.

Other tests run the proxy with a prefix (`tests/browser/test_other_origins.py`), the settings of Streamlit Community Cloud
(`tests/browser/test_drawing.py`), and the change of the server (`tests/browser/test_persistence.py`).
"""

import contextlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from PIL import Image

from tests.support.browser import free_port
from tests.support.jobs import PATIENCE, until

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[1]
PORT = "8501"  # of the Dockerfile
# A program in the place of `make run`: it trains and stores on a server as the dashboard does.
SERVER = """
import socket, sys
from digitcore.config import load_config
from digitcore.jobs.service import JobService
from digitcore.storage.database import LabStore
from digitcore.storage.snapshot import LabSnapshot
from tests.support.jobs import answers, until

def is_up():
    try:
        return socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=1)
    except OSError:
        return None

until(is_up)
service, store = JobService(), LabStore.from_url(load_config().store)
until(lambda: service.worker_count() or service.warm_up())
assert answers(service)
if not store.load("lab"):
    store.save("lab", LabSnapshot(preferences={"epochs": 3}))
print("stored", store.load("lab").snapshot.preferences["epochs"], "with", service.worker_count(), "worker")
service.close()
"""


def read_dockerfile():
    """Return the instructions of the Dockerfile as pairs of a name and a text."""
    lines = (ROOT / "Dockerfile").read_text().replace("\\\n", "").splitlines()
    return [tuple(line.split(maxsplit=1)) for line in lines if line.strip() and not line.startswith("#")]


def copy_context(folder):
    """Copy the files that `docker build` sees."""
    ignored = [line.removeprefix("**/") for line in (ROOT / ".dockerignore").read_text().split()]
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*ignored, "benchmarks.md"), symlinks=True)


def list_files(folder):
    return {path.relative_to(folder): path.stat().st_mtime_ns for path in folder.rglob("*")}


def find_user(number):
    """Return the arguments of a process that runs as this user, or as this process if it may not change its user."""
    options = {"user": number, "group": number, "extra_groups": []}
    with contextlib.suppress(OSError):
        subprocess.run([sys.executable, "-c", ""], check=True, **options)
        return options
    return {}


def test_the_container_recipe_serves_and_writes_only_to_its_volume(tmp_path):
    recipe = read_dockerfile()
    values = dict(recipe)
    assert int(values["USER"]) > 0, "the container must not run as root"
    for name, text in recipe:
        if name == "COPY" and text != ". .":
            assert (ROOT / text.split()[0]).exists()
    app, home, temporary = (tmp_path / name for name in ("app", "home", "tmp"))
    copy_context(app)
    for folder in (home / "data", temporary):
        folder.mkdir(parents=True)
    user = find_user(int(values["USER"]))
    if user:
        for folder in (home, home / "data", temporary):
            os.chown(folder, user["user"], user["group"])
    before, port = list_files(app), str(free_port())
    environment = dict(item.replace("/home/lab", str(home)).split("=", 1) for item in shlex.split(values["ENV"]))
    environment |= {"PATH": os.environ["PATH"], "TMPDIR": str(temporary)}

    def to_command(text):
        words = json.loads(text[text.index("[") :])
        return [sys.executable if word == "python" else word.replace(PORT, port) for word in words]

    options = {"cwd": app, "env": environment, **user}
    with (tmp_path / "log").open("w") as log:
        container = subprocess.Popen(to_command(values["CMD"]), stdout=log, stderr=log, **options)
    try:
        check = to_command(values["HEALTHCHECK"])
        until(lambda: subprocess.run(check, stderr=subprocess.DEVNULL, **options).returncode == 0)
        url = f"http://127.0.0.1:{port}"
        with urllib.request.urlopen(f"{url}/Draw", timeout=PATIENCE) as answer:
            assert b"<html" in answer.read()
        picture = io.BytesIO()
        Image.new("L", (28, 28)).save(picture, "PNG")
        request = urllib.request.Request(f"{url}/api/v1/predict", picture.getvalue(), {"content-type": "image/png"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            assert answer.status == 200
        container.terminate()
        container.wait(PATIENCE)
    finally:
        container.kill()
        container.wait()
    assert list_files(app) == before
    assert [path.name for path in home.iterdir()] == ["data"]


def test_several_servers_share_a_cluster_with_tls_and_a_database(tmp_path, postgres):
    """The commands are those of the documentation, with the addresses of this machine."""
    text = (ROOT / "docs" / "deployment.md").read_text()
    (block,) = [found for found in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "dask scheduler" in found]
    (tmp_path / "server.py").write_text(SERVER)
    port = free_port()
    replaced = {
        "--host tls://10.0.0.5": f"--host tls://127.0.0.1 --port {port}",
        "10.0.0.5:8786": f"127.0.0.1:{port}",
        "--host 10.0.0.6": "--host 127.0.0.1",
        "STREAMLIT_SERVER_ADDRESS=10.0.0.7 make run": f"python server.py {port} && python server.py {port}",
        "postgresql://lab:secret@db/labs": postgres,
        "365 -subj": "2 -subj",
        ".venv/bin/python": "python",
    }
    for old, new in replaced.items():
        assert old in block
        block = block.replace(old, new)
    block = re.sub(r"(dask (?:scheduler|worker) [^#\n]*)", r"\1 &", block).replace("python", sys.executable)
    script = f"trap 'kill -KILL $(jobs -p); wait' EXIT\nset -e\n{block}"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=4 * PATIENCE, check=False
    )
    assert done.stdout.splitlines() == ["stored 3 with 1 worker"] * 2, done.stderr[-2000:]
    assert done.returncode == 0
