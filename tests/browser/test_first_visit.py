"""A first visit: a user opens the page, trains a model and compares it, on one screen and with few clicks."""

import re

from digitcore.values import with_article
from tests.support.browser import OBSERVE_SHIFTS, QUICK, Person

COUNT_CLICKS = """window.clicks = [];
addEventListener('click', event => event.target.closest('.st-key-canvas, .st-key-labels')
  || window.clicks.push(event.target.innerText), true);"""
# Returns the containers of which a part is outside the screen or below the page links, which a narrow screen shows at its bottom.
OUT_OF_VIEW = """keys => {
  const links = document.querySelector('.st-key-pages').getBoundingClientRect();
  const bottom = links.top > innerHeight / 2 ? links.top : innerHeight;
  return keys.filter(key => {
    const box = document.querySelector(`[class*=st-key-${key}]`).getBoundingClientRect();
    return box.top < 0 || box.left < 0 || box.bottom > bottom + 1 || box.right > innerWidth + 1;
  });
}"""
SAME_EDGES = """() => new Set(['canvas', 'labels', 'samples'].map(key => {
  const { left, right } = document.querySelector(`.st-key-${key}`).getBoundingClientRect();
  return `${Math.round(left)} ${Math.round(right)}`;
})).size === 1"""
UNSEEN_SHIFT = 0.005  # Score of layout shifts of a button that is drawn one frame late. Users notice scores from 0.1.
OUTCOME = re.compile("clearly (better|worse)|about the same")
LOOP = ["canvas", "answer", "labels", "feedback"]
SIZES = [(768, 1024), (1280, 800), (390, 844), (390, 664)]


def test_a_new_network_learns_to_read_on_one_screen_with_one_click(new_person, server):
    """The whole loop needs no scrolling on any of the screens."""
    person = new_person(server, viewport={"width": 390, "height": 664}, has_touch=True)
    page = person.page
    page.add_init_script(OBSERVE_SHIFTS + COUNT_CLICKS)
    person.begin("/")
    page.get_by_text("It knows nothing.").wait_for()
    page.evaluate("window.shifts = []")  # While the page loads, Streamlit draws placeholder frames.
    for count, digit in enumerate((4, 7, 1), start=1):
        person.draw(digit)
        assert page.evaluate(OUT_OF_VIEW, LOOP) == []
        person.label(digit, count)
    page.get_by_text("Saved as 1").wait_for()
    end = page.locator(".st-key-samples").bounding_box()["y"]  # Below it, the sentence changes.
    shifts = [shift for shift in page.evaluate("window.shifts") if min(shift[1:3]) < end]
    assert sum(value for value, *_ in shifts) < UNSEEN_SHIFT, shifts
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate(OUT_OF_VIEW, LOOP) == [], (width, height)
        assert page.evaluate(SAME_EDGES) or width == 1280, (width, height)
    person.press("train")
    page.get_by_text("Better: 3 of 3 (before: ").wait_for()
    page.locator(".st-key-training").get_by_text(OUTCOME).wait_for()
    page.wait_for_function(f"!({OUT_OF_VIEW})(['verdict_better']).length")  # A narrow screen scrolls to the card.
    for width, height in SIZES[:2]:
        page.set_viewport_size({"width": width, "height": height})
        page.locator("[data-testid=stMain]").evaluate("main => main.scrollTo(0, 0)")
        assert page.evaluate(OUT_OF_VIEW, [*LOOP, "verdict_better"]) == [], (width, height)
    assert page.evaluate("window.clicks") == ["Train"]
    person.draw(7)
    person.label(7, 4)
    page.locator(".boxes .right, .boxes .wrong").wait_for()
    assert page.locator(".boxes .empty").count() == 4
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
    person.begin(f"/Draw?start=untrained&{QUICK}")
    tab_to(page, "Try an example")
    page.keyboard.press("Enter")
    digit = person.predicted_digit()
    person.settle()
    tab_to(page, f"It is {with_article(digit)}")
    page.keyboard.press("Enter")
    person.bar().get_by_text("0 drawings, 1 example").wait_for()
    person.settle()
    tab_to(page, "Train")
    page.keyboard.press("Enter")
    page.locator(".st-key-training").get_by_text(OUTCOME).wait_for()
    tab_to(page, "Compare")
    page.keyboard.press("Enter")
    page.locator(".st-key-headline").get_by_text("of 10,000").wait_for()
