"""The canvas: its tools and keys, fast input, and restored drawings."""

import os

import pytest

from digitcore.data.strokes import decode_strokes
from tests.support.browser import FOUR, OBSERVE_SHIFTS, SEVEN, SHAPES, SIDE

N_FAST_INPUTS = int(os.environ.get("DIGITLAB_FAST_INPUTS", "5"))  # labels of a test of fast input. A thorough run uses 200.

# The delays of a fast user, in ms. They are the input of the tests, which pause for them.
LABEL_DELAYS = 0, 5, 15, 30, 60  # from a stroke to its label
STROKE_DELAYS = 0, 20, 60, 120, 200  # from a label to the next stroke
TOUCH_DELAYS = 0, 40, 120
SMALL = 0.5  # scale of small digits
CORNERS = {"top left": (5, 5), "bottom left": (5, 175), "top right": (175, 35), "bottom right": (175, 175)}  # not on the tools


def test_tools_and_keys(person):
    page = person.page
    person.begin()
    first, second = person.draw(4)
    person.use_tool("Undo")
    person.wait_for_answer(first)
    person.use_tool("Redo")
    person.wait_for_answer(second)
    person.use_tool("Clear")
    person.wait_until_blank()
    person.settle()
    page.keyboard.press("7")
    page.get_by_text("Draw a digit first").wait_for()
    person.settle()
    person.stroke(SEVEN[0])
    page.keyboard.press("7")  # The key is pressed before the prediction arrives.
    page.get_by_text("Saved as 7").wait_for()
    person.wait_for_drawings(1)
    person.press("undo_label")
    person.wait_for_drawings(0)
    assert person.error_messages() == []


# Counts the messages to the server, and lets a test close the connection for good.
WATCH_SOCKETS = """window.sockets = []; window.nSent = 0; window.isCut = false;
window.WebSocket = class extends WebSocket {
  constructor(...args) { super(...args); window.sockets.push(this); if (window.isCut) this.close() }
  send(...args) { window.nSent += 1; super.send(...args) }
};"""


def test_the_prediction_moves_with_the_pen_even_without_a_connection(new_person, server):
    """The browser predicts the second stroke of a four together with the first stroke before the pen is lifted."""
    person = new_person(server, reduced_motion="no-preference")
    page = person.page
    page.add_init_script(WATCH_SOCKETS)
    person.begin()
    person.draw_stroke(FOUR[0])
    person.settle()
    before = page.evaluate("window.nSent")
    box = person.canvas_box()
    places = [(box["x"] + x * box["width"] / SIDE, box["y"] + y * box["height"] / SIDE) for x, y in FOUR[1]]
    predicted = page.locator("[data-testid=prediction-head][data-live]").get_by_test_id("predicted-digit")
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=8)
    predicted.wait_for()
    assert page.evaluate("window.nSent") == before, "nothing is sent during a stroke"
    page.evaluate("() => { window.isCut = true; window.sockets.forEach(socket => socket.close()) }")
    for place in places[2:]:
        page.mouse.move(*place, steps=8)
    predicted.get_by_text("4").wait_for()
    four = page.locator(".digits button").nth(4).locator("i")
    page.mouse.up()
    assert predicted.inner_text() == "4", "the prediction stays until the server answers"
    assert float(four.evaluate("bar => new DOMMatrix(bar.style.transform).d")) > 0.5
    page.evaluate("window.isCut = false")
    page.locator("[data-testid=prediction-head][data-strokes='2']:not([data-live])").wait_for()
    assert person.predicted_digit() == 4


@pytest.mark.parametrize("kind", ["server", "cloud_server"])
def test_a_label_pressed_with_the_stroke_stores_the_whole_stroke(new_person, request, kind):
    """The browser can send the label with the stroke, after the stroke, or during the prediction."""
    server = request.getfixturevalue(kind)
    person = new_person(server)
    page = person.page
    person.begin()
    for count in range(1, N_FAST_INPUTS + 1):
        person.stroke(SEVEN[0])
        page.wait_for_timeout(LABEL_DELAYS[count % len(LABEL_DELAYS)])
        page.keyboard.press("7")
        person.wait_for_drawings(count)
        person.wait_until_blank()
        person.settle(100)
    assert _stored_strokes(person, server) == [1] * N_FAST_INPUTS


@pytest.mark.parametrize("kind", ["server", "cloud_server"])
def test_a_stroke_drawn_immediately_after_a_label_is_not_lost(new_person, request, kind):
    server = request.getfixturevalue(kind)
    person = new_person(server)
    page = person.page
    person.begin()
    person.stroke(SEVEN[0])
    for count in range(1, N_FAST_INPUTS + 1):
        person.predicted_digit()
        person.settle(100)
        box = person.canvas_box()
        page.keyboard.press("7")
        page.wait_for_timeout(STROKE_DELAYS[count % len(STROKE_DELAYS)])
        person.stroke(SEVEN[0], box)
        person.wait_for_drawings(count)
        assert person.predicted_digit() == 7, f"stroke {count} is on the new canvas"
    assert _stored_strokes(person, server) == [1] * N_FAST_INPUTS


def _stored_strokes(person, server):
    """Return the number of strokes of each sample that the server has stored."""
    person.bar().get_by_text("Saved", exact=True).wait_for()
    return [len(decode_strokes(text)[2]) for text in server.samples(person.page.url).strokes]


def test_strokes_by_touch_immediately_after_a_label(phone):
    page = phone.page
    phone.begin()
    phone.stroke(SEVEN[0])
    for count, delay in enumerate(TOUCH_DELAYS, start=1):
        phone.predicted_digit()
        phone.settle(100)
        box = phone.canvas_box()
        phone.press_label(7)
        page.wait_for_timeout(delay)
        phone.stroke(SEVEN[0], box)
        phone.wait_for_drawings(count)
        assert phone.predicted_digit() == 7


def test_nothing_moves_while_a_person_draws(person):
    page = person.page
    person.begin()
    page.evaluate("document.fonts.ready")
    page.get_by_text("Export and import drawings").wait_for()  # The page draws this text last.
    person.settle(2000)
    page.evaluate(f"() => {{ {OBSERVE_SHIFTS} }}")
    person.draw(4)
    person.use_tool("Undo")
    person.settle(500)
    person.use_tool("Clear")
    person.wait_until_blank()
    person.draw(7)
    person.settle(500)
    shifts = page.evaluate("window.shifts")
    assert not shifts, shifts


def test_a_small_digit_in_a_corner_is_predicted(person):
    """The digits are 100 of the 280 px large and 5 px from the edge or below the tools, drawn with a thin brush."""
    page = person.page
    person.begin()
    page.get_by_text("Brush and background").click()
    person.slide("brush", *["ArrowLeft"] * 6)
    assert page.locator(".st-key-brush [data-testid=stSliderThumbValue]").inner_text() == "8"
    page.keyboard.press("Escape")
    person.settle()
    for (corner, (left, top)), digit in zip(CORNERS.items(), (4, 7, 1, 4), strict=True):
        for points in SHAPES[digit]:
            person.draw_stroke([(left + (x - 70) * SMALL, top + (y - 45) * SMALL) for x, y in points])
        assert person.predicted_digit() == digit, corner
        person.use_tool("Clear")
        person.wait_until_blank()
        person.settle()
    assert person.error_messages() == []


def test_a_drawing_is_relabelled_in_the_gallery(person):
    page = person.page
    person.begin()
    person.draw(4)
    person.label(4, 1)
    page.get_by_text("My drawings", exact=True).click()
    page.locator(".grid button").first.click()
    page.get_by_text("2 strokes").wait_for()
    person.settle()
    person.choose("Relabel as", "9")
    person.press("own_relabel")
    page.locator(".grid button", has_text="9, predicted 4").wait_for()
    person.settle()
    assert page.locator(".grid button").count() == 1
    assert person.error_messages() == []


def test_a_contradicted_label_leads_to_the_gallery(person):
    person.begin()
    person.draw(4)
    person.label(9, 1)
    person.press("review")
    person.page.locator(".st-key-own_kind").get_by_text("Review").wait_for()
    assert person.page.get_by_text("No drawings of this kind.").count() == 0
    assert person.error_messages() == []


def test_a_white_background_keeps_the_drawing(person):
    page = person.page
    person.begin()
    person.draw(4)
    page.get_by_text("Brush and background").click()
    page.get_by_text("White background").click()
    person.settle()
    page.keyboard.press("Escape")
    assert person.predicted_digit() == 4
    after = person.draw_stroke([(40, 40), (44, 60), (42, 80)])
    person.settle()
    person.use_tool("Undo")
    person.wait_for_other_answer(after)
    person.settle()
    assert person.predicted_digit() == 4
    assert person.error_messages() == []


def test_a_drawing_survives_a_page_change(person):
    person.begin()
    first = person.draw(4)[-1]
    person.go("My lab")
    person.page.get_by_text("A drawing is on the canvas").wait_for()
    person.go("Draw")
    person.find_canvas()
    person.wait_for_answer(first)
    person.settle()
    person.use_tool("Undo")
    person.wait_for_other_answer(first)
    person.settle()
    person.use_tool("Redo")
    person.wait_for_answer(first)
    person.settle()
    person.draw_stroke([(100, 250), (180, 250)])
    person.use_tool("Clear")
    person.wait_until_blank()
    person.settle()
    person.use_tool("Undo")
    person.predicted_digit()
    person.settle()
    person.use_tool("Clear")
    person.wait_until_blank()
    person.settle()
    assert person.draw(4)[-1] == first, "a cleared canvas is blank"
    assert "0 drawings" in person.bar().inner_text()
    assert person.error_messages() == []


# The component sends a drawing when a timer of 200 ms ends. This script stops this timer.
WITHOUT_TIMER = """window.timers = 0; const wait = window.setTimeout;
window.setTimeout = (call, delay, ...rest) => delay === 200 ? -(++window.timers) : wait(call, delay, ...rest);"""


def test_the_prediction_does_not_wait_for_the_timer_of_the_canvas(person):
    """The adapter sends the drawing when the pen is lifted. The test fails if an upgrade of the component breaks this."""
    page = person.page
    page.add_init_script(WITHOUT_TIMER)
    person.begin()
    person.draw(7)
    assert person.predicted_digit() == 7
    assert page.evaluate("window.timers") > 0, "the component has such a timer"
    person.wait_for_drawings(0)


def test_the_hidden_toolbar_is_not_reached_with_tab(person):
    """The button “Edit” of the toolbar would disable drawing."""
    page = person.page
    person.begin()
    page.locator(".st-key-canvas").hover()
    focused = []
    for _ in range(25):
        page.keyboard.press("Tab")
        focused.append(
            page.evaluate(
                "() => { let e = document.activeElement; while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;"
                " return [e?.title ?? '', e?.ariaLabel ?? e?.innerText ?? '', Boolean(e?.closest('.dc-toolbar'))] }"
            )
        )
    assert "Clear" in [text for _, text, _ in focused], "the tools on the canvas are tab stops"
    assert [title for title, _, in_toolbar in focused if in_toolbar] == []
    person.draw(4)
    assert person.predicted_digit() == 4
