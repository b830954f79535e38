"""Record how a new network learns ten digits on a fresh dashboard as docs/loop.webp: python docs/record_animation.py"""

import base64
import io
import itertools
import math
import re
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.support.browser import CHROMIUM_ARGS, FOUR, ONE, SEVEN, Person, Server, chromium

TARGET = Path(__file__).resolve().with_name("loop.webp")
VIEW = {"width": 1120, "height": 720}
WIDTH = 840  # px of the animation
MIN_FRAME, MAX_FRAME = 0.06, 0.6  # s, shortest and longest time of a frame
POINT_PAUSE = 8  # ms between two points of a stroke
STEPS = 4  # number of mouse moves between two points of a stroke


def arc(x: float, y: float, radius: float, start: float, end: float, stretch: float = 1.0) -> list[tuple[float, float]]:
    """Return points of an arc. Angles are in degrees, clockwise from the right. `stretch` is the ratio of height to width."""
    angles = [math.radians(start + (end - start) * step / 16) for step in range(17)]
    return [(x + radius * math.cos(angle), y + stretch * radius * math.sin(angle)) for angle in angles]


DIGITS = {  # digit → its strokes on a 280 px canvas
    4: FOUR,
    7: SEVEN,
    1: ONE,
    0: [arc(140, 140, 58, -90, 270, 1.5)],
    2: [[*arc(138, 100, 50, -170, 40), (90, 225), (200, 222)]],
    3: [[*arc(135, 95, 42, -150, 80), *arc(135, 180, 50, -80, 140)]],
    5: [[(108, 60), (102, 130), *arc(138, 178, 50, -120, 140)], [(108, 60), (190, 58)]],
    6: [[(175, 55), (120, 120), *arc(140, 180, 44, 180, -180)]],
    8: [[*arc(140, 100, 38, 90, 450), *arc(140, 182, 45, -90, 270)]],
    9: [[*arc(138, 108, 44, 0, -360), (182, 108), (168, 230)]],
}


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
        page.wait_for_timeout(150)


def loop(person: Person):
    """Teach a new network ten digits, and show the verdict and a new drawing."""
    page = person.page
    for number, (digit, strokes) in enumerate(DIGITS.items(), start=1):
        draw(person, strokes)
        person.label(digit, number)
        page.wait_for_timeout(100)
    person.press("train")
    page.get_by_text(re.compile(r"(Better|About the same|Worse): \d+ of 10 ")).wait_for(timeout=300_000)
    page.wait_for_timeout(3000)
    draw(person, DIGITS[7])
    page.wait_for_timeout(800)
    person.label(7, 11)
    page.wait_for_timeout(2500)


def main():
    """Record and write the animation, and print its length and size."""
    with sync_playwright() as play, tempfile.TemporaryDirectory() as folder:
        browser, server = play.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS), Server(Path(folder))
        try:
            person = Person(browser.new_context(viewport=VIEW, color_scheme="light").new_page(), server.url)
            person.begin("/Draw")
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
