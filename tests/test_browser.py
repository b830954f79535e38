"""The dashboard as a person meets it: real Chromium, real pen strokes, the real worker."""

import os
import re

import psutil
import pytest
from playwright.sync_api import sync_playwright

from tests.browser import QUIET, SHAPES, Person, Server, chromium

if chromium() is None:
    if os.environ.get("DIGITLAB_BROWSER") == "required":
        pytest.fail("Chromium is required here and is not installed", pytrace=False)
    pytest.skip("Chromium is not installed", allow_module_level=True)

LONG = 120_000  # ms
NOT_OURS: set[str] = set()  # rules that Streamlit's own parts break


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=chromium(), args=QUIET.split())
        yield running
        running.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("server"))
    yield running
    running.stop()


@pytest.fixture
def person(browser, server):
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    yield Person(context.new_page(), server.url)
    context.close()


@pytest.fixture
def phone(browser, server):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    yield Person(context.new_page(), server.url, touch=True)
    context.close()


def best(answer):
    """The best guess in an answer's text."""
    return int(re.search(r"(\d)\s+[\d.]+ %", answer).group(1))


def train_from_stupid(who):
    """Set the sliders and press Train: stupid, 2,000 MNIST digits, 1 epoch."""
    page = who.page
    page.locator(".st-key-start_from label", has_text="stupid").click()
    for key, presses in (("mnist_samples", ["ArrowRight", "ArrowRight"]), ("epochs", ["ArrowLeft"])):
        slider = page.locator(f".st-key-{key} input[type=range]").first
        slider.focus()
        for press in presses:
            page.keyboard.press(press)
    page.get_by_text("2,000 of MNIST").wait_for()
    page.wait_for_timeout(500)
    who.press("train")


def see(page, view):
    """Choose a view of the Evaluate page."""
    page.locator(".st-key-view").get_by_text(view, exact=True).click()


def test_a_click_on_the_matrix_shows_its_digits(person):
    page = person.page
    person.open("/Evaluate")
    page.locator(".st-key-view").wait_for()
    see(page, "Confusion")
    page.get_by_text("Most often taken for each other").wait_for(timeout=LONG)
    chart = page.locator(".st-key-comparison [data-testid=stVegaLiteChart]").first
    chart.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)
    frames = chart.locator("path[aria-roledescription='rect mark']")
    frames.last.click()
    page.get_by_text("digits that are a 9, read as 9").wait_for()
    page.locator(".grid button").nth(59).wait_for()


def test_the_whole_loop(person, server):
    page = person.page
    person.begin("/")
    assert page.url.endswith("/Draw")
    answers = person.draw(4)
    assert len(set(answers)) == len(answers) == 2 and best(answers[-1]) == 4

    person.press("label_4")
    page.get_by_text("Saved as 4").wait_for()
    person.until_blank()

    person.go("Train")
    page.get_by_text("1 drawing of yours").wait_for()
    train_from_stupid(person)
    person.page.locator(".st-key-training").get_by_role("button", name="Stop").wait_for()
    person.go("Draw")
    page.get_by_text("Training:").wait_for()
    assert person.draw(7)

    person.go("Train")
    page.locator(".st-key-training").get_by_text("Trained on your 1 drawing and 2,000 MNIST digits").wait_for(timeout=LONG)
    page.locator(".st-key-training [data-testid=stVegaLiteChart]").nth(1).wait_for()

    person.go("Draw")
    page.get_by_text("Both", exact=True).click()
    page.locator(".st-key-answer").get_by_text("stupid").wait_for()
    assert "run 1" in person.answer()

    person.go("Evaluate")
    page.locator("[data-testid=stVegaLiteChart]").first.wait_for()
    see(page, "Two in depth")
    page.get_by_text("McNemar's exact test").wait_for(timeout=LONG)
    page.locator(".st-key-comparison [data-testid=stVegaLiteChart]").nth(1).wait_for()
    see(page, "Your drawings")
    page.get_by_text("of 1 drawings").or_(page.get_by_text("of 1 drawing")).first.wait_for(timeout=LONG)
    page.wait_for_timeout(1500)
    page.locator(".grid button").first.click()
    page.get_by_text("What the guess hangs on").wait_for()
    page.get_by_text("The MNIST digits that look most like it").wait_for()
    page.locator(".st-key-comparison figcaption").nth(4).wait_for(timeout=LONG)

    loaded = {name.split(".")[0] for name in server.modules()}
    assert "streamlit" in loaded and not {"keras", "tensorflow"} & loaded


def test_tools_and_keys(person):
    page = person.page
    person.begin()
    first, second = person.draw(4)
    person.tool("Undo")
    assert person.until_answer_differs(second) == first
    person.tool("Redo")
    assert person.until_answer_differs(first) == second
    person.tool("Clear")
    person.until_blank()
    page.keyboard.press("7")
    page.get_by_text("Draw first, then press").wait_for()
    page.wait_for_timeout(1000)
    person.stroke(SHAPES[7][0])
    page.keyboard.press("7")  # at once, before the answer
    page.get_by_text("Saved as 7").wait_for()
    page.locator("[data-testid=stSidebar]").get_by_text("1 drawing labelled").wait_for()
    person.press("unlabel")
    page.get_by_text("Your drawings: 0").wait_for()


def test_a_label_pressed_with_the_stroke_takes_it_whole(person):
    """The browser may send the label with the stroke, after it, or while the stroke is being answered."""
    page = person.page
    person.begin()
    page.wait_for_timeout(1500)
    for count, wait in enumerate((0, 5, 10, 15, 20, 30, 40, 60), start=1):
        person.stroke(SHAPES[7][0])
        page.wait_for_timeout(wait)
        page.keyboard.press("7")
        page.get_by_text(f"Your drawings: {count}").wait_for()
        person.until_blank()
        page.wait_for_timeout(500)


SHIFTS = """() => { window.shifts = [];
  const moved = source => source.node && source.previousRect.width && source.currentRect.width
    && (source.previousRect.x !== source.currentRect.x || source.previousRect.y !== source.currentRect.y);
  new PerformanceObserver(list => { for (const one of list.getEntries()) for (const source of one.sources.filter(moved))
    window.shifts.push([one.value, source.previousRect.y, source.currentRect.y, (source.node.outerHTML ?? '').slice(0, 200)])
  }).observe({ type: 'layout-shift', buffered: false }) }"""


def test_nothing_moves_while_a_person_draws(person):
    page = person.page
    person.begin()
    page.evaluate("document.fonts.ready")
    page.get_by_text("Take samples along").wait_for()  # the last of the first paint
    page.wait_for_timeout(4000)
    page.evaluate(SHIFTS)
    person.draw(4)
    person.tool("Undo")
    page.wait_for_timeout(800)
    person.tool("Clear")
    person.until_blank()
    person.draw(7)
    page.wait_for_timeout(800)
    shifts = page.evaluate("window.shifts")
    assert not shifts, shifts


@pytest.mark.parametrize("corner", [(0, 0), (170, 0), (0, 170), (170, 170)])
def test_small_digits_in_the_corners_are_read(person, corner):
    """About 100 of the 280 px, 5 px off the edge, with a brush to match."""
    page = person.page
    person.begin()
    page.get_by_text("Brush and paper").click()
    page.locator(".st-key-brush input[type=range]").focus()
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Escape")
    page.wait_for_timeout(1500)
    for digit, strokes in SHAPES.items():
        for points in strokes:
            before = person.answer()
            person.stroke([(corner[0] + 5 + (x - 70) * 0.5, corner[1] + 5 + (y - 45) * 0.5) for x, y in points])
            answer = person.until_answer_differs(before)
        assert best(answer) == digit
        person.tool("Clear")
        person.until_blank()
        page.wait_for_timeout(500)


@pytest.mark.parametrize("path", ["/Draw", "/Train", "/Evaluate", "/"])
def test_everything_is_named_and_readable(person, path):
    """What axe-core can check of WCAG 2 A and AA, Streamlit's own parts included but for those named here."""
    from axe_playwright_python.sync_playwright import Axe

    page = person.page
    person.begin()
    if path != "/Draw":
        person.go("Home" if path == "/" else path[1:])
    page.wait_for_timeout(3000)
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]}).response["violations"]
    ours = {one["id"]: [node["html"][:200] for node in one["nodes"]] for one in found if one["id"] not in NOT_OURS}
    assert not ours, [shift[:3] for shift in ours]


def test_a_drawing_is_explained_and_seen_in_the_gallery(person):
    page = person.page
    person.begin()
    person.draw(4)
    page.get_by_text("Why this answer").click()
    person.press("explain")
    page.get_by_text("What would make it another digit").wait_for()
    page.get_by_text("Dense").last.wait_for(timeout=LONG)
    page.get_by_text("Why this answer").click()
    person.press("label_4")
    page.get_by_text("Saved as 4").wait_for()
    page.get_by_text("Your drawings", exact=True).click()
    page.locator(".grid button").first.click()
    page.get_by_text("2 strokes").wait_for()
    page.wait_for_timeout(1000)  # as a person, who looks before choosing
    page.locator(".st-key-own_label input").click()
    page.wait_for_timeout(500)
    page.keyboard.type("9")
    page.keyboard.press("Enter")
    page.wait_for_timeout(1000)
    person.press("own_relabel")
    page.locator(".grid button", has_text="a 9 read as 4").wait_for()


def test_white_paper_keeps_the_drawing(person):
    page = person.page
    person.begin()
    person.draw(4)
    page.get_by_text("Brush and paper").click()
    page.get_by_text("White paper").click()
    page.wait_for_timeout(2500)
    page.keyboard.press("Escape")
    assert best(person.answer()) == 4
    person.stroke([(40, 40), (44, 60), (42, 80)])
    page.wait_for_timeout(1500)
    person.tool("Undo")
    page.wait_for_timeout(1500)
    assert best(person.answer()) == 4


def test_drawing_survives_a_page_change(person):
    person.begin()
    first = person.draw(4)[-1]
    person.go("Home")
    person.page.get_by_text("A drawing is on the canvas").wait_for()
    person.go("Draw")
    person.at_canvas()
    person.page.locator(".st-key-answer").get_by_text("%").first.wait_for()
    assert person.answer() == first
    person.tool("Undo")
    person.until_answer_differs(first)
    person.tool("Redo")
    person.page.locator(".st-key-answer").get_by_text(first.split()[1]).first.wait_for()
    person.page.wait_for_timeout(1000)
    assert person.answer() == first, "a restored drawing has its strokes too"
    person.stroke([(100, 250), (180, 250)])
    person.until_answer_differs(first)
    person.tool("Clear")
    person.until_blank()
    person.page.wait_for_timeout(1000)
    person.tool("Undo")
    person.page.locator(".st-key-answer").get_by_text("%").first.wait_for()
    person.page.wait_for_timeout(1000)
    person.tool("Clear")
    person.until_blank()
    assert person.draw(4)[-1] == first, "a cleared canvas is blank"


def test_the_answer_does_not_wait_for_the_canvas(person):
    """The canvas sends 200 ms after a stroke; the pressed toolbar button sends at once. Notices when an upgrade breaks it."""
    person.begin()
    person.page.evaluate(
        """() => { window.sent = []; const send = WebSocket.prototype.send;
        WebSocket.prototype.send = function (...all) { window.sent.push(performance.now()); return send.apply(this, all) };
        document.addEventListener('pointerup', () => { window.up = performance.now(); window.sent = [] }, true) }"""
    )
    waits = []
    for points in ([(60, 60), (200, 70)], [(60, 140), (200, 150)], [(60, 220), (200, 230)]):
        before = person.answer()
        person.stroke(points)
        person.until_answer_differs(before)
        waits.append(person.page.evaluate("window.sent[0] - window.up"))
    assert min(waits) < 150, waits


@pytest.mark.parametrize("path", ["/", "/Draw", "/Train", "/Evaluate"])
def test_every_address_works_first(browser, tmp_path, path):
    fresh = Server(tmp_path)
    try:
        context = browser.new_context()
        page = context.new_page()
        page.goto(fresh.url + path)
        page.locator("[data-testid=stSidebar] a").nth(3).wait_for(timeout=60_000)
        expected = {"/Train": ".st-key-train", "/Evaluate": ".st-key-view"}.get(path, ".st-key-answer")
        page.locator(expected).wait_for(timeout=30_000)
        assert "Page not found" not in page.inner_text("body")
        assert page.locator("[data-testid=stException]").count() == 0
        context.close()
    finally:
        fresh.stop()


def test_the_loop_by_touch_on_a_phone(phone):
    page = phone.page
    phone.begin("/")
    bottom = page.locator(".st-key-answer").bounding_box()
    assert bottom["y"] + bottom["height"] <= 844, "canvas and answer fit one screen"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert best(phone.draw(4)[-1]) == 4
    phone.tool("Clear")
    phone.until_blank()
    assert best(phone.draw(7)[-1]) == 7
    phone.press("label_7")
    page.get_by_text("Saved as 7").wait_for()
    phone.go("Train")
    train_from_stupid(phone)
    page.locator(".st-key-training").get_by_text("Trained on your 1 drawing").wait_for(timeout=LONG)
    phone.go("Evaluate")
    see(page, "Misread")
    page.get_by_text("The surest come first").wait_for(timeout=LONG)
    page.locator(".grid button").nth(1).tap()
    page.get_by_text("What the guess hangs on").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_killed_worker_is_said(person, server):
    page = person.page
    person.begin()
    person.draw(1)
    person.press("label_1")
    page.get_by_text("Saved as 1").wait_for()
    person.go("Train")
    slider = page.locator(".st-key-mnist_samples input[type=range]").first
    slider.focus()
    page.keyboard.press("End")
    page.get_by_text("55,000 of MNIST").wait_for()
    page.wait_for_timeout(500)
    person.press("train")
    page.locator(".st-key-training").get_by_text(re.compile(r"epoch 1 of", re.IGNORECASE)).wait_for(timeout=LONG)
    below = psutil.Process(server.process.pid).children(recursive=True)
    max(below, key=lambda process: process.memory_info().rss).kill()
    page.get_by_text("The worker died").wait_for(timeout=30_000)
    assert "1 drawing labelled" in page.locator("[data-testid=stSidebar]").inner_text()
    slider.focus()
    page.keyboard.press("Home")
    page.get_by_text("none of MNIST").wait_for()
    page.wait_for_timeout(500)
    person.press("train")
    page.locator(".st-key-training").get_by_text("Trained on your 1 drawing.").wait_for(timeout=LONG)


def test_stop_keeps_what_was_learnt(person):
    page = person.page
    person.open("/Train")
    page.locator(".st-key-mnist_samples input[type=range]").first.focus()
    page.keyboard.press("End")
    page.get_by_text("none yet").or_(page.get_by_text("trains on MNIST alone")).first.wait_for()
    page.wait_for_timeout(500)
    person.press("train")
    page.locator(".st-key-training").get_by_text(re.compile(r"epoch 1 of", re.IGNORECASE)).wait_for(timeout=LONG)
    page.wait_for_timeout(1500)
    page.locator(".st-key-training").get_by_role("button", name="Stop").click()
    page.locator(".st-key-training").get_by_text("Stopped early").wait_for(timeout=LONG)
    page.locator(".st-key-training").get_by_role("button", name="Continue").click()
    page.locator(".st-key-training").get_by_role("button", name="Stop").wait_for(timeout=LONG)
    assert "Model in use: run 1" in page.locator("[data-testid=stSidebar]").inner_text()
