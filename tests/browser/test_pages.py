"""All pages: their addresses, consoles, accessibility and navigation."""

from dataclasses import dataclass

import pytest

from tests.support.browser import QUICK, WITHOUT_WORKER, Person

PATHS = ["/Draw", "/Train", "/Evaluate", "/"]
MARKS = {"/Train": ".st-key-train", "/Evaluate": ".st-key-view"}  # selectors of elements that are shown when the page is ready
STREAMLIT_VIOLATIONS: set[str] = set()  # axe rules that Streamlit's elements violate


@pytest.mark.parametrize("path", ["/", "/Evaluate"])
def test_an_address_works_as_the_first_request_of_a_server(new_person, own_server, path):
    """The tests of persistence and of experiments open /Draw and /Train as the first address of a server."""
    person = new_person(own_server(**WITHOUT_WORKER))
    person.open(path)
    person.page.locator(".st-key-bar a").nth(3).wait_for()
    person.page.locator(MARKS.get(path, ".st-key-answer")).wait_for()
    assert "Page not found" not in person.page.inner_text("body")
    assert person.page.locator("[data-testid=stException]").count() == 0


@dataclass(frozen=True)
class Visit:
    """What happened on a page.

    Attributes:
        errors: Errors of the console, and exceptions that the page shows.
        violations: Elements that violate axe-core's rules for WCAG 2 A and AA, by rule.
    """

    errors: list[str]
    violations: dict[str, list[str]]


@pytest.fixture(scope="module")
def visits(browser, server):
    """Open, reload and check every page. Return the visit of each address."""
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    person, found, errors = Person(context.new_page(), server.url), {}, []
    person.page.on("console", lambda line: line.type == "error" and errors.append(f"{line.text} ({line.location['url']})"))
    person.page.on("pageerror", lambda error: errors.append(str(error)))
    for path in PATHS:
        person.open(path)
        for is_reloaded in (False, True):
            if is_reloaded:
                person.page.reload()
            person.page.locator(MARKS.get(path, ".st-key-answer")).wait_for()
            person.settle(1000)
        errors += person.page.locator("[data-testid=stException]").all_inner_texts()
        checked = Axe().run(person.page, options={"runOnly": ["wcag2a", "wcag2aa"]}).response["violations"]
        found[path] = Visit(errors.copy(), {one["id"]: [node["html"][:200] for node in one["nodes"]] for one in checked})
        errors.clear()
    yield found
    context.close()


@pytest.mark.parametrize("path", PATHS)
def test_the_console_stays_empty(visits, path):
    assert visits[path].errors == []


@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_accessible(visits, path):
    ours = {rule: elements for rule, elements in visits[path].violations.items() if rule not in STREAMLIT_VIOLATIONS}
    assert ours == {}


def test_a_click_on_the_matrix_shows_its_digits(person):
    page = person.page
    person.open("/Evaluate")
    page.locator(".st-key-view").wait_for()
    person.see("Confusion")
    page.get_by_text("Most often confused").wait_for()
    chart = page.locator(".st-key-comparison [data-testid=stVegaLiteChart]").first
    chart.scroll_into_view_if_needed()
    person.settle(1000)
    chart.locator("path[aria-roledescription='rect mark']").last.click()
    page.get_by_text("digits: true 9, predicted 9").wait_for()
    page.locator(".grid button").nth(59).wait_for()
    assert person.error_messages() == []


def test_a_name_typed_without_enter_is_used(person: Person):
    """The browser sends the name and the press of the next button together."""
    page = person.page
    person.open(f"/Train?start=untrained&{QUICK}")
    person.press("train")
    page.locator(".st-key-training").get_by_text("Started from untrained mlp").wait_for()
    person.settle()
    person.select_row(0)
    name = page.get_by_role("textbox", name="Name")
    name.fill("mine")
    person.press("run_delete")
    page.get_by_text("Deleted “mine”").wait_for()
    assert page.get_by_text("Deleted “").count() == 1
    assert "Reading: untrained" in person.bar().inner_text()
    assert person.error_messages() == []


def test_the_back_button_leads_to_the_previous_page(person: Person):
    page = person.page
    person.begin()
    person.draw(4)
    person.label(4, 1)
    page.wait_for_url("**/Draw?lab=*")
    person.go("Train")
    person.slide("epochs", "ArrowRight", "ArrowRight")
    person.go("Evaluate")
    # When its work ends, a page runs by itself. Streamlit then undoes a press of Back that comes at this moment.
    page.get_by_test_id("stProgress").first.wait_for(state="detached")
    person.settle()
    page.go_back()
    page.locator(".st-key-train").wait_for()
    person.settle()
    page.go_back()
    person.find_canvas()
    assert "/Draw?lab=" in page.url
    assert "1 drawing" in person.bar().inner_text()
    assert person.error_messages() == []
