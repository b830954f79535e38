import re

import pytest

from digitcore.evaluation.score import Score
from pages.session import formatting


@pytest.mark.parametrize(("n", "expected"), [(0, "0 drawings"), (1, "1 drawing"), (1234, "1,234 drawings")])
def test_plurals(n, expected):
    assert formatting.drawings(n) == expected


def test_examples_are_counted_separately(few):
    assert formatting.samples(few) == "20 drawings"
    assert formatting.samples(few.add(few.digits[0], 0, is_example=True)) == "20 drawings, 1 example"


@pytest.mark.parametrize(("n_bytes", "expected"), [(10, "1 kB"), (3_400, "3 kB"), (99_999, "100 kB"), (1_240_000, "1.2 MB")])
def test_file_sizes(n_bytes, expected):
    assert formatting.file_size(n_bytes) == expected


def test_names_are_shown_unchanged():
    assert formatting.escape("run 1") == "run 1"
    assert formatting.escape("salt-pepper") == "salt-pepper"
    assert formatting.escape("a: b 10:") == "a: b 10:"
    assert formatting.escape("[x](y) <b> _a_ $1$") == r"\[x\]\(y\) \<b\> \_a\_ \$1\$"


@pytest.mark.parametrize(
    "text", ["https://x.org", "HTTP://x.org", "www.x.org", "(WWW.x.org)", "a@x.org", "mailto:a@x.org", ":smile:", "x :+1: y"]
)
def test_an_escaped_name_becomes_no_link_and_no_emoji(text):
    shown = re.sub(r"\\(\W)", r"\1", formatting.escape(text))  # remark-gfm and remark-emoji search the text after this step.
    assert not re.search(r"(?i)https?://|www\.|[-.\w+]@|:[-+\w]+:", shown)
    assert shown.replace(formatting.WORD_JOINER, "") == text


@pytest.mark.parametrize(
    ("share", "places", "expected"),
    [(0.956, 0, "96 %"), (0.9996, 0, "99.9 %"), (0.994, 0, "99 %"), (1.0, 0, "100 %"), (0.9996, 1, "99.9 %"), (0, 0, "0 %")],
)
def test_percentages(share, places, expected):
    assert formatting.percent(share, places) == expected


def test_an_unknown_interval_or_score_is_empty():
    assert formatting.interval(None, 2) == ""
    assert formatting.score(None) == ""
    assert formatting.score(Score.from_counts(19, 20)) == "95 % of 20"


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.0047, "less than a second"), (1.2, "about 1 s"), (99, "about 99 s"), (240, "about 4 min")]
)
def test_estimates_are_never_below_a_second(seconds, expected):
    assert formatting.about_seconds(seconds) == expected
