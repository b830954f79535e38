"""Samples in many file formats. Each test writes its file."""

import bz2
import gzip
import io
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from benchmarks.imports import REFUSED, RIGHT, sample_cases, try_samples
from digitcore.data import idx, sample_files
from digitcore.data.sample_arrays import NUMBER_WORDS
from digitcore.data.sample_files import DoubtfulSamplesError
from digitcore.errors import SampleError


def npz(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def zipped(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return file.getvalue()


def picture(array, kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind)
    return file.getvalue()


def pages(digits):
    file = io.BytesIO()
    first, *others = map(Image.fromarray, digits)
    first.save(file, "TIFF", save_all=True, append_images=others)
    return file.getvalue()


def packed_idx(array):
    return gzip.compress(idx.encode(array))


def csv(digits, labels, order=lambda label, pixels: [label, *pixels], head=True, delimiter=","):
    names = delimiter.join(order("label", [f"pixel{i}" for i in range(digits[0].size)]))
    rows = [delimiter.join(map(str, order(y, x.ravel()))) for x, y in zip(digits, labels, strict=True)]
    return ("\n".join([names] * head + rows) + "\n").encode()


def one_hot_first(label, pixels):
    return [*(map(str, range(10)) if isinstance(label, str) else label), *pixels]


def one_hot_last(label, pixels):
    return [*pixels, *label]


def libsvm(digits, labels):
    pixels = digits.reshape(len(digits), -1)
    lines = [
        f"{y} " + " ".join(f"{i + 1}:{row[i]:.9g}" for i in np.flatnonzero(row)) for row, y in zip(pixels, labels, strict=True)
    ]
    return "\n".join(lines).encode()


def tarred(members):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def listed(labels, head, line):
    return "\n".join([head, *(line.format(i=i, y=y) for i, y in enumerate(labels))]).encode()


def in_folders(digits, labels, name="{label}/{i}.png", kind="PNG"):
    return {
        name.format(label=y, word=NUMBER_WORDS[int(y)], i=i): picture(x, kind)
        for i, (x, y) in enumerate(zip(digits, labels, strict=True))
    }


# Files whose digits are imported unchanged: for each name, a function of the digits, (N, 28, 28) uint8, and the labels.
EXACT = {
    "names of Keras": lambda x, y: npz(x_train=x[:12], y_train=y[:12], x_test=x[12:], y_test=y[12:]),
    "names of scikit-learn": lambda x, y: npz(X=x, y=y),
    "images and labels": lambda x, y: npz(train_images=x, train_labels=y),
    "no names": lambda x, y: npz(arr_0=x, arr_1=y),
    "data and target": lambda x, y: npz(target=y, data=x),
    "labels first": lambda x, y: npz(a=y, b=x),
    "flat": lambda x, y: npz(digits=x.reshape(-1, 784), labels=y),
    "ten flat digits": lambda x, y: npz(digits=x.reshape(-1, 784)[:10], labels=y[:10]),
    "with a channel": lambda x, y: npz(digits=x[..., None], labels=y),
    "channel first": lambda x, y: npz(digits=x[:, None], labels=y),
    "three channels": lambda x, y: npz(digits=np.stack([x] * 3, -1), labels=y),
    "samples last": lambda x, y: npz(X=np.moveaxis(x, 0, -1), y=y),
    "floats 0 to 1": lambda x, y: npz(digits=(x / 255).astype(np.float32), labels=y),
    "floats -1 to 1": lambda x, y: npz(digits=x / 127.5 - 1, labels=y),
    "floats 0 to 100": lambda x, y: npz(digits=x / 2.55, labels=y),
    "floats 0 to 255": lambda x, y: npz(digits=x.astype(float), labels=y.astype(float)),
    "16 bits": lambda x, y: npz(digits=x.astype(np.uint16) * 257, labels=y),
    "inverted": lambda x, y: npz(digits=255 - x, labels=y),
    "inverted floats": lambda x, y: npz(digits=1 - x / 255, labels=y),
    "one-hot": lambda x, y: npz(digits=x, labels=np.eye(10, dtype=np.uint8)[y]),
    "one-hot floats": lambda x, y: npz(x=x, y=np.eye(10)[y]),
    "a column of labels": lambda x, y: npz(x=x, y=y[:, None]),
    "labels as texts": lambda x, y: npz(x=x, y=y.astype(str)),
    "IDX": lambda x, y: zipped({"t10k-images-idx3-ubyte": idx.encode(x), "t10k-labels-idx1-ubyte": idx.encode(y)}),
    "IDX, inverted": lambda x, y: zipped({"a-images.gz": packed_idx(255 - x), "a-labels.gz": packed_idx(y)}),
    "gzip without a suffix": lambda x, y: zipped(
        {"t10k-images-idx3-ubyte": packed_idx(x), "t10k-labels-idx1-ubyte": packed_idx(y)}
    ),
    "IDX of a Mac": lambda x, y: zipped(
        {"__MACOSX/._images-idx3-ubyte": b"\0\5\x16\7" + bytes(60), "images-idx3-ubyte": idx.encode(x), "labels": idx.encode(y)}
    ),
    "IDX with int32 labels": lambda x, y: zipped(
        {"images": idx.encode(x), "labels": b"\0\0\x0c\1" + np.array([len(y)], ">u4").tobytes() + y.astype(">i4").tobytes()}
    ),
    "two sets of IDX files": lambda x, y: zipped(
        {
            "train-images": idx.encode(x[:10]),
            "t10k-labels": idx.encode(y[10:]),
            "train-labels": idx.encode(y[:10]),
            "t10k-images": idx.encode(x[10:]),
        }
    ),
    "folders named like files": lambda x, y: zipped(
        {"a/train-images.idx3/train-images.idx3": idx.encode(x), "a/train-labels.idx1/train-labels.idx1": idx.encode(y)}
    ),
    "arrays in a folder": lambda x, y: zipped({"mnist/x.npy": npy(x), "mnist/y.npy": npy(y)}),
    "CSV of Kaggle": csv,
    "CSV without titles": lambda x, y: csv(x, y, head=False),
    "CSV with the label last": lambda x, y: csv(x, y, lambda label, pixels: [*pixels, label]),
    "CSV with the label last, without titles": lambda x, y: csv(x, y, lambda label, pixels: [*pixels, label], head=False),
    "CSV with semicolons": lambda x, y: csv(x, y, delimiter=";"),
    "CSV in UTF-16": lambda x, y: csv(x, y).decode().encode("utf-16"),
    "CSV in UTF-16 in a ZIP file": lambda x, y: zipped({"a.csv": b"\xfe\xff" + csv(x, y).decode().encode("utf-16-be")}),
    "CSV of Excel with its separator": lambda x, y: b"\xef\xbb\xbfsep=;\r\n" + csv(x, y, delimiter=";").replace(b"\n", b"\r\n"),
    "CSV with decimal commas": lambda x, y: csv(x / 255, y, delimiter=";").replace(b".", b","),
    "CSV with decimal commas and tabs": lambda x, y: csv(x / 255, y, head=False, delimiter="\t").replace(b".", b","),
    "CSV with an index": lambda x, y: csv(x, y, lambda label, pixels: ["0" if label != "label" else "", label, *pixels]),
    "CSV with an index and a label last": lambda x, y: csv(
        x, y, lambda label, pixels: ["id" if label == "label" else "5", *pixels, label]
    ),
    "one-hot CSV": lambda x, y: csv(x, np.eye(10, dtype=int)[y], one_hot_first),
    "one-hot CSV, labels last, without titles": lambda x, y: csv(x, np.eye(10, dtype=int)[y], one_hot_last, head=False),
    "CSV with comments": lambda x, y: b"# my digits\n# drawn today\n" + csv(x, y, head=False),
    "CSV with titles in a comment": lambda x, y: b"# my digits\n# " + csv(x, y),
    "CSV with comments in a ZIP file": lambda x, y: zipped({"a.csv": b"# my digits\n" + csv(x, y, head=False)}),
    "CSV with spaces in a ZIP file": lambda x, y: zipped({"a.csv": csv(x, y, head=False, delimiter=" ")}),
    "LIBSVM": lambda x, y: libsvm(x, y),
    "LIBSVM, 0 to 1, in bzip2": lambda x, y: bz2.compress(libsvm(x / 255, y)),
    "LIBSVM in a ZIP file": lambda x, y: zipped({"mnist.t": libsvm(x, y)}),
    "tar": lambda x, y: tarred(in_folders(x, y, "./{label}/{i}.png")),
    "tar.gz": lambda x, y: gzip.compress(tarred({"t10k-images": idx.encode(x), "t10k-labels": packed_idx(y)})),
    "tar.bz2": lambda x, y: bz2.compress(tarred({"train.csv": csv(x, y)})),
    "gzipped arrays in a ZIP file": lambda x, y: zipped({"x.npy.gz": gzip.compress(npy(x)), "y.npy.gz": gzip.compress(npy(y))}),
    "ZIP file in a ZIP file": lambda x, y: zipped({"readme.md": b"hello", "digits/a.zip": zipped(in_folders(x, y))}),
    ".npz file in a ZIP file": lambda x, y: zipped({"mnist.npz": npz(x_train=x, y_train=y)}),
    "labels.csv": lambda x, y: zipped(
        in_folders(x, y, "img/{i:03}.png") | {"labels.csv": listed(y, "file,label", "{i:03}.png,{y}")}
    ),
    "labels.csv with paths, labels first": lambda x, y: zipped(
        in_folders(x, y, "img/{i}.png") | {"labels.csv": listed(y, "", "{y};img/{i}.png")}
    ),
    "labels.txt with numbers": lambda x, y: zipped(
        in_folders(x, y, "{i}.png") | {"labels.txt": listed(y, "id\tlabel", "{i}\t{y}")}
    ),
    "CSV in a ZIP file": lambda x, y: zipped({"train.csv": csv(x, y)}),
    "CSV in gzip": lambda x, y: gzip.compress(csv(x, y)),
    "pictures, black on white": lambda x, y: zipped(in_folders(255 - x, y)),
    "pictures, RGB": lambda x, y: zipped(in_folders(np.stack([x] * 3, -1), y)),
    "pictures, lossless TIFF": lambda x, y: zipped(in_folders(x, y, "{label}/{i}.png", "TIFF")),
    "pictures, BMP": lambda x, y: zipped(in_folders(x, y, "{label}/{i}.jpg", "BMP")),
    "folder 07": lambda x, y: zipped(in_folders(x, y, "0{label}/{i}.png")),
    "folder digit_7": lambda x, y: zipped(in_folders(x, y, "digit_{label}/{i}.png")),
    "folder seven": lambda x, y: zipped(in_folders(x, y, "data/{word}/{i}.png")),
    "folders of Arabic digits": lambda x, y: zipped(in_folders(x, ["٠١٢٣٤٥٦٧٨٩"[label] for label in y])),
    "folder 7/sub": lambda x, y: zipped(in_folders(x, y, "{label}/sub/{i}.png")),
    "folders of Windows": lambda x, y: zipped(in_folders(x, y, "all\\{label}\\{i}.png")),
    "label before the number": lambda x, y: zipped(in_folders(x, y, "digits/{label}_{i:04}.png")),
    "label after the number": lambda x, y: zipped(in_folders(x, y, "{i:04}_{label}.png")),
    "label named in the file": lambda x, y: zipped(in_folders(x, y, "img{i:03}_label{label}.png")),
}


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def pairs(digits, labels):
    return sorted((int(label), digit.tobytes()) for digit, label in zip(digits, labels, strict=True))


@pytest.mark.parametrize("name", EXACT)
def test_every_format_is_read(name, few, predictor):
    n = 10 if name == "ten flat digits" else 20
    result = sample_files.read(EXACT[name](few.digits, few.labels), predictor=predictor)
    assert str(result) == f"{n} samples imported."
    assert pairs(result.samples.digits, result.samples.labels) == pairs(few.digits[:n], few.labels[:n])


@pytest.mark.parametrize(
    "make",
    [
        lambda x, y: npz(digits=(x > 127).astype(np.uint8), labels=y),
        lambda x, y: npz(digits=x > 127, labels=y),
        lambda x, y: npz(digits=np.kron(255 - x, np.ones((1, 3, 3), np.uint8)), labels=y),
        lambda x, y: zipped(in_folders(np.kron(x, np.ones((1, 4, 4), np.uint8)), y, kind="WEBP")),
        lambda x, y: zipped(in_folders(np.kron(255 - x, np.ones((1, 2, 2), np.uint8)), y, kind="GIF")),
        lambda x, y: npz(digits=np.stack([np.pad(x, ((0, 0), (2, 2), (2, 2)))] * 3, -1), labels=y),
    ],
    ids=["0 and 1", "bool", "larger", "WEBP", "GIF", "colored, 32 x 32"],
)
def test_other_sizes_and_scales_are_converted(make, few, predictor):
    result = sample_files.read(make(few.digits, few.labels), predictor=predictor)
    order = np.argsort(result.samples.labels, kind="stable")
    assert result.samples.labels[order].tolist() == sorted(few.labels.tolist())
    assert result.samples.digits.max() == 255
    assert np.median(result.samples.digits) == 0
    assert (predictor.probabilities(result.samples.digits).argmax(1) == result.samples.labels).mean() >= 0.95


def test_transposed_digits_are_recognized(few, predictor):
    content = npz(digits=few.digits.transpose(0, 2, 1), labels=few.labels)
    result = sample_files.read(content, predictor=predictor)
    assert np.array_equal(result.samples.digits, few.digits)
    assert "The pictures were transposed" in str(result)
    assert np.array_equal(sample_files.read(content).samples.digits, few.digits.transpose(0, 2, 1))


def test_labels_from_one_to_ten_are_explained(few, predictor):
    ten_is_zero = sample_files.read(npz(X=few.digits, y=np.where(few.labels == 0, 10, few.labels)), predictor=predictor)
    ten_is_nine = sample_files.read(npz(X=few.digits, y=few.labels + 1), predictor=predictor)
    for result in (ten_is_zero, ten_is_nine):
        assert np.array_equal(result.samples.labels, few.labels)
    assert str(ten_is_zero) == "20 samples imported. The labels are 1 to 10: 10 was read as 0."
    assert "Each label of 1 to 10 was read as the digit before it, because" in str(ten_is_nine)


def test_a_picture_that_the_table_does_not_list_is_rejected(few):
    members = in_folders(few.digits[:3], few.labels[:3], "img_{i}.png") | {"labels.csv": b"img_0.png,4\nimg_2.png,5"}
    result = sample_files.read(zipped(members))
    assert result.samples.labels.tolist() == [4, 5]
    assert result.rejected[0].startswith("img_1.png: The picture has no label.")


def test_a_tar_archive_is_unpacked_within_the_limits():
    with pytest.raises(SampleError, match="larger than 100 MB when unpacked"):
        sample_files.read(bz2.compress(tarred({"7/a.png": bytes(sample_files.MAX_UNPACKED)})))


def test_sets_without_names_are_paired_by_the_content_of_the_pictures(few, predictor):
    x, y = few.digits, few.labels
    members = {"a": idx.encode(x[:10]), "b": idx.encode(x[10:]), "c": idx.encode(y[10:]), "d": idx.encode(y[:10])}
    result = sample_files.read(zipped(members), predictor=predictor)
    assert np.array_equal(result.samples.labels, y)
    assert "Other labels of the file were used" in str(result)


def test_labels_that_do_not_fit_need_a_confirmation(few, predictor):
    content = npz(digits=few.digits, labels=np.roll(few.labels, 6))
    with pytest.raises(DoubtfulSamplesError, match="do not fit the pictures: 0 % agree"):
        sample_files.read(content, predictor=predictor)
    result = sample_files.read(content, predictor=predictor, accept_doubtful=True)
    assert len(result.samples) == 20
    assert "0 % agree" in result.doubt


def test_exported_files_need_no_confirmation(few, predictor):
    odd = few.relabel(range(20), 3)
    result = sample_files.read(odd.to_npz(), predictor=predictor)
    assert np.array_equal(result.samples.digits, few.digits)
    assert not result.doubt


def test_repacked_export_is_read(few):
    with zipfile.ZipFile(io.BytesIO(few.to_npz())) as own:
        content = zipped({"__MACOSX/._x": b""} | {f"samples/{name}": own.read(name) for name in own.namelist()})
    back = sample_files.read(content).samples
    assert np.array_equal(back.digits, few.digits)
    assert np.array_equal(back.held_out, few.held_out)


def test_the_first_samples_of_a_large_file_are_read(data):
    n = sample_files.MAX_SAMPLES
    x, y = data.train_images[: n + 50], data.train_labels[: n + 50]
    for content in (npz(x_train=x, y_train=y), zipped({"images": packed_idx(x), "labels": packed_idx(y)})):
        result = sample_files.read(content)
        assert np.array_equal(result.samples.digits, x[:n])
        assert np.array_equal(result.samples.labels, y[:n])
        assert "The first 5,000 of 5,050 samples were read." in str(result)


def test_files_of_operating_systems_are_skipped_and_errors_are_named(few):
    members = {f"__MACOSX/0/._{i}.png": b"\0\5\x16\7" for i in range(8)} | {"0/.DS_Store": b"x", "Thumbs.db": b"x"}
    broken = {"3/broken.png": b"no picture"}
    result = sample_files.read(zipped(members | broken | in_folders(few.digits, few.labels)))
    assert str(result).startswith("20 samples imported, 1 rejected. 3/broken.png: This file cannot be read as an image.")
    many = sample_files.read(zipped({f"3/{i}.png": b"x" for i in range(5)} | in_folders(few.digits, few.labels)))
    assert "2 more were rejected." in str(many)
    assert str(many).count("cannot be read") == 3


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda x, y: npz(digits=x * 0, labels=y), "digits 1: The picture is blank."),
        (lambda x, y: npz(digits=x, labels=y + 20), "labels from 20 to 29"),
        (lambda x, y: npz(digits=x, labels=y + 0.5), "not whole numbers"),
        (lambda x, y: npz(digits=x, labels=np.full((20, 10), 0.1)), "not one-hot"),
        (lambda x, y: npz(digits=x, labels=np.zeros((20, 2))), r"labels” have the shape \(20, 2\)"),
        (lambda x, y: npz(a=x, b=np.zeros((20, 8))), r"“b” have the shape \(20, 8\)"),
        (lambda x, y: zipped({"lab.json": b"{}"}), "under “Open a lab file”"),
        (lambda x, y: npz(digits=x, labels=y[:7]), "20 pictures and 7 labels"),
        (lambda x, y: npz(digits=np.where(x > 0, np.nan, 0), labels=y), "NaN"),
        (lambda x, y: npz(digits=x), "no labels"),
        (lambda x, y: npz(y=y), "no pictures"),
        (lambda x, y: npz(digits=x.reshape(20, -1)[:, :780], labels=y), r"shape \(20, 780\)"),
        (lambda x, y: npz(digits=np.array([{}], object), labels=np.array([1])), "Python objects"),
        (lambda x, y: idx.encode(x), "only pictures"),
        (lambda x, y: packed_idx(y), "only labels"),
        (lambda x, y: npy(x), "single array"),
        (lambda x, y: picture(x[0]), "single picture"),
        (lambda x, y: b"", "is empty"),
        (lambda x, y: b"<!DOCTYPE html><html></html>", "web page"),
        (lambda x, y: zipped(in_folders(x, y))[:-300], "the end of the ZIP file is missing"),
        (lambda x, y: gzip.compress(csv(x, y))[:-300], "gzip file is incomplete"),
        (lambda x, y: zipped({"a.zip": zipped({"b.zip": zipped(in_folders(x, y))})}), "another archive, “b.zip”"),
        (lambda x, y: zipped({"a.zip": zipped(in_folders(x, y)), "b.zip": b"PK\3\4"}), "another archive, “a.zip”"),
        (lambda x, y: zipped({"q.png": picture(x[0]), "a.csv": b"q.png,12"}), "a.csv: .* does not list"),
        (lambda x, y: csv(x, y, lambda label, pixels: pixels), "no labels: its 784 columns are the pixels of 28 × 28"),
        (lambda x, y: csv(x, range(20), lambda i, pixels: ["id" if i == "label" else i, *pixels]), "row numbers and pixels"),
        (lambda x, y: b"7 1:0.5 99999999:3\n", "99,999,999 columns"),
        (lambda x, y: libsvm(x, y) + b"\n7 1:2:3", "LIBSVM file cannot be read"),
        (lambda x, y: gzip.compress(tarred({"notes.txt": b"hello"})), "notes.txt: The file is not a picture"),
        (lambda x, y: tarred({"7/a.png": picture(x[0])})[:700], "damaged"),
        (lambda x, y: b"\xfd7zXZ\0" + bytes(99), "compressed with xz"),
        (lambda x, y: zipped({"images": idx.encode(x), "labels": idx.encode(y)[:-3]}), "labels” is damaged"),
        (lambda x, y: csv(x.reshape(20, -1)[:, :600], y), "601 columns"),
        (lambda x, y: csv(x + 20, y, lambda label, pixels: pixels, head=False), "784 columns"),
        (lambda x, y: b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
        (lambda x, y: b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
        (lambda x, y: zipped({f"{i}.png": picture(x[0]) for i in range(10, 40)}), "no label"),
        (lambda x, y: zipped({"README": b"hello"}), "README: The file is not a picture"),
        (lambda x, y: zipped({"7/": b"", "8/": b""}), "contains no file"),
        (lambda x, y: zipped({"[Content_Types].xml": b"", "xl/workbook.xml": b""}), "is a spreadsheet. Save it as CSV"),
        (lambda x, y: zipped({"[Content_Types].xml": b"", "word/document.xml": b""}), "is an Office document"),
        (lambda x, y: b'{"x": [' + b"0, " * 800 + b"0]}", "is a JSON file"),
        (lambda x, y: zipped({"a.json": b"[" + b"0," * 800 + b"0]"}), "a.json: The file is not a picture"),
        (lambda x, y: csv(x, y).replace(b",0\n", b",\n"), r"no row of numbers. Line 2: Column 785 is empty\."),
        (lambda x, y: zipped({"7/a.tif": pages(x)}), "7/a.tif: The TIFF file has several pages"),
        (
            lambda x, y: zipped(in_folders(x, y, "{i}.png") | {f"{i}.txt": f"{y[i]} 0.5 0.5 1 1" for i in range(20)}),
            "does not list",
        ),
    ],
)
def test_error_message_names_the_true_reason(make, reason, few):
    with pytest.raises(SampleError, match=reason):
        sample_files.read(make(few.digits, few.labels))


def test_bad_lines_of_a_csv_file_are_named(few):
    lines = csv(few.digits, few.labels).splitlines()
    lines[3], lines[5] = b"7,1,2", lines[5].replace(b",0,", b",,", 1)
    result = sample_files.read(b"\n".join(lines))
    assert len(result.samples) == 18
    assert result.rejected[0] == "Line 4: The line has 3 columns, and the first line has 785."
    assert result.rejected[1].startswith("Line 6: Column ")


def test_random_files_of_the_benchmark_are_correct_or_rejected(predictor):
    for case in sample_cases(12, seed=1):
        kind, reason = try_samples(case, predictor)
        assert kind == RIGHT or (kind == REFUSED and case.is_broken), f"{case.name}: {reason}"


@pytest.mark.parametrize("digit", range(10))
@pytest.mark.parametrize("n", [1, 20])
@pytest.mark.parametrize("is_first", [True, False])
def test_csv_file_of_one_class_without_titles_is_read(digit, n, is_first, data, predictor):
    digits, labels = data.validation
    chosen = digits[labels == digit][:n]
    lines = csv(chosen, [digit] * n, lambda label, pixels: [label, *pixels] if is_first else [*pixels, label], head=False)
    result = sample_files.read(lines, predictor=predictor)
    assert result.samples.labels.tolist() == [digit] * n
    flat = chosen.reshape(n, -1)
    assert np.array_equal(result.samples.digits.reshape(n, -1), flat)


def test_csv_file_with_two_possible_columns_of_labels_is_refused():
    lines = csv(np.full((3, 28, 28), 200, np.uint8), [7] * 3, lambda label, pixels: [label, *pixels[1:], "5"], head=False)
    with pytest.raises(SampleError, match="Write a first row with titles"):
        sample_files.read(lines)


def test_csv_file_of_zeros_in_black_on_white_is_not_stored_as_ones(data):
    digits, labels = data.validation
    chosen = ((255 - digits[labels == 0][:20]) > 127).astype(int)
    for order in (lambda label, pixels: [label, *pixels], lambda label, pixels: [*pixels, label]):
        result = sample_files.read(csv(chosen, [0] * 20, order, head=False))
        assert result.samples.labels.tolist() == [0] * 20
        assert np.array_equal(result.samples.digits > 0, chosen == 0)


def test_csv_file_of_zeros_in_the_middle_of_the_picture_is_refused():
    digits = np.zeros((3, 28, 28), np.uint8)
    digits[:, 8:20, [9, 18]] = 255
    with pytest.raises(SampleError, match="Write a first row with titles"):
        sample_files.read(csv(digits, [0] * 3, head=False))


def test_files_of_the_same_name_are_counted_as_rejected(few):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        for digit in few.digits[:3]:
            archive.writestr("7/a.png", picture(digit))
    result = sample_files.read(file.getvalue())
    assert str(result).startswith("1 sample imported, 2 rejected. 7/a.png: The ZIP file has several files of this name.")
    assert np.array_equal(result.samples.digits[0], few.digits[2])
