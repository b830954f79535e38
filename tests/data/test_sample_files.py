import gzip
import io
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from digitcore.data import idx, sample_files
from digitcore.errors import CancelledError, SampleError
from digitcore.samples import SampleSet


@pytest.fixture(scope="module")
def some(data):
    made = SampleSet.from_arrays(data.test_images[:30], data.test_labels[:30])
    return made.add(data.test_images[30], 3, '{"strokes":[]}', "2026-11-21T12:00:00+00:00")


def zipped(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name.replace("__", "/"), content)
    return file.getvalue()


def png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def test_npz_file_keeps_all_fields(some):
    back = sample_files.read(some.to_npz())
    assert not back.rejected
    assert str(back) == "31 samples imported."
    for name in ("digits", "labels", "held_out", "is_example"):
        assert (getattr(back.samples, name) == getattr(some, name)).all()
    assert back.samples.strokes == some.strokes
    assert back.samples.dates == some.dates


@pytest.mark.parametrize("write", [sample_files.to_image_zip, sample_files.to_idx_zip])
def test_exported_samples_are_imported_unchanged(some, write):
    back = sample_files.read(write(some)).samples
    order = np.lexsort((np.arange(len(some)), some.labels)) if write is sample_files.to_image_zip else np.arange(len(some))
    by_label = np.lexsort((np.arange(len(back)), back.labels)) if write is sample_files.to_image_zip else order
    assert (back.digits[by_label] == some.digits[order]).all()
    assert (back.labels[by_label] == some.labels[order]).all()


def test_idx_export_has_the_format_of_mnist(some):
    with zipfile.ZipFile(io.BytesIO(sample_files.to_idx_zip(some))) as archive:
        content = gzip.decompress(archive.read(sample_files.IMAGES_FILE))
    assert content[:4] == bytes([0, 0, 8, 3])
    assert (idx.decode(content) == some.digits).all()


def test_each_entry_is_accepted_or_rejected(data):
    big = np.asarray(Image.fromarray(255 - data.test_images[0]).resize((200, 300)))
    found = sample_files.read(
        zipped(
            a__7__one=png(data.test_images[0]),
            a__7__big=png(big),
            a__7__text=b"no picture",
            a__7__blank=png(np.zeros((28, 28), np.uint8)),
            a__x__other=png(data.test_images[0]),
            loose=png(data.test_images[0]),
        )
    )
    assert found.samples.labels.tolist() == [7, 7]
    assert (found.samples.digits[0] == data.test_images[0]).all()
    assert len(found.rejected) == 4
    assert str(found).startswith("2 samples imported, 4 rejected. a/7/text: This file cannot be read as an image")


def bomb():
    return zipped(**{"0__a": bytes(sample_files.MAX_UNPACKED + 1)})


def pickled():
    file = io.BytesIO()
    np.savez(file, digits=np.array([{"a": 1}], dtype=object), labels=np.array([1]))
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK",
        b"nothing",
        pickle.dumps([1]),
        bomb(),
        pickled(),
        bytes(sample_files.MAX_BYTES + 1),
        zipped(),
        zipped(**{"digits.npy": b"\x93NUMPY"}),
        zipped(**{"a-idx3-ubyte": b"\0\0\x08\x03"}),
        zipped(**{"a-idx3-ubyte": b"\0\0\x08\x03", "b-idx1-ubyte": b"\0\0\x08\x01\xff\xff\xff\xff"}),
        zipped(**{"7__a.png": b"GIF89a"}),
    ],
    ids=range(12),
)
def test_invalid_file_raises_a_sample_error(data):
    with pytest.raises(SampleError):
        sample_files.read(data)


@settings(deadline=None, max_examples=60)
@given(place=st.integers(0, 10_000), bit=st.integers(0, 7), kind=st.sampled_from(["npz", "zip", "idx"]), cut=st.booleans())
def test_damaged_file_is_imported_or_raises_a_sample_error(some, place, bit, kind, cut):
    whole = bytearray(
        {"npz": some.to_npz, "zip": lambda: sample_files.to_image_zip(some), "idx": lambda: sample_files.to_idx_zip(some)}[kind]()
    )
    place %= len(whole)
    whole[place] ^= 1 << bit
    try:
        found = sample_files.read(bytes(whole[:place] if cut else whole))
    except SampleError:
        return
    assert found.samples.digits.shape[1:] == (28, 28)
    assert found.samples.labels.max() <= 9


def test_total_number_of_pixels_is_limited():
    blank_with_a_dot = np.zeros((5000, 5000), np.uint8)
    blank_with_a_dot[2000:3000, 2400:2600] = 255
    large = png(blank_with_a_dot)  # 25 million pixels are compressed to a few kB.
    found = sample_files.read(zipped(**{f"1__{number}.png": large for number in range(6)}))
    assert len(found.samples) == 4
    assert all("100 million pixels together" in reason for reason in found.rejected)


def test_import_reports_progress_and_can_be_stopped(some):
    content, shares = sample_files.to_image_zip(some), []
    sample_files.read(content, shares.append)
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert shares[-1] < 1
    with pytest.raises(CancelledError):
        sample_files.read(content, should_stop=lambda: True)
