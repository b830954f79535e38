"""The whole loop on a computer and on a phone: draw, label, train, compare."""

from tests.support.jobs import worker_process

SMALL = "network=mlp&validation_samples=100"


def train_a_new_network(person, samples):
    """Train a new network for 1 epoch with 2,000 MNIST digits, and wait for the result."""
    page = person.page
    page.locator(".st-key-start_from label", has_text="A new network").click()
    person.slide("mnist_samples", "ArrowRight", "ArrowRight")
    person.slide("epochs", "ArrowLeft")
    page.get_by_text(", 2,000 MNIST digits").wait_for()
    person.press("train")
    page.locator(".st-key-training").get_by_text(f"Trained on your {samples}").wait_for()


def test_the_whole_loop(person, server):
    page = person.page
    person.begin(f"/?start=genius&{SMALL}")
    assert "/Draw" in page.url
    answers = person.draw(4)
    assert len(set(answers)) == len(answers) == 2
    assert person.predicted_digit() == 4
    person.label(4, 1)
    page.get_by_text("Saved as 4").wait_for()

    person.go("Train")
    page.get_by_text("1 drawing, 500 MNIST digits").wait_for()
    train_a_new_network(person, "1 drawing and 2,000 MNIST digits")
    page.locator(".st-key-training [data-testid=stVegaLiteChart]").nth(1).wait_for()

    person.go("Draw")
    person.draw(7)
    person.bar().get_by_text("Compare", exact=True).click()
    page.locator(".st-key-answer").get_by_text("untrained mlp").wait_for()
    assert "run 1" in person.answer()

    person.go("Evaluate")
    page.locator("[data-testid=stVegaLiteChart]").first.wait_for()
    person.see("Compare two")
    page.get_by_text("McNemar's exact test").wait_for()
    page.locator(".st-key-comparison [data-testid=stVegaLiteChart]").nth(1).wait_for()
    person.see("Handwriting")
    page.locator(".st-key-comparison").get_by_text("training drawings are predicted correctly").wait_for()

    assert person.error_messages() == []
    loaded = {name.split(".")[0] for name in server.modules()}
    assert "streamlit" in loaded
    assert not {"keras", "tensorflow"} & loaded


def test_the_loop_by_touch_on_a_phone(phone):
    page = phone.page
    phone.begin(f"/?start=genius&{SMALL}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    phone.draw(4)
    assert phone.predicted_digit() == 4
    phone.use_tool("Clear")
    phone.wait_until_blank()
    phone.draw(7)
    assert phone.predicted_digit() == 7
    phone.label(7, 1)
    page.get_by_text("Saved as 7").wait_for()
    phone.go("Train")
    train_a_new_network(phone, "1 drawing")
    phone.go("Evaluate")
    phone.see("Errors")
    page.get_by_text("most confident errors come first").wait_for()
    phone.settle()
    page.locator(".grid button").nth(1).tap()
    page.get_by_text("Pixels that matter").wait_for()
    assert phone.error_messages() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_drawing_while_training_and_stopping(person):
    page = person.page
    person.open("/Train?start=genius&epochs=20")  # It does not end before it is stopped for the second time.
    page.locator(".st-key-train").wait_for()
    person.start_long_training()
    training = page.locator(".st-key-training")
    person.go("Draw")
    training.get_by_text("Epoch").wait_for()
    person.draw(7)
    assert person.predicted_digit() == 7
    person.go("Train")
    training.get_by_role("button", name="Stop", exact=True).click()
    training.get_by_text("was stopped after").wait_for()
    training.get_by_role("button", name="Continue").click()
    person.bar().get_by_role("button", name="Reading: run 1").wait_for()  # The result is drawn a moment before the bar.
    training.get_by_role("button", name="Stop", exact=True).click()
    training.get_by_text("was stopped after").wait_for()


def test_a_killed_worker_is_reported(new_person, own_server):
    server = own_server()
    person = new_person(server)
    page = person.page
    person.begin(f"/Draw?start=untrained&{SMALL}&epochs=20")  # The training does not end before its worker is killed.
    person.draw(1)
    person.label(1, 1)
    person.go("Train")
    person.start_long_training()
    worker_process(server.process.pid).kill()
    page.get_by_text("The worker died").wait_for()
    person.wait_for_drawings(1)
    person.slide("mnist_samples", "Home")
    page.get_by_text("no MNIST digits").wait_for()
    person.press("train")
    page.locator(".st-key-training").get_by_text("Trained on your 1 drawing.").wait_for()
