"""The adapter's assumptions about the drawable canvas. A test fails if an upgrade of the component breaks an assumption.

The tests load canvas_adapter.js into the page a second time and call its functions.
"""

import pytest

from pages.components import assets
from tests.browser.test_selectors import IMPORT_SCRIPT
from tests.support.browser import SEVEN, SIDE

BLACK = "#000000"
N_INK_PIXELS = """adapter => {
  const picture = Object.assign(document.createElement('canvas'), { width: 112, height: 112 });
  adapter.paintLayers(picture.getContext('2d'), 112);
  return picture.getContext('2d').getImageData(0, 0, 112, 112).data.filter((value, i) => i % 4 === 0 && value > 100).length;
}"""


@pytest.fixture
def person(shared_person):
    """Return a user in front of a blank canvas."""
    shared_person.settle()
    if int(shared_person.page.get_by_test_id("prediction-head").get_attribute("data-strokes") or 0):
        shared_person.use_tool("Clear")
        shared_person.wait_until_blank()
        shared_person.settle()
    yield shared_person
    assert shared_person.page.locator("[data-testid=stException]").count() == 0


@pytest.fixture
def adapter(person):
    return person.page.evaluate_handle(IMPORT_SCRIPT, assets.script("canvas/canvas_adapter.js"))


def client_points(person, points):
    """Return points of the canvas in client coordinates."""
    box = person.canvas_box()
    return [(box["x"] + x * box["width"] / SIDE, box["y"] + y * box["height"] / SIDE) for x, y in points]


def mouse_stroke(person, points):
    """Return a stroke in the format of the adapter."""
    places = client_points(person, points)
    types = ["mousedown", *["mousemove"] * (len(places) - 1), "mouseup"]
    return [{"type": kind, "x": x, "y": y} for kind, (x, y) in zip(types, [*places, places[-1]], strict=True)]


def test_a_stroke_of_the_adapter_is_drawn_and_sent(person, adapter):
    stroke = mouse_stroke(person, SEVEN[0])
    adapter.evaluate("(adapter, stroke) => adapter.drawStroke(stroke)", stroke)
    person.page.locator("[data-testid=prediction-head][data-strokes='1']").wait_for()
    assert person.predicted_digit() == 7


def test_ink_is_found_where_a_stroke_was_drawn(person, adapter):
    elsewhere = mouse_stroke(person, [(20, 260), (40, 260)])
    person.draw_stroke(SEVEN[0])
    has_ink = f"(adapter, stroke) => adapter.hasInk(stroke, '{BLACK}')"
    assert adapter.evaluate(has_ink, mouse_stroke(person, SEVEN[0])) is True
    assert adapter.evaluate(has_ink, elsewhere) is False


def test_undo_is_enabled_while_there_is_a_stroke(person, adapter):
    can_undo, press = "adapter => adapter.canUndo()", "(adapter, action) => adapter.pressButton(action)"
    assert adapter.evaluate(can_undo) is False
    person.draw_stroke(SEVEN[0])
    assert adapter.evaluate(can_undo) is True
    adapter.evaluate(press, "undo")
    assert adapter.evaluate(can_undo) is False
    adapter.evaluate(press, "redo")
    assert adapter.evaluate(can_undo) is True


# Presses the enabled button "send" and the disabled button "undo", and returns the number of clicks.
COUNT_CLICKS = """adapter => {
  const toolbar = adapter.findCanvas().getRootNode(), counts = { send: 0, undo: 0, otherwise: 0 };
  for (const [action, title] of [["send", "Update the app with this drawing"], ["undo", "Undo"]])
    toolbar.querySelector(`button[title="${title}"]`).addEventListener("click", () => { counts[action] += 1 });
  for (const action of ["send", "undo"]) adapter.pressButton(action, () => { counts.otherwise += 1 });
  return counts;
}"""


def test_only_an_enabled_button_is_pressed(adapter):
    assert adapter.evaluate(COUNT_CLICKS) == {"send": 1, "undo": 0, "otherwise": 1}


def test_the_unfinished_stroke_is_painted(person, adapter):
    mouse = person.page.mouse
    first, *others = client_points(person, SEVEN[0])
    assert adapter.evaluate(N_INK_PIXELS) == 0
    mouse.move(*first)
    mouse.down()
    for place in others:
        mouse.move(*place, steps=4)
    assert adapter.evaluate("adapter => adapter.isDrawing()") is True
    assert adapter.evaluate(N_INK_PIXELS) > 50
    mouse.up()
    assert adapter.evaluate("adapter => adapter.isDrawing()") is False


def test_clear_replaces_the_canvas_element(person, adapter):
    person.draw_stroke(SEVEN[0])
    before = adapter.evaluate_handle("adapter => adapter.findCanvas()")
    person.use_tool("Clear")
    person.wait_until_blank()
    person.settle()
    assert adapter.evaluate("(adapter, before) => adapter.findCanvas() !== before", before) is True
    assert adapter.evaluate(N_INK_PIXELS) == 0


def test_the_toolbar_of_the_component_is_hidden(person, adapter):
    person.page.locator(".st-key-canvas").hover()
    toolbar = person.page.locator(".dc-toolbar").first
    assert toolbar.evaluate("toolbar => getComputedStyle(toolbar).visibility") == "hidden"


def test_a_tap_on_a_tool_after_a_label_is_no_stroke(phone):
    """After a label, strokes are held back until the new canvas is there. The tools lie on the canvas."""
    phone.begin()
    phone.press_label(4)
    phone.page.locator(".st-key-remark").get_by_text("first").wait_for()
    phone.use_tool("Clear")
    phone.settle(1500)
    assert phone.page.get_by_test_id("prediction-head").get_attribute("data-strokes") in (None, "0")
