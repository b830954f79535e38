"""Recognition of model files by their content, and a sentence for each kind that is not a Keras model."""

import contextlib
import io
import posixpath
import zipfile
import zlib

from digitcore.errors import ZIP_ERRORS
from digitcore.zip_files import INCOMPLETE, ZIP_SIGNATURE, is_incomplete, user_files

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
LFS_SIGNATURE = b"version https://git-lfs"
NOT_KERAS = "The file is not a model saved by Keras. Choose a .keras or .h5 file."
EMPTY = "The file is empty. Download or save the model again."
TEXT = "This is a text file, not a model. Choose a .keras or .h5 file."
WEB_PAGE = "This is a web page, not a model. Download the file itself: on GitHub, open the model and press “Download raw file”."
DAMAGED = "The file is damaged: it begins like a ZIP file, but cannot be unpacked. Save or download the model again."
_SAVE = "Save the model with model.save('model.keras') in Keras, and import that file."
TFLITE = f"This is a TensorFlow Lite model (.tflite), which cannot be trained. {_SAVE}"
ONNX = f"This is an ONNX model. Digit Lab opens Keras models only. {_SAVE}"
PYTORCH = "This is a PyTorch model. Digit Lab opens Keras models only. Build the network in Keras, and import its .keras file."
SAVED_MODEL = (
    "This is a TensorFlow SavedModel, which may contain code. "
    "Open it with the Keras that saved it, then save it with model.save('model.keras')."
)
FROZEN_GRAPH = f"This is a frozen TensorFlow graph (.pb), which cannot be trained. {_SAVE}"
ARCHITECTURE = f"This file describes a network, but contains no weights. {_SAVE}"
TFJS = "This is a TensorFlow.js model. Convert it with tensorflowjs_converter --output_format=keras, and import the .h5 file."
LFS_POINTER = "This is only a pointer of Git LFS, not the model. Run “git lfs pull” in the repository, and choose the file again."
WEIGHTS_ONLY = "This file contains only weights and no network. Save the whole model with model.save('model.keras')."
PICKLE = f"This is a pickle file, which may run code. {_SAVE}"
_UNPACK = "Unpack it, and choose the .keras or .h5 file."
TAR = f"This is a tar archive. {_UNPACK}"
NESTED_ZIP = "The ZIP file contains another archive, “{}”. Unpack both, and choose the .keras or .h5 file."
COMPRESSED = {  # first bytes of an archive or a compressed file → its sentence
    b"\x1f\x8b": f"This is a gzip file. {_UNPACK}",
    b"BZh": f"This is a bzip2 file. {_UNPACK}",
    b"\xfd7zXZ": f"This is an xz file. {_UNPACK}",
    b"7z\xbc\xaf": f"This is a 7z archive. {_UNPACK}",
    b"Rar!": f"This is a RAR archive. {_UNPACK}",
}
ARCHIVE_SUFFIXES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
TAR_SIGNATURE, TAR_PLACE = b"ustar", 257  # in the header of the first file of a tar archive
LAB = "This file contains a whole lab. Open it in My lab, under “Open a lab file”."
PT_MEMBERS = ("data.pkl", "constants.pkl")
OTHER_SUFFIXES = (".tflite", ".onnx", ".pt", ".pth", ".pkl", ".pb")  # models in a ZIP file that are described by their content
MAX_READ = 20_000_000  # bytes of a model in a ZIP file
ONNX_FIELDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}  # number → wire type in ModelProto
SAVED_MODEL_FIELDS = {1: 0, 2: 2}
GRAPH_FIELDS = {1: 2, 2: 2, 3: 0, 4: 2}


def is_hdf5(content: bytes) -> bool:
    """Check whether a file is in the format HDF5, which Keras used before `.keras`.

    Args:
        content: Content of the file.

    Returns:
        True if the file begins with the signature of HDF5.

    Example:
        >>> is_hdf5(b"PK")
        False
    """
    return content.startswith(HDF5_SIGNATURE)


def describe_unsupported(content: bytes) -> str:
    """Return the error message for a file that is not a Keras model.

    Args:
        content: Content of the file.

    Returns:
        The kind of the file, and the action for the user.

    Example:
        >>> describe_unsupported(b"version https://git-lfs.github.com/spec/v1")[:36]
        'This is only a pointer of Git LFS, n'
        >>> describe_unsupported(b"hello")
        'This is a text file, not a model. Choose a .keras or .h5 file.'
    """
    if not content:
        return EMPTY
    if content.startswith(LFS_SIGNATURE):
        return LFS_POINTER
    if content[4:8] == b"TFL3":
        return TFLITE
    if content.startswith(ZIP_SIGNATURE):
        return _describe_zip(content)
    if packed := _describe_compressed(content):
        return packed
    if content.startswith((b"\x80\x02\x8a\nl\xfc\x9cF\xf9", b"\x80\x02")) and b"torch" in content[:4096]:
        return PYTORCH
    if content[:1] == b"\x80" and content[1:2] in b"\x02\x03\x04\x05" and len(content) > 2:
        return PICKLE
    if b'"modelTopology"' in content[:4096] or b'"weightsManifest"' in content[:4096]:
        return TFJS
    return _describe_protobuf(content) or _describe_text(content) or NOT_KERAS


def _describe_compressed(content: bytes) -> str:
    """Return the sentence for a compressed file or a tar archive, or "" if the file is of another kind."""
    start = content
    if content.startswith(b"\x1f\x8b"):
        with contextlib.suppress(zlib.error):
            start = zlib.decompressobj(zlib.MAX_WBITS + 16).decompress(content, TAR_PLACE + len(TAR_SIGNATURE))
    if start.startswith(TAR_SIGNATURE, TAR_PLACE):
        return TAR
    return next((sentence for first, sentence in COMPRESSED.items() if content.startswith(first)), "")


def _describe_protobuf(content: bytes) -> str:
    """Return the sentence for a message of Protocol Buffers, or "" if the file is of another kind.

    Such files have no signature, so the numbers and the types of all fields are compared with the definitions of ONNX and
    TensorFlow.
    """
    fields = _protobuf_fields(content)
    if fields.get(1) == 0 and fields.get(7) == 2 and fields.items() <= ONNX_FIELDS.items():
        return ONNX
    if fields == SAVED_MODEL_FIELDS:
        return SAVED_MODEL
    if fields.get(1) == 2 and fields.get(4) == 2 and fields.items() <= GRAPH_FIELDS.items():
        return FROZEN_GRAPH
    return ""


def _protobuf_fields(content: bytes) -> dict[int, int]:
    """Return the wire type of each field by its number, or no field if the content is not one whole message."""
    fields: dict[int, int] = {}
    position = 0
    while position < len(content):
        tag, position = _varint(content, position)
        number, kind = tag >> 3, tag & 7
        if number == 0 or kind not in (0, 2) or fields.setdefault(number, kind) != kind:
            return {}
        value, position = _varint(content, position)
        position += value if kind == 2 else 0
    return fields if position == len(content) else {}


def _varint(content: bytes, position: int) -> tuple[int, int]:
    """Return a number of Protocol Buffers, and the position after it."""
    value = 0
    for n, byte in enumerate(content[position : position + 10]):
        value |= (byte & 127) << (7 * n)
        if byte < 128:
            return value, position + n + 1
    return 0, len(content) + 1


def _describe_text(content: bytes) -> str:
    """Return the sentence for a text file, or "" if the file is of another kind."""
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        text = content.decode("latin1")
    if any(ord(letter) < 32 and not letter.isspace() for letter in text):
        return ""
    start = text[:4096].lstrip().lower()
    if start.startswith(("<!doctype html", "<html", "<head")) or "<html" in start:
        return WEB_PAGE
    return ARCHITECTURE if start.startswith("{") and '"class_name"' in start else TEXT


def _describe_zip(content: bytes) -> str:
    if is_incomplete(content):
        return INCOMPLETE
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = user_files(archive)
            inner = next((member for path, member in members.items() if path.lower().endswith(OTHER_SUFFIXES)), None)
            start = b""
            if inner is not None and inner.file_size <= MAX_READ:
                start = archive.read(inner)
    except ZIP_ERRORS:
        return DAMAGED
    base_names = {posixpath.basename(path) for path in members}
    if "lab.json" in base_names:
        return LAB
    if "saved_model.pb" in base_names:
        return SAVED_MODEL
    if base_names & set(PT_MEMBERS):
        return PYTORCH
    if "model.json" in base_names:
        return TFJS
    if any(name.endswith(".weights.h5") for name in base_names) and "config.json" not in base_names:
        return WEIGHTS_ONLY
    if nested := next((path for path in members if path.lower().endswith(ARCHIVE_SUFFIXES)), ""):
        return NESTED_ZIP.format(nested[-60:])
    if start and not start.startswith(ZIP_SIGNATURE):
        return describe_unsupported(start)
    if start:
        return PYTORCH if b"data.pkl" in start else NOT_KERAS
    return NOT_KERAS
