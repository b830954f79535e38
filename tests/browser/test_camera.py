"""A photograph gets the same prediction from the camera, from a file and in a request. A bad file is refused in sight."""

import io
import json
import urllib.request

import numpy as np
import pytest
from PIL import Image

from digitcore.cli import main
from tests.support.browser import CHROMIUM_ARGS, Person, chromium
from tests.support.photographs import photograph

SIDES = 640, 480  # px, the size of the camera's picture
FAKE_DEVICE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
IS_ABOVE_PAGE_LINKS = """selector => {
  const { top, bottom } = document.querySelector(selector).getBoundingClientRect();
  return top >= 0 && bottom <= document.querySelector('.st-key-pages').getBoundingClientRect().top;
}"""
# Before the first frame, "Take Photo" is enabled and does nothing. A video that has its size can show black frames for a moment.
CAMERA_SHOWS = """() => {
  const video = document.querySelector('[data-testid=stCameraInput] video');
  if (!video?.videoHeight) return false;
  const context = new OffscreenCanvas(1, 1).getContext('2d');
  context.drawImage(video, 0, 0, 1, 1);
  return context.getImageData(0, 0, 1, 1).data[0] > 0;
}"""


@pytest.fixture
def camera(browser, server, tmp_path):
    """Return a function that opens a page in a Chromium whose camera shows a picture."""
    opened = []

    def open_with(picture: Image.Image) -> Person:
        file, frame = tmp_path / "camera.mjpeg", io.BytesIO()
        picture.resize(SIDES).save(frame, "JPEG", quality=95)
        file.write_bytes(frame.getvalue() * 2)
        args = [*CHROMIUM_ARGS, *FAKE_DEVICE, f"--use-file-for-fake-video-capture={file}"]
        running = browser.browser_type.launch(executable_path=chromium(), args=args)
        opened.append(running)
        return Person(running.new_context(viewport={"width": 1280, "height": 800}, permissions=["camera"]).new_page(), server.url)

    yield open_with
    for running in opened:
        running.close()


def test_a_photograph_gets_one_answer_from_camera_file_and_request(camera, server, tmp_path, capsys):
    """The tests in tests/images cover photographs of all kinds of paper."""
    label = 3
    file = tmp_path / "photo.jpg"
    file.write_bytes(photograph("pencil", label, np.random.default_rng(1)))
    person = camera(Image.open(file))
    person.begin()
    person.page.locator("summary", has_text="Picture or camera").click()
    person.settle()
    person.page.locator(".st-key-camera_on label").click()
    person.settle()
    person.page.wait_for_function(CAMERA_SHOWS)
    person.page.get_by_role("button", name="Take Photo").click()
    person.page.locator("[data-testid=predicted-digit]").wait_for()
    assert main(["predict", str(file), "--json"]) == 0
    (printed,) = json.loads(capsys.readouterr().out)
    request = urllib.request.Request(f"{server.url}/api/v1/predict", file.read_bytes(), {"content-type": "image/jpeg"})
    with urllib.request.urlopen(request) as response:
        (answered,) = json.load(response)["answers"]
    assert [person.predicted_digit(), printed["digit"], answered["digit"]] == [label] * 3
    assert np.allclose(printed["probabilities"], answered["probabilities"], atol=1e-4)
    assert printed["box"] == answered["box"]
    person.wait_for_drawings(0)


def test_a_large_photograph_is_shrunk_and_a_broken_file_is_refused_where_the_user_looks(new_person, server):
    """Large files are slow on a phone's connection."""
    person = new_person(server, viewport={"width": 390, "height": 664}, has_touch=True)
    person.begin()
    page = person.page
    page.locator("summary", has_text="Picture or camera").click()
    chosen = page.locator(".st-key-picture input[type=file]")
    chosen.set_input_files({"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"})
    page.locator(".st-key-picture_error").get_by_text("This file cannot be read as an image.").wait_for()
    page.wait_for_function(IS_ABOVE_PAGE_LINKS, arg=".st-key-picture_error")
    chosen.set_input_files({"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": large_photograph(4)})
    page.locator("[data-testid=predicted-digit]").wait_for()
    assert person.predicted_digit() == 4
    assert chosen.evaluate("input => input.files[0].size") < 4_000_000


def large_photograph(label: int) -> bytes:
    """Return a photograph of a digit that has 12 megapixels and the noise of a camera, as JPEG."""
    rng, file = np.random.default_rng(label), io.BytesIO()
    small = Image.open(io.BytesIO(photograph("pencil", label, rng))).convert("L").resize((4032, 3024))
    noise = rng.integers(-8, 9, (3024, 4032))
    Image.fromarray((np.asarray(small) + noise).clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=98)
    assert file.tell() > 4_000_000
    return file.getvalue()
