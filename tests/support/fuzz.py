"""Generators of broken and hostile files of every kind that the dashboard imports."""

import io
import json
import pickle
import random
import struct
import zipfile
from collections.abc import Iterator

import numpy as np
import pillow_heif
from PIL import ExifTags, Image

from digitcore.data import sample_files
from digitcore.images import decoding
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.storage import archive
from digitcore.storage.snapshot import LabSnapshot
from digitcore.training.settings import SETTING_SPECS

BOMB = bytes(300_000_000)


class Payload:
    """An object that writes a file when it is unpickled."""

    def __reduce__(self):
        return (open, ("/tmp/digitlab-was-here", "w"))


def make_zip(members: dict[str, bytes | str], **options) -> bytes:
    """Return a ZIP file with these members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **{"compression": zipfile.ZIP_DEFLATED} | options) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return file.getvalue()


def read_zip(data: bytes) -> dict[str, bytes]:
    """Return the members of a ZIP file."""
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def mutated(data: bytes, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield a valid file with flipped bits, cuts, noise and repeated parts."""
    rng = random.Random(seed)
    for number in range(count):
        kind = ("flip", "cut", "noise", "twice", "hole")[number % 5]
        changed = bytearray(data)
        if kind == "flip":
            for _ in range(rng.randint(1, 40)):
                changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        elif kind == "cut":
            del changed[rng.randrange(len(changed)) :]
        elif kind == "noise":
            changed = bytearray(rng.randbytes(rng.randint(0, 5000)))
        elif kind == "twice":
            changed += changed[: rng.randrange(len(changed))]
        else:
            begin = rng.randrange(len(changed))
            del changed[begin : begin + rng.randint(1, 2000)]
        yield f"{kind} {number}", bytes(changed)


def common_files() -> Iterator[tuple[str, bytes]]:
    """Yield files that are invalid for every upload."""
    yield "empty", b""
    yield "text", b"hello"
    yield "pickle", pickle.dumps(Payload())
    yield "pickle in a zip", make_zip({"digits.npy": pickle.dumps(Payload()), "labels.npy": pickle.dumps(Payload())})
    yield "bomb", make_zip({"digits.npy": BOMB, "labels.npy": b"", "config.json": b"", "lab.json": b"{}", "samples.npz": b""})
    yield "path trick", make_zip({"../../etc/passwd": b"x", "/7/a.png": b"x", "..\\7\\a.png": b"x"})
    yield "many members", make_zip({f"{number % 10}/{number}.png": b"" for number in range(20_000)})
    yield "nested zip", make_zip({"7/a.png": make_zip({"7/a.png": BOMB[:1_000_000]})})


def odd_exif() -> bytes:
    """Return EXIF data whose orientation is a text."""
    tag = struct.pack("<HHI4s", ExifTags.Base.Orientation, 2, 3, b"up")
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + tag + struct.pack("<I", 0)


def pictures(digit: np.ndarray, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield pictures of a digit, (28, 28) uint8, in every format, intact and damaged."""
    yield from common_files()
    picture = Image.fromarray(255 - digit).resize((90, 110))
    pillow_heif.register_heif_opener()  # The project itself opens HEIC with pi_heif, which cannot write it.
    decoding._register_heif.cache_clear()
    for number, kind in enumerate(decoding.FORMATS):
        file = io.BytesIO()
        picture.convert("RGB").save(file, kind, **{"exif": odd_exif()} if kind in ("PNG", "JPEG", "WEBP") else {})
        yield f"{kind} with EXIF of another type", file.getvalue()
        n_formats = len(decoding.FORMATS)
        yield from mutated(file.getvalue(), (count + n_formats - 1 - number) // n_formats, 100 + number)
    large = io.BytesIO()
    Image.new("L", (7000, 7100), 255).save(large, "PNG")
    yield "50 million pixels in a few kB", large.getvalue()


def addresses(count: int) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield query parameters of a page: values of settings and tokens of a lab."""
    odd = [
        "",
        "Infinity",
        "-Infinity",
        "NaN",
        "9" * 400,
        "9" * 5000,
        "1e999",
        "null",
        "true",
        "[]",
        "{}",
        '"x"',
        "0x10",
        "-1",
        "½",
    ]
    odd += ["\x00", "\ud7ff", "<script>", "' OR 1=1 --", "../../etc/passwd", "%00", "{" * 5000]
    names, rng = [*SETTING_SPECS, "lab", "nothing"], random.Random(5)
    yield "all are Infinity", dict.fromkeys(names, "Infinity")
    for number in range(count - 1):
        chosen = rng.sample(names, rng.randint(1, 4))
        yield f"address {number}", {name: rng.choice(odd) for name in chosen}


def make_npz(**arrays) -> bytes:
    """Return an .npz file with arrays. Arrays of objects are pickled."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def huge_header() -> bytes:
    """Return an array file whose header declares 10¹² numbers, with four numbers."""
    text = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000, 28, 28), }"
    text += b" " * (118 - len(text) - 1) + b"\n"
    return make_zip({"digits.npy": b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"1234", "labels.npy": b""})


def many_samples() -> bytes:
    """Return a small file with 600,000 blank digits."""
    file = io.BytesIO()
    np.savez_compressed(file, digits=np.zeros((600_000, 28, 28), np.uint8), labels=np.zeros(600_000, np.uint8))
    return file.getvalue()


def sample_uploads(good: SampleSet, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield files for the import of samples."""
    yield from common_files()
    digits, labels = good.digits, good.labels
    yield "objects", make_npz(digits=np.array([Payload()], object), labels=labels)
    yield "wrong dtype", make_npz(digits=digits.astype("U3"), labels=labels)
    yield "floats", make_npz(digits=digits + 0.5, labels=labels)
    yield "wrong shape", make_npz(digits=digits[:, :27], labels=labels)
    yield "labels of 12", make_npz(digits=digits, labels=labels + 12)
    yield "labels missing", make_npz(digits=digits)
    yield "strokes of bytes", make_npz(digits=digits, labels=labels, strokes=np.frombuffer(b"[1, 2", np.uint8))
    for name, text in (("half a sign", "\\ud800"), ("nul", "\\u0000"), ("long text", "x" * 1_000_000)):
        texts = np.frombuffer(('["' + text + '"]').encode(), np.uint8)
        yield f"strokes: {name}", make_npz(digits=digits[:1], labels=labels[:1], strokes=texts)
    yield "huge header", huge_header()
    yield "idx that lies", make_zip({"a-idx3-ubyte": b"\0\0\x08\x03\xff\xff\xff\xff" + bytes(8), "a-idx1-ubyte": b"\0\0\x08\x01"})
    for number, good_file in enumerate((good.to_npz(), sample_files.to_image_zip(good), sample_files.to_idx_zip(good))):
        yield from mutated(good_file, (count + 2 - number) // 3, number)


def model_uploads(good: bytes, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield files for the upload of a .keras file."""
    yield from common_files()
    parts = read_zip(good)
    config = json.loads(parts["config.json"])

    def changed(**values):
        layers = json.loads(parts["config.json"])
        layers["config"]["layers"][2] |= values
        return make_zip(parts | {"config.json": json.dumps(layers)})

    lam = {"class_name": "__lambda__", "config": {"value": "4wEAAAA=", "defaults": None, "closure": None}}
    yield "lambda", changed(class_name="Lambda", config={"function": lam})
    yield "unknown layer", changed(class_name="Evil", module="os", registered_name="os>system")
    yield "registered", changed(registered_name="mine>Conv2D")
    yield "a function", changed(config={"activation": {"module": "builtins", "class_name": "function", "config": "eval"}})
    yield "activation by name", changed(config=config["config"]["layers"][2]["config"] | {"activation": "os.system"})
    yield "huge layer", changed(config=config["config"]["layers"][2]["config"] | {"filters": 2_000_000_000})
    yield (
        "another module",
        make_zip(parts | {"config.json": json.dumps(config | {"module": "subprocess", "class_name": "Popen"})}),
    )
    deep = "[" * 100_000 + "]" * 100_000
    yield (
        "deep",
        make_zip(parts | {"config.json": '{"module":"keras","class_name":"Sequential","config":{"layers":' + deep + "}}"}),
    )
    yield "member too many", make_zip(parts | {"evil.py": "import os"})
    yield "assets", make_zip(parts | {"assets/../../x": "y"})
    yield "weights missing", make_zip({name: part for name, part in parts.items() if "weights" not in name})
    yield "weights of another kind", make_zip(parts | {"model.weights.h5": b"\x89HDF\r\n\x1a\n" + bytes(100)})
    for name, weights in hostile_weights():
        yield name, make_zip(parts | {"model.weights.h5": weights})
    yield from mutated(good, count, 7)


def hostile_weights() -> Iterator[tuple[str, bytes]]:
    """Yield weights files that use features of HDF5 other than arrays."""
    import h5py

    def file(fill):
        stream = io.BytesIO()
        with h5py.File(stream, "w") as data:
            fill(data)
        return stream.getvalue()

    yield "external link", file(lambda data: data.__setitem__("layers", h5py.ExternalLink("/etc/passwd", "/")))
    yield "soft link", file(lambda data: data.__setitem__("layers", h5py.SoftLink("/nowhere")))
    yield "external data", file(lambda d: d.create_dataset("layers", (8,), "u1", external=[("/etc/hostname", 0, 8)]))
    yield "huge data", file(lambda data: data.create_dataset("layers", (1 << 50,), "f4", chunks=(1 << 20,)))
    layout = h5py.VirtualLayout((8,), "u1")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", (8,))
    yield "virtual data", file(lambda data: data.create_virtual_dataset("layers", layout))


def lab_uploads(good: LabSnapshot, other: ModelBundle, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield files for the opening of a lab."""
    yield from common_files()
    parts = read_zip(archive.write(good))
    content = json.loads(parts["lab.json"])

    def changed(**values):
        return make_zip(parts | {"lab.json": json.dumps(content | values)})

    run = content["runs"][0]
    yield "newer", changed(version=99)
    yield "no version", changed(version="1")
    yield "no runs", changed(runs=None)
    yield "runs of numbers", changed(runs=[1, 2])
    yield "model missing", changed(runs=[run | {"model": "models/none.keras"}])
    yield "model elsewhere", changed(runs=[run | {"model": "../../etc/passwd"}])
    for field, value in (("name", "[x](y)"), ("training_data", "![x](http://y)"), ("parameters", "many"), ("metrics", [1])):
        card = run["record"]["model"] | {field: value}
        yield f"a card with an invalid {field}", changed(runs=[run | {"record": run["record"] | {"model": card}}])
    yield "settings out of range", changed(runs=[run | {"record": run["record"] | {"settings": {"epochs": 10**9}}}])
    yield "history of words", changed(runs=[run | {"record": run["record"] | {"history": [{"epoch": "one"}]}}])
    yield (
        "samples pickled",
        make_zip(parts | {"samples.npz": make_npz(digits=np.array([Payload()], object), labels=np.array([1]))}),
    )
    yield "samples that unpack to much", make_zip(parts | {"samples.npz": many_samples()})
    yield "two models of one name", changed(runs=[run, run])
    lambda_layer = next(data for name, data in model_uploads(other.keras_bytes, 0) if name == "lambda")
    yield "a model with a lambda", make_zip(parts | {run["model"]: lambda_layer})
    yield from mutated(archive.write(good), count, 11)
