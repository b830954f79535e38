"""Two browsers on one server: neither browser sees the other's work. `test_saving.py` tries more addresses."""

import re


def label_one(person, digit):
    """Draw a digit, label it, and return the token of the lab."""
    person.begin()
    person.draw(digit)
    person.label(digit, 1)
    person.page.wait_for_url(re.compile("lab="))
    return person.page.url.partition("lab=")[2]


def test_two_browsers_see_nothing_of_each_other(new_person, server):
    ann, bob = new_person(server), new_person(server)
    tokens = label_one(ann, 4), label_one(bob, 7)
    assert tokens[0] != tokens[1]
    assert min(map(len, tokens)) >= 22
    other_last = "A" if tokens[0][-1] != "A" else "B"
    for guess in (tokens[0][:-1] + other_last, "' OR '1'='1"):
        bob.page.goto(f"{server.url}/Draw?lab={guess}")
        bob.find_canvas()
        bob.page.get_by_text("The lab was deleted or has expired").wait_for()
        assert "0 drawings" in bob.bar().inner_text()
    ann.page.reload()
    ann.wait_for_drawings(1)
    bob.page.goto(f"{server.url}/Draw?lab={tokens[1]}")
    bob.page.get_by_text("My drawings", exact=True).click()
    bob.page.locator(".grid button", has_text="7").wait_for()
    assert bob.page.locator(".grid button").count() == 1
    assert bob.error_messages() == []
