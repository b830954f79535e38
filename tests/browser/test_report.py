"""The report of an experiment: draw, train, sweep, write the report, and open it from the disk without a network."""

import csv
import io
import re

from digitcore.values import percent
from tests.support.browser import LONG, QUICK

START = f"/Draw?start=untrained&{QUICK}"


def test_the_report_shows_the_numbers_of_the_page_without_a_network(person, browser, tmp_path):
    from axe_playwright_python.sync_playwright import Axe

    page = person.page
    person.begin(START)
    for count, digit in enumerate((4, 7), start=1):
        person.draw(digit)
        person.label(digit, count)
    person.go("Train")
    person.press("train")
    page.locator(".st-key-training").get_by_text("Started from untrained mlp").wait_for()
    person.settle()
    page.locator(".st-key-sweeping label").first.click()
    person.settle()
    person.press("sweep")
    page.get_by_text(re.compile(r"^(\d+) of \1 trials done")).wait_for(timeout=3 * LONG)

    person.go("Evaluate")
    page.locator(".st-key-write_report").wait_for()
    page.get_by_role("button", name="Predictions (CSV)", disabled=False).wait_for()  # Both models are evaluated.
    person.settle()
    with page.expect_download() as found:
        person.press("scores_csv")
    rows = list(csv.DictReader(io.StringIO(found.value.path().read_text("utf-8"))))
    person.press("write_report")
    page.locator(".st-key-download_report").wait_for()
    with page.expect_download() as found:
        person.press("download_report")
    found.value.save_as(tmp_path / "report.html")
    assert person.error_messages() == []

    offline = browser.new_context(offline=True)
    requests = []
    report = offline.new_page()
    report.on("request", lambda request: requests.append(request.url))
    report.goto((tmp_path / "report.html").as_uri())
    text = report.locator("main").inner_text()
    names = [row["Model"] for row in rows]
    scores = {
        row.locator("th").inner_text(): row.locator("td").all_inner_texts()
        for row in report.locator("#scores ~ .wide tbody tr").all()
    }
    assert names[:2] == ["untrained mlp", "run 1"]
    assert scores["MNIST accuracy"] == [percent(float(row["MNIST"]), 2) for row in rows]
    assert scores["MNIST loss (nats)"] == [f"{float(row['Loss']):.4f}" for row in rows]
    assert scores["Drawings (training)"] == [f"{round(2 * float(row['Your handwriting']))} of 2" for row in rows]
    assert "Effect of each parameter" in text
    settings = QUICK.partition("&")[2].replace("&", " ")
    assert f"digitlab train --network mlp --samples drawings.npz --set {settings} --out run-1" in text
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert Axe().run(report).response["violations"] == []
    offline.close()
