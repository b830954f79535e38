"""Labs outlive a reload, a killed server, and a change of server."""

from tests.support.browser import LONG, Server


def assert_everything_is_there(page):
    """On the page that is open: five drawings and a run, whose model predicts."""
    bar = page.locator(".st-key-bar")
    bar.get_by_text("5 drawings").wait_for(timeout=LONG)
    bar.get_by_text("Active model: run 1").wait_for()
    bar.get_by_text("Saved", exact=True).wait_for()
    assert "Traceback" not in page.inner_text("body")


def test_nothing_is_lost(new_person, postgres, tmp_path):
    """With PostgreSQL; the other tests have SQLite."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    first = Server(tmp_path / "one", DIGITLAB_STORE=postgres)
    second = None
    try:
        person = new_person(first)
        page = person.page
        person.begin()
        for count in range(1, 6):
            digit = (1, 4, 7)[count % 3]
            person.draw(digit)
            person.label(digit, count)
            person.settle()
        person.go("Train")
        person.press("train")
        page.get_by_text("Trained on your 5 drawings and 500 MNIST digits").wait_for(timeout=LONG)
        assert "lab=" in page.url
        assert_everything_is_there(page)

        page.reload()
        assert_everything_is_there(page)
        page.get_by_text("Trained on your 5 drawings").wait_for()

        first.kill()
        second = Server(tmp_path / "two", DIGITLAB_STORE=postgres)
        page.goto(page.url.replace(first.url, second.url))
        assert_everything_is_there(page)
        person.go("Draw")
        person.wait_for_drawings(5)
        assert person.draw(4)
    finally:
        first.stop()
        if second:
            second.stop()


def test_an_open_page_works_again_after_a_restart(new_person, tmp_path):
    server, again = Server(tmp_path), None
    try:
        person = new_person(server)
        page = person.page
        person.begin()
        person.draw(4)
        person.label(4, 1)
        person.bar().get_by_text("Saved", exact=True).wait_for()
        server.kill()
        again = Server(tmp_path, STREAMLIT_SERVER_PORT=str(server.port))
        page.wait_for_event("load", timeout=LONG)
        person.wait_for_drawings(1)
        person.find_canvas()
        person.settle(1000)
        person.draw(4)
        person.label(4, 2)
    finally:
        for running in filter(None, (server, again)):
            running.stop()


def test_training_and_slider_survive_a_reload(person):
    """The last move of a slider before a reload, and the training that runs."""
    page = person.page
    person.begin()
    person.draw(4)
    person.label(4, 1)
    person.go("Train")
    person.slide("epochs", *["ArrowRight"] * 7)
    person.start_long_training()
    page.locator(".st-key-training").get_by_text("Epoch 1 of 9").wait_for(timeout=LONG)
    page.reload()
    page.locator(".st-key-training").get_by_text("Epoch 1 of 9").wait_for(timeout=LONG)
    assert page.locator(".st-key-epochs").get_by_text("9", exact=True).first.is_visible()
    page.locator(".st-key-training").get_by_role("button", name="Stop").click()
    page.locator(".st-key-training").get_by_text("Stopped early").wait_for(timeout=LONG)
