"""The selectors that depend on Streamlit's elements. A test fails if an upgrade of Streamlit breaks a selector."""

from pages.components import assets

# Stores the selectors without a match in window.unmatched, and tries them again after each change of the page.
# A trailing "*" is removed: elements inside Streamlit's header exist on Streamlit Community Cloud only.
WATCH_SELECTORS = r"""text => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  const styleRules = rule => rule.selectorText ? [rule] : [...rule.cssRules].flatMap(styleRules);
  const selectors = rule => rule.selectorText.split(/,(?![^(]*\))/).map(selector => selector.trim().replace(/ \*$/, ''));
  window.unmatched = new Set([...sheet.cssRules].flatMap(styleRules).flatMap(selectors));
  const nSelectors = window.unmatched.size;
  const tryAll = () => window.unmatched.forEach(selector => {
    if (document.querySelector(selector)) window.unmatched.delete(selector);
  });
  tryAll();
  new MutationObserver(tryAll).observe(document, { subtree: true, childList: true, attributes: true });
  return nSelectors;
}"""
KEEP_SOCKETS = """window.sockets = [];
window.WebSocket = class extends WebSocket { constructor(...args) { super(...args); window.sockets.push(this) } };"""
# Returns the number of parts of progress bars that move smoothly.
N_MOVING = """[...document.querySelectorAll('[data-testid=stProgress] *')]
  .filter(part => getComputedStyle(part).transitionDuration !== '0s').length"""
IMPORT_SCRIPT = "text => import(URL.createObjectURL(new Blob([text], { type: 'text/javascript' })))"


def test_each_style_rule_for_streamlit_matches_an_element(person):
    page = person.page
    person.begin("/Draw?start=genius&mnist_samples=200&epochs=1&validation_samples=100")
    n_selectors = page.evaluate(WATCH_SELECTORS, assets.read("streamlit.css"))
    person.draw(4)
    person.label(4, 1)
    page.get_by_text("My drawings", exact=True).click()
    page.locator(".st-key-own_digits button").first.click()  # It shows a control with a selected option.
    person.settle()
    person.press("train")
    page.locator(".st-key-comparing").wait_for()  # It shows the choice between two models.
    page.locator(".st-key-outcome [data-testid=stCaptionContainer]").wait_for()
    person.go("Train")
    person.go("Evaluate")
    page.locator(".st-key-comparison [data-testid=stVegaLiteChart]").first.wait_for()
    person.see("Robustness")
    page.locator(".st-key-robustness_all_digits label").first.click()  # The evaluation takes a minute and shows its progress.
    page.locator(".st-key-title [data-testid=stProgress]").first.wait_for()
    assert page.evaluate(N_MOVING) == 0, "a progress bar does not move smoothly if the user prefers reduced motion"
    person.press("stop_queries")
    person.settle()
    assert page.evaluate("[...window.unmatched]") == []
    assert n_selectors > 20, "the selectors were found in the style sheet"


def test_the_script_reads_the_state_of_streamlit(shared_person):
    streamlit = shared_person.page.evaluate_handle(IMPORT_SCRIPT, assets.script("streamlit.js"))
    assert streamlit.evaluate("streamlit => streamlit.isConnected()") is True
    assert streamlit.evaluate("streamlit => streamlit.isScriptRunning()") is False


def test_a_lost_connection_is_noticed(person):
    page = person.page
    page.add_init_script(KEEP_SOCKETS)
    person.begin()
    streamlit = page.evaluate_handle(IMPORT_SCRIPT, assets.script("streamlit.js"))
    streamlit.evaluate(
        "streamlit => { window.states = []; streamlit.observeConnection(() => window.states.push(streamlit.isConnected())) }"
    )
    page.evaluate("window.sockets.forEach(socket => socket.close())")
    page.wait_for_function("window.states.includes(false) && window.states.at(-1)")


def test_the_styles_of_the_page_head_are_inside_an_element_of_streamlit(shared_person):
    """head.html puts the style sheets into `#root`, which gives them more weight than Streamlit's own rules."""
    assert shared_person.page.evaluate("document.querySelector('#root [data-testid=stApp]') !== null")
