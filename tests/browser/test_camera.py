"""A photograph before the camera, in a file, and in a request: the same answer."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.support.browser import CHROMIUM_ARGS, LONG, Person, chromium
from tests.support.photographs import KINDS, photograph

SIDES = 640, 480  # px, of the camera
FAKE_DEVICE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@pytest.fixture
def camera(browser, server, tmp_path):
    """Opens a page in a Chromium whose camera shows a picture."""
    opened = []

    def open_with(picture: Image.Image) -> Person:
        file, frame = tmp_path / "camera.mjpeg", io.BytesIO()
        picture.resize(SIDES).save(frame, "JPEG", quality=95)
        file.write_bytes(frame.getvalue() * 2)
        device = [
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-video-capture={file}",
        ]
        running = browser.browser_type.launch(executable_path=chromium(), args=[*CHROMIUM_ARGS, *device])
        opened.append(running)
        return Person(running.new_context(viewport={"width": 1280, "height": 800}, permissions=["camera"]).new_page(), server.url)

    yield open_with
    for running in opened:
        running.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_photograph_before_the_camera(camera, kind):
    label = 3 + KINDS.index(kind) % 3
    person = camera(Image.open(io.BytesIO(photograph(kind, label, np.random.default_rng(1)))))
    person.begin()
    person.page.locator("summary", has_text="Picture or camera").click()
    person.page.locator(".st-key-camera_on label").click()
    person.page.get_by_role("button", name="Take Photo").click(timeout=LONG)
    person.page.locator(".st-key-picture_use button:enabled").click(timeout=LONG)
    assert person.predicted_digit() == label
