import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digitcore.data.strokes import MAX_POINTS, MAX_STROKES, decode_strokes, encode_strokes, paint, redraw, to_json
from digitcore.images import digit_from_ink

RAW = {
    "objects": [
        {"path": [["M", 10.2, 20], ["Q", 10, 20, 30, 40.7], ["L", 50, 60]], "strokeWidth": 20},
        {"path": [["M", 1, 2], ["L", 3, 4]], "strokeWidth": 20},
    ]
}


def test_strokes_of_a_canvas_are_encoded():
    text = encode_strokes(RAW, 280)
    assert decode_strokes(text) == (280, 20, [[(10, 20), (30, 41), (50, 60)], [(1, 2), (3, 4)]])


def test_blank_canvas_has_no_strokes():
    assert encode_strokes(None, 280) == encode_strokes({}, 280) == encode_strokes({"objects": []}, 280) == ""


def test_number_of_points_is_limited():
    path = [["M", 0, 0], *(["L", i % 280, i // 280] for i in range(50_000))]
    _, _, [stroke] = decode_strokes(encode_strokes({"objects": [{"path": path, "strokeWidth": 9}]}, 280))
    assert MAX_POINTS / 2 < len(stroke) <= MAX_POINTS + 2
    assert stroke[-1] == (49_999 % 280, 49_999 // 280)


def test_number_of_strokes_is_limited():
    dots = [{"path": [["M", i % 280, i // 280]], "strokeWidth": 9} for i in range(12_400)]
    _, _, strokes = decode_strokes(encode_strokes({"objects": dots}, 280))
    assert MAX_STROKES / 2 < len(strokes) <= MAX_STROKES
    assert strokes[-1][0][1] > 40


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), lambda part: st.lists(part)).map(str))
def test_any_text_is_decoded_to_a_list(text):
    _, _, found = decode_strokes(text)
    assert isinstance(found, list)


@given(st.recursive(st.none() | st.integers() | st.text(), lambda part: st.lists(part) | st.dictionaries(st.text(), part)))
def test_any_canvas_json_is_encoded_to_text(part):
    assert isinstance(encode_strokes({"objects": [{"path": [part, ["L", 1, 2]]}, part]}, 280), str)


@pytest.mark.parametrize(
    "text",
    ['{"side":280,"width":20,"strokes":[[]]}', '{"side":1,"width":1,"strokes":[[[1e999,2]]]}', "[" * 99_999, "{}", "7", ""],
)
def test_malformed_strokes_are_ignored(text):
    assert decode_strokes(text)[2] == []


SEVEN, ZERO = [[[90, 60], [190, 60], [130, 230]]], [[[140, 50], [80, 140], [140, 230], [200, 140], [140, 50]]]


def painted(strokes):
    return digit_from_ink(paint([np.array(stroke, float) for stroke in strokes], 20))


def test_variants_of_a_drawing_differ():
    variants = redraw(to_json(SEVEN, 20), painted(SEVEN), 5, np.random.default_rng(0))
    assert variants.shape == (5, 28, 28)
    assert len({variant.tobytes() for variant in variants}) == 5
    assert variants.max((1, 2)).min() > 200


@pytest.mark.parametrize(
    ("strokes", "brush"), [(ZERO, 20), (SEVEN, 0), ([[[-9000, -9000], [9000, -9000], [9000, 9000]]], 20), ([], 20)]
)
def test_strokes_that_do_not_paint_the_digit_give_no_variants(strokes, brush):
    """An imported file can contain the strokes of another digit, or strokes that paint nothing."""
    assert len(redraw(to_json(strokes, brush), painted(SEVEN), 5, np.random.default_rng(0))) == 0
