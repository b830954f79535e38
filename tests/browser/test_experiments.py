"""An experiment: build, train, compare and sweep a network, kill the server, and train from the link as another user."""

import csv
import io
import re
from urllib.parse import urlsplit

import psutil

from tests.support.browser import LONG

START = "/Train?start=untrained&mnist_samples=200&epochs=1&validation_samples=100"


def download(person, key_or_label):
    """Download a CSV file from the page, and return its rows."""
    with person.page.expect_download() as found:
        person.page.get_by_role("button", name=key_or_label).first.click()
    return list(csv.DictReader(io.StringIO(found.value.path().read_text("utf-8"))))


def train(person):
    """Press Train when the network is built, and return the rows of the curves."""
    button = person.page.locator(".st-key-train button")
    person.page.wait_for_function("document.querySelector('.st-key-train button')?.disabled === false")
    button.click()
    offered = person.page.get_by_role("button", name="Download curves (CSV)")
    offered.wait_for()
    person.settle()
    rows = download(person, "Download curves (CSV)")
    return [{name: value for name, value in row.items() if name not in ("seconds", "model")} for row in rows]


def kill_all(server):
    """Kill the server and all its child processes."""
    below = psutil.Process(server.process.pid).children(recursive=True)
    server.kill()
    for process in below:
        process.kill()
    psutil.wait_procs(below, timeout=20)


def done(person, n, of):
    person.page.get_by_text(f"{n} of {of} trials done").wait_for(timeout=3 * LONG)


def test_an_experiment_survives_a_killed_server_and_is_repeated_from_its_link(new_person, own_server):
    server = own_server()
    person = new_person(server)
    person.open(START)
    person.choose("Network", "Build my own")
    train(person)

    person.go("Evaluate")
    person.choose("More models", "convnet")
    compared = person.page.locator(".st-key-models").get_by_text("convnet").first
    compared.wait_for(state="attached")

    person.go("Train")
    person.page.locator(".st-key-sweeping label").first.click()
    person.settle()
    person.press("sweep")
    person.page.get_by_text(re.compile("[1-3] of 4 trials done")).wait_for()
    kill_all(server)
    again = own_server(STREAMLIT_SERVER_PORT=str(server.port))
    person.page.reload()
    done(person, 4, 4)
    person.settle()  # The page runs again when its sweep has ended. A click at this moment would be lost.
    rows = download(person, "Download (CSV)")
    assert len(rows) == len({(row["blocks.1.size"], row["blocks.3.dropout"], row["seed"]) for row in rows}) == 4
    assert {row["status"] for row in rows} == {"done"}
    assert all(0 < float(row["validation"]) < 1 for row in rows)
    person.settle()

    person.press("sweep_apply")
    person.settle()
    person.page.get_by_text("Link to these settings").click()
    link = urlsplit(person.page.locator("code", has_text="mnist_samples=200").first.inner_text())
    person.page.keyboard.press("Escape")
    first = train(person)
    other = new_person(again)
    other.open(f"{link.path}?{link.query}")
    assert len(first) > 2
    assert train(other) == first
    assert other.error_messages() == []
