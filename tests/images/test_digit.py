import io
import pickle
import struct
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageDraw

from digitcore import images
from digitcore.errors import ImageError, UnreadableImageError
from digitcore.images import INK_SIDE, SIDE, decoding, digit_from_canvas, digit_from_file, digit_from_image
from digitcore.images import digit as digit_module
from tests.support import fuzz

BLANKS = {
    "black": np.dstack([np.zeros((280, 280, 3), np.uint8), np.full((280, 280), 255, np.uint8)]),
    "white": np.full((280, 280, 4), 255, np.uint8),
    "transparent": np.zeros((280, 280, 4), np.uint8),
    "empty": np.zeros((0, 0, 4), np.uint8),
}


def seven(size=280, scale=1.0, offset=(0, 0), brush=20, ink=255, paper=0):
    """Draw a seven on a canvas: (size, size, 4) uint8."""
    picture = Image.new("L", (size, size), paper)
    points = [(size / 2 + offset[0] + scale * x, size / 2 + offset[1] + scale * y) for x, y in [(-60, -90), (60, -90), (-20, 90)]]
    pen = ImageDraw.Draw(picture)
    pen.line(points, fill=ink, width=round(brush * scale), joint="curve")
    grey = np.asarray(picture)
    return np.dstack([grey, grey, grey, np.full_like(grey, 255)])


def difference(first, second):
    """Return the sum of the absolute differences of the pixels, as a share of the ink."""
    return np.abs(first.astype(int) - second.astype(int)).sum() / max(1, int(first.sum()))


@pytest.mark.parametrize("name", BLANKS)
def test_blank_canvas_gives_no_digit(name):
    assert digit_from_canvas(BLANKS[name]) is None


def test_digit_is_scaled_and_centred_as_in_mnist():
    digit = digit_from_canvas(seven())
    rows, columns = np.nonzero(digit > 30)
    assert digit.shape == (SIDE, SIDE)
    assert digit.dtype == np.uint8
    assert digit.max() == 255
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (INK_SIDE - 1, INK_SIDE)
    weight = digit.astype(float)
    assert abs((weight.sum(1) @ np.arange(SIDE)) / weight.sum() - 13.5) < 0.6
    assert abs((weight.sum(0) @ np.arange(SIDE)) / weight.sum() - 13.5) < 0.6


@settings(max_examples=100)
@given(brush=st.integers(9, 24), right=st.floats(-1, 1), down=st.floats(-1, 1), polarity=st.sampled_from([(255, 0), (0, 255)]))
def test_position_size_and_polarity_hardly_change_the_digit(predictor, brush, right, down, polarity):
    """Draw a seven at 0.45 to 1.2 times its size, at any position. The width of the brush scales too, in whole pixels."""
    scale = brush / 20
    room = [(140 - scale * half - brush) for half in (60, 90)]
    moved = seven(scale=scale, offset=(right * room[0], down * room[1]), ink=polarity[0], paper=polarity[1])
    digit = digit_from_canvas(moved)
    assert difference(digit_from_canvas(seven()), digit) < 0.30
    assert predictor.probabilities(digit[None]).argmax() == 7


def test_polarity_and_transparency_do_not_change_the_digit():
    white_on_black, black_on_white = seven(), seven(ink=0, paper=255)
    see_through = seven()
    see_through[..., 3] = see_through[..., 0]
    dark = see_through.copy()
    dark[..., :3] = 0
    expected = digit_from_canvas(white_on_black)
    for other in (black_on_white, see_through, dark):
        assert difference(expected, digit_from_canvas(other)) < 0.02


def test_digits_upside_down_are_not_predicted_with_confidence(predictor, data):
    """Fewer than 2 % of the digits 3, 6, 7 and 9, turned by 180°, are predicted as their label with confidence."""
    digits, labels = data.validation
    turned = np.flatnonzero(np.isin(labels, [3, 6, 7, 9]))[:400]
    canvases = [np.asarray(Image.fromarray(digits[i][::-1, ::-1]).resize((280, 280)).convert("RGBA")) for i in turned]
    answers = predictor.probabilities(np.stack([digit_from_canvas(canvas) for canvas in canvases]))
    assert ((answers.argmax(1) == labels[turned]) & (answers.max(1) > 0.9)).mean() < 0.02


@settings(max_examples=60)
@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    row=st.integers(0, 59),
    column=st.integers(0, 59),
    alpha=st.sampled_from([0, 1, 128, 255]),
)
def test_any_canvas_gives_a_digit_or_is_blank(height, width, row, column, alpha):
    canvas = np.zeros((height, width, 4), np.uint8)
    canvas[..., 3] = alpha
    canvas[row % height, column % width] = 255
    digit = digit_from_canvas(canvas)
    assert digit is None or (digit.shape == (SIDE, SIDE) and digit.max() == 255)


@pytest.mark.parametrize("canvas", [np.zeros((28, 28), np.uint8), np.zeros((28, 28, 3), np.uint8), np.zeros((28, 28, 4))])
def test_array_that_is_not_rgba_raises(canvas):
    with pytest.raises(ImageError):
        digit_from_canvas(canvas)


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "LA", "I", "F", "I;16", "CMYK"])
def test_image_of_every_mode_gives_the_same_digit(mode):
    grey = Image.fromarray(seven()[..., 0])
    image = Image.fromarray(np.asarray(grey).astype(np.uint16) * 200) if mode == "I;16" else grey.convert(mode)
    assert difference(digit_from_canvas(seven()), digit_from_image(image)) < 0.25


def test_mnist_digits_are_predicted_as_before_after_another_conversion(data, predictor):
    digits, labels = data.validation
    again = np.array([digit_from_image(Image.fromarray(255 - digit)) for digit in digits[:500]])
    assert (predictor.probabilities(again).argmax(1) == labels[:500]).mean() >= 0.99


def test_digit_in_a_photograph_of_paper_is_predicted(predictor):
    rng = np.random.default_rng(0)
    paper = np.linspace(170, 215, 400)[None, :] + rng.normal(0, 4, (400, 400))
    ink = np.asarray(Image.fromarray(seven()[..., 0]).resize((400, 400))) / 255
    photo = Image.fromarray((paper * (1 - 0.75 * ink)).clip(0, 255).astype(np.uint8))
    assert predictor.probabilities(digit_from_image(photo)[None]).argmax() == 7


def test_thick_ink_cropped_closely_is_not_a_photograph():
    """Most of the image is ink, so few pixels are background."""
    thick = seven(brush=90)[:, :, 0]
    rows, columns = np.nonzero(thick)
    cropped = Image.fromarray(thick[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1])
    ink = images.ink_from_image(cropped)
    assert not ink.is_photograph
    assert np.array_equal(ink.ink > 127, np.asarray(cropped) > 127)


@pytest.mark.parametrize("resampling", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC])
def test_smooth_crops_are_line_art(resampling, data, predictor):
    """The digits are cropped to the ink, reduced to 12 px and enlarged ten times."""
    digits, labels = data.validation
    correct, photographs = [], []
    for number, (digit, label) in enumerate(zip(digits[:60], labels[:60], strict=True)):
        rows, columns = np.nonzero(digit > 30)
        crop = Image.fromarray(digit[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1])
        small = crop.resize([max(2, round(side * 12 / max(crop.size))) for side in crop.size], Image.Resampling.BOX)
        large = small.resize([side * 10 for side in small.size], resampling)
        ink = images.ink_from_image(large if number % 2 else Image.eval(large, lambda level: 255 - level))
        photographs.append(ink.is_photograph)
        correct.append(predictor.probabilities(ink.digits()[0].digit[None]).argmax() == label)
    assert np.mean(correct) >= 0.9
    assert np.mean(photographs) <= 0.3


def test_transparent_ink_with_a_soft_shadow_is_extracted():
    """Only the alpha channel contains the ink, and few pixels are fully transparent."""
    alpha = seven()[..., 0]
    shadow = np.linspace(0, 60, 280).astype(np.uint8)[None, :].repeat(280, 0)
    transparent = np.dstack([np.zeros((280, 280, 3), np.uint8), np.maximum(alpha, shadow)])
    assert images.ink_from_image(Image.fromarray(transparent)).is_photograph
    assert difference(digit_from_canvas(seven()), digit_from_image(Image.fromarray(transparent))) < 0.35


def test_truncated_file_is_unreadable():
    file = io.BytesIO()
    Image.fromarray(seven()).save(file, "PNG")
    with pytest.raises(UnreadableImageError):
        digit_from_image(Image.open(io.BytesIO(file.getvalue()[:300])))


def test_image_with_too_many_pixels_raises():
    with pytest.raises(ImageError, match="smaller"):
        digit_from_image(Image.new("1", (8000, 8000)))
    file = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(file, "PNG")  # Pillow refuses to open an image of this size.
    with pytest.raises(ImageError, match="smaller"):
        digit_from_file(file.getvalue())


def png_chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def broken_images():
    """Yield files that made Pillow raise other errors than `OSError`: a name, the content, and whether it can be decoded."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(seven()[..., :3])).save(file, "JPEG", exif=fuzz.odd_exif())
    yield "EXIF of another type", file.getvalue(), True
    head, end = b"\x89PNG\r\n\x1a\n", png_chunk(b"IEND", b"")
    yield "a header of 5 bytes", head + png_chunk(b"IHDR", b"12345") + end, False
    size = struct.pack(">II", 9, 9)
    yield "no pixels", head + png_chunk(b"IHDR", size + b"\x08\x06\0\0\0") + end, False
    yield "an unknown kind of pixels", head + png_chunk(b"IHDR", size + b"\x07\x09\0\0\0") + end, False
    yield "a cut GIF", b"GIF89a\x01", False


@pytest.mark.parametrize(
    ("name", "content", "is_good"), broken_images(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_broken_image_is_decoded_or_raises_an_image_error(name, content, is_good):
    if is_good:
        assert digit_from_file(content) is not None
        return
    with pytest.raises(ImageError):
        digit_from_file(content)
    with pytest.raises(ImageError):
        images.decode_canvas(content)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_image_is_turned_upright_at_any_size(orientation):
    """Many cameras write rotated images and store the rotation as the EXIF orientation."""
    turns = {1: 0, 3: 2, 6: 1, 8: 3}[orientation]
    for side in (400, 2900):
        exif, file = Image.Exif(), io.BytesIO()
        exif[ExifTags.Base.Orientation] = orientation
        turned = np.rot90(seven()[..., 0], turns)
        Image.fromarray(np.ascontiguousarray(turned)).resize((side, side)).save(file, "JPEG", exif=exif, quality=95)
        assert difference(digit_from_canvas(seven()), digit_from_file(file.getvalue())) < 0.1


@pytest.mark.parametrize("mode", ["L", "P", "1", "RGBA", "I", "F", "I;16"])
def test_large_image_is_reduced_in_strips_as_in_one_step(mode, monkeypatch):
    large = Image.fromarray(seven()[..., 0]).resize((2600, 2300))
    image = Image.fromarray(np.asarray(large).astype(np.uint16) * 200) if mode == "I;16" else large.convert(mode)
    digits = []
    for pixels in (10_000_000, 30_000):
        monkeypatch.setattr(decoding, "STRIP_PIXELS", pixels)
        digits.append(digit_from_image(image))
    assert np.array_equal(*digits)
    assert difference(digits[0], digit_from_canvas(seven())) < 0.25


def test_large_images_are_decoded_one_at_a_time(monkeypatch):
    """The pixels of an image are freed before the next image is decoded."""
    file, opened, n_closed = io.BytesIO(), [], []
    Image.fromarray(seven()[..., 0]).resize((2600, 2300)).save(file, "PNG")
    separate_ink, open_image = digit_module.separate_ink, digit_module.open_image

    def is_closed(image):
        try:
            return not image.im
        except ValueError:
            return True
        except AssertionError:  # The image is not decoded yet.
            return False

    def remember(*given):
        opened.append(open_image(*given))
        return opened[-1]

    def count(rgba):
        n_closed.append(sum(map(is_closed, opened)))
        return separate_ink(rgba)

    monkeypatch.setattr(digit_module, "open_image", remember)
    monkeypatch.setattr(digit_module, "separate_ink", count)
    with ThreadPoolExecutor(4) as pool:
        assert all(digit is not None for digit in pool.map(digit_from_file, [file.getvalue()] * 4))
    assert n_closed == [0, 1, 2, 3]


def test_repr_of_image_ink_fits_on_one_line():
    assert repr(images.ink_from_image(Image.new("L", (60, 40)))) == "ImageInk(is_photograph=False, size=(60, 40))"


def test_unreadable_image_error_survives_pickling():
    """The worker sends its errors to the server as pickles."""
    error = pickle.loads(pickle.dumps(UnreadableImageError()))
    assert isinstance(error, UnreadableImageError)
    assert str(error) == str(UnreadableImageError())


def test_photograph_of_an_iphone_is_read():
    pillow_heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    heif = pillow_heif.from_pillow(Image.fromarray(seven()[..., 0]).convert("RGB"))
    heif.save(file, quality=90)
    assert difference(digit_from_canvas(seven()), digit_from_file(file.getvalue())) < 0.1


def test_missing_decoder_of_heic_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    decoding._register_heif.cache_clear()
    with pytest.raises(UnreadableImageError, match="Save the picture as JPEG"):
        digit_from_file(b"\0\0\0\x18ftypheic" + bytes(20))


def test_photograph_of_50_megapixels_is_read():
    file = io.BytesIO()
    Image.fromarray(seven()[..., 0]).resize((7071, 7070)).save(file, "JPEG", quality=90)
    assert difference(digit_from_canvas(seven()), digit_from_file(file.getvalue())) < 0.1


def test_photograph_of_a_camera_with_50_megapixels_is_decoded():
    file = io.BytesIO()
    Image.new("L", (8192, 6144), 255).save(file, "JPEG")
    pixels, size = decoding.decode(decoding.open_image(file.getvalue()))
    assert size == (8192, 6144)
    assert max(pixels.shape[:2]) <= 2 * decoding.MAX_SIDE
