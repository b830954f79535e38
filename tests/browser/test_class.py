"""A class whose teacher and pupil use different servers with one database."""

import io
import re

import zxingcpp
from PIL import Image

from tests.support.browser import WITHOUT_WORKER


def test_a_pupil_joins_on_another_server_and_the_projector_shows_the_drawing(own_server, new_person):
    first, second = own_server(**WITHOUT_WORKER), own_server(**WITHOUT_WORKER)
    teacher, projector = new_person(first), new_person(first, viewport={"width": 1920, "height": 1080})
    pupil = new_person(second, viewport={"width": 390, "height": 664}, has_touch=True, is_mobile=True)
    teacher.begin()
    teacher.go("My lab")
    teacher.page.get_by_text("Start or join a class", exact=True).click()
    teacher.page.get_by_label("Name of the class").fill("Class 4b")
    teacher.page.keyboard.press("Tab")
    teacher.press("class_start")
    code = teacher.page.get_by_text(re.compile("Join code: [A-Z]{6}")).inner_text()[-6:]
    projector.open(teacher.page.get_by_role("link", name="Projector").get_attribute("href").removeprefix("."))

    projector.page.get_by_text(code, exact=True).first.wait_for()
    projector.settle()
    (scanned,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(projector.page.screenshot())))
    assert scanned.text == f"{first.url}/?class={code}"
    pupil.open(scanned.text.removeprefix(first.url))
    pupil.page.get_by_label("Nickname").fill("Ada <b>")
    pupil.press("class_join_button")
    pupil.page.get_by_text("A nickname has only letters").wait_for()
    pupil.page.get_by_label("Nickname").fill("Ada")
    pupil.press("class_join_button")
    pupil.find_canvas()
    pupil.settle()
    pupil.draw(7)
    pupil.press_label(7)
    pupil.bar().get_by_text("1 of 100 drawings in Class 4b").wait_for()
    tile = projector.page.locator(".class-tile", has_text="Ada")
    tile.locator("span", has_text=re.compile("^1")).first.wait_for()
    assert tile.locator("b").evaluate("element => parseFloat(getComputedStyle(element).fontSize)") >= 36

    # The pupil's server is killed. Another server opens the lab again, as a member of the class.
    query = pupil.page.url.partition("?")[2]
    second.kill()
    again = new_person(first)
    again.begin(f"/Draw?{query}")
    again.bar().get_by_text("1 of 100 drawings in Class 4b").wait_for()
    assert "lab=" in query and code not in query
