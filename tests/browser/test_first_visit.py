"""A first visit: a user opens the page, trains a model and compares it, on one screen and with few clicks."""

import re

import pytest

from tests.support.browser import LONG, OBSERVE_SHIFTS, Person

COUNT_CLICKS = """window.clicks = [];
addEventListener('click', event => event.target.closest('.st-key-canvas, .st-key-labels')
  || window.clicks.push(event.target.innerText), true);"""
OUT_OF_VIEW = """keys => keys.filter(key => { const box = document.querySelector('.st-key-' + key).getBoundingClientRect();
  return box.top < 0 || box.left < 0 || box.bottom > innerHeight + 1 || box.right > innerWidth + 1 })"""
UNSEEN_SHIFT = 0.005  # Score of layout shifts of a button that is drawn one frame late. Users notice scores from 0.1.
OUTCOME = re.compile("clearly (better|worse)|about the same")
ONE_SCREEN = ["canvas", "answer", "labels", "remark"]


@pytest.mark.parametrize("visitor", ["person", "phone"])
def test_a_first_visit_on_one_screen_with_three_clicks(request, visitor):
    person: Person = request.getfixturevalue(visitor)
    page = person.page
    page.add_init_script(OBSERVE_SHIFTS + COUNT_CLICKS)
    person.begin()
    page.evaluate("window.shifts = []")  # While the page loads, Streamlit draws placeholder frames.
    person.draw(4)
    assert page.evaluate(OUT_OF_VIEW, ONE_SCREEN) == []
    person.label(4, 1)
    page.get_by_text("Saved as 4").wait_for()
    assert page.evaluate(OUT_OF_VIEW, ONE_SCREEN) == []
    person.press("train")
    outcome = page.locator(".st-key-training").get_by_role("link", name="Compare")
    outcome.wait_for(timeout=LONG)
    page.locator(".st-key-training").get_by_text(OUTCOME).wait_for(timeout=LONG)
    page.get_by_text("Compare with genius", exact=True).click()
    person.settle()
    person.draw(7)
    assert page.locator("[data-testid=prediction]").count() == 2
    clicks, shifts = page.evaluate("[window.clicks, window.shifts]")
    assert clicks == ["Train on my handwriting", "Compare with genius"]
    assert sum(value for value, *_ in shifts) < UNSEEN_SHIFT, shifts
    outcome.click()
    page.locator(".st-key-headline").get_by_text("of 10,000").wait_for(timeout=LONG)
    assert person.error_messages() == []


def tab_to(page, text: str) -> None:
    """Press Tab until the button or link with this text has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if text in page.evaluate("e => (e = document.activeElement).matches('button, a') ? e.ariaLabel || e.innerText : ''"):
            return
    raise AssertionError(f"Tab does not reach {text!r}")


def test_from_an_example_to_a_compared_model_by_keyboard(person: Person):
    page = person.page
    person.begin()
    tab_to(page, "Try an example")
    page.keyboard.press("Enter")
    digit = person.predicted_digit()
    person.settle()
    tab_to(page, f"It is a {digit}")
    page.keyboard.press("Enter")
    person.bar().get_by_text("0 drawings, 1 example").wait_for()
    person.settle()
    tab_to(page, "Train on my handwriting")
    page.keyboard.press("Enter")
    page.locator(".st-key-training").get_by_text(OUTCOME).wait_for(timeout=LONG)
    tab_to(page, "Compare")
    page.keyboard.press("Enter")
    page.locator(".st-key-headline").get_by_text("of 10,000").wait_for(timeout=LONG)
