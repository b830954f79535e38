"""Labs survive a reload of the page, a killed server, and a change of the server."""

from tests.support.browser import ERRORS, QUICK, WITHOUT_WORKER

ANSWER_TIMEOUT = 5000  # ms, as in `pages/components/canvas/connection.js`


def assert_everything_is_there(page):
    """Check that the open page shows the two drawings and the run."""
    bar = page.locator(".st-key-bar")
    bar.get_by_text("2 drawings").wait_for()
    bar.get_by_role("button", name="Reading: run 1").wait_for()
    bar.get_by_text("Saved", exact=True).wait_for()
    assert page.locator(ERRORS).count() == 0


def test_a_second_server_opens_the_lab_of_a_killed_server(new_person, own_server, postgres):
    """The servers share a PostgreSQL database. All other tests use SQLite."""
    first = own_server(DIGITLAB_STORE=postgres)
    person = new_person(first)
    page = person.page
    person.begin(f"/Draw?start=untrained&{QUICK}")
    for count, digit in enumerate((4, 7), start=1):
        person.draw(digit)
        person.label(digit, count)
        person.settle()
    person.go("Train")
    person.press("train")
    page.get_by_text("Trained on your 2 drawings and 200 MNIST digits").wait_for()
    assert "lab=" in page.url
    assert_everything_is_there(page)
    person.go("Draw")
    answer = person.draw(4)[-1]
    person.go("Train")

    page.reload()
    assert_everything_is_there(page)
    page.get_by_text("Trained on your 2 drawings").wait_for()

    first.kill()
    second = own_server(DIGITLAB_STORE=postgres, **WITHOUT_WORKER)
    page.goto(page.url.replace(first.url, second.url))
    assert_everything_is_there(page)
    person.settle()
    person.go("Draw")
    person.wait_for_drawings(2)
    assert person.draw(4)[-1] == answer


def test_an_open_page_works_again_after_a_restart(new_person, own_server):
    server = own_server(**WITHOUT_WORKER)
    person = new_person(server)
    page = person.page
    person.begin()
    person.draw(4)
    person.label(4, 1)
    person.bar().get_by_text("Saved", exact=True).wait_for()
    server.kill()
    own_server(STREAMLIT_SERVER_PORT=str(server.port), **WITHOUT_WORKER)
    page.locator("[data-testid=stApp][data-test-connection-state=CONNECTED]").wait_for()
    page.wait_for_timeout(ANSWER_TIMEOUT + 2000)  # The page loads again, unless the new session has answered.
    person.wait_for_drawings(1)
    person.find_canvas()
    person.settle(1000)
    person.draw(4)
    person.label(4, 2)
    assert person.error_messages() == []


def test_training_and_slider_survive_a_reload(person):
    """The last value of a slider and a running training survive."""
    page = person.page
    person.begin()
    person.draw(4)
    person.label(4, 1)
    person.go("Train")
    person.slide("epochs", *["ArrowRight"] * 7)
    person.start_long_training()
    page.locator(".st-key-training").get_by_text("Epoch 1 of 9").wait_for()
    page.reload()
    page.locator(".st-key-training").get_by_text("Epoch 1 of 9").wait_for()
    assert page.locator(".st-key-epochs").get_by_text("9", exact=True).first.is_visible()
    page.locator(".st-key-training").get_by_role("button", name="Stop").click()
    page.locator(".st-key-training").get_by_text("was stopped after").wait_for()
