"""Record drawing, labelling, training and comparing on a fresh dashboard as docs/loop.webp: python docs/record_animation.py"""

import base64
import io
import itertools
import re
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.support.browser import CHROMIUM_ARGS, FOUR, SEVEN, Person, Server, chromium

TARGET = Path(__file__).resolve().with_name("loop.webp")
VIEW = {"width": 1120, "height": 700}
WIDTH = 840  # px of the animation
MIN_FRAME, MAX_FRAME = 0.06, 0.6  # s, shortest and longest time of a frame
POINT_PAUSE = 22  # ms between two points of a stroke
STEPS = 5  # number of mouse moves between two points of a stroke


class Recording:
    """A recording of the frames that Chromium shows, with their times in s."""

    def __init__(self, page):
        self.frames: list[tuple[float, bytes]] = []
        self._session = page.context.new_cdp_session(page)
        self._session.on("Page.screencastFrame", self._on_frame)
        self._session.send("Page.startScreencast", {"format": "png", "everyNthFrame": 1})

    def _on_frame(self, event):
        self.frames.append((event["metadata"]["timestamp"], base64.b64decode(event["data"])))
        self._session.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})

    def stop(self):
        """End the recording."""
        self._session.send("Page.stopScreencast")
        self._session.detach()

    def save(self, path: Path) -> float:
        """Write an animated WebP, and return its length in seconds."""
        kept = [self.frames[0]]
        for frame in self.frames[1:]:
            if frame[0] - kept[-1][0] >= MIN_FRAME:
                kept.append(frame)
        images = [Image.open(io.BytesIO(content)).convert("RGB") for _, content in kept]
        images = [image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS) for image in images]
        times = [time for time, _ in kept]
        seconds = [min(MAX_FRAME, after - before) for before, after in itertools.pairwise(times)] + [4 * MAX_FRAME]
        durations = [round(1000 * one) for one in seconds]
        images[0].save(path, save_all=True, append_images=images[1:], duration=durations, loop=0, quality=60, method=4)
        return sum(seconds)


def draw(person: Person, strokes):
    """Draw at the speed of a person, so that the animation shows the changing prediction."""
    page, box = person.page, person.canvas_box()
    for points in strokes:
        places = [(box["x"] + x * box["width"] / 280, box["y"] + y * box["height"] / 280) for x, y in points]
        page.mouse.move(*places[0])
        page.mouse.down()
        for (left, top), (right, bottom) in itertools.pairwise(places):
            for step in range(1, STEPS + 1):
                page.mouse.move(left + (right - left) * step / STEPS, top + (bottom - top) * step / STEPS)
                page.wait_for_timeout(POINT_PAUSE)
        page.mouse.up()
        page.wait_for_timeout(350)


def loop(person: Person):
    """Draw and label two digits, train, show the outcome, and compare."""
    page = person.page
    for number, (digit, strokes) in enumerate(((4, FOUR), (7, SEVEN)), start=1):
        draw(person, strokes)
        page.wait_for_timeout(500)
        person.label(digit, number)
        page.wait_for_timeout(250)
    person.press("train")
    training = page.locator(".st-key-training")
    training.get_by_text(re.compile("clearly|about the same")).wait_for(timeout=120_000)
    page.wait_for_timeout(900)
    page.get_by_text("Compare with genius", exact=True).click()
    draw(person, FOUR)
    page.wait_for_timeout(1000)
    training.get_by_role("link", name="Compare").click()
    page.locator(".st-key-headline").get_by_text("of 10,000").wait_for(timeout=120_000)
    page.wait_for_timeout(2500)


def main():
    """Record and write the animation, and print its length and size."""
    with sync_playwright() as play, tempfile.TemporaryDirectory() as folder:
        browser, server = play.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS), Server(Path(folder))
        try:
            person = Person(browser.new_context(viewport=VIEW, color_scheme="light").new_page(), server.url)
            person.begin()
            recording = Recording(person.page)
            loop(person)
            recording.stop()
            seconds = recording.save(TARGET)
        finally:
            server.stop()
            browser.close()
    print(f"{TARGET.name}: {seconds:.0f} s, {TARGET.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
