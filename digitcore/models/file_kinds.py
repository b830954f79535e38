"""Recognition of model files by their first bytes, and a sentence for each kind that is not a Keras model."""

import io
import posixpath
import zipfile

from digitcore.errors import ZIP_ERRORS

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
ZIP_SIGNATURE = b"PK\x03\x04"
LFS_SIGNATURE = b"version https://git-lfs"
NOT_KERAS = "The file is not a model saved by Keras. Choose a .keras or .h5 file."
_SAVE = "Save the model with model.save('model.keras') in Keras, and import that file."
TFLITE = f"This is a TensorFlow Lite model (.tflite), which cannot be trained. {_SAVE}"
ONNX = f"This is an ONNX model. Digit Lab opens Keras models only. {_SAVE}"
PYTORCH = "This is a PyTorch model. Digit Lab opens Keras models only. Build the network in Keras, and import its .keras file."
SAVED_MODEL = (
    "This is a TensorFlow SavedModel, which may contain code. "
    "Open it with the Keras that saved it, then save it with model.save('model.keras')."
)
TEACHABLE_MACHINE = (
    "This is an export of Teachable Machine, whose models read colour images of 224 × 224 pixels. "
    "Choose a model for images of 28 × 28 pixels."
)
TFJS = "This is a TensorFlow.js model. Convert it with tensorflowjs_converter --output_format=keras, and import the .h5 file."
LFS_POINTER = "This is only a pointer of Git LFS, not the model. Run “git lfs pull” in the repository, and choose the file again."
WEIGHTS_ONLY = "This file contains only weights and no network. Save the whole model with model.save('model.keras')."
PICKLE = f"This is a pickle file, which may run code. {_SAVE}"
MACOS_MEMBERS = ("__MACOSX/", "._", ".DS_Store")
PT_MEMBERS = ("data.pkl", "constants.pkl")


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
        'The file is not a model saved by Keras. Choose a .keras or .h5 file.'
    """
    if content.startswith(LFS_SIGNATURE):
        return LFS_POINTER
    if content[4:8] == b"TFL3":
        return TFLITE
    if content.startswith(ZIP_SIGNATURE):
        return _describe_zip(content)
    if content.startswith((b"\x80\x02\x8a\nl\xfc\x9cF\xf9", b"\x80\x02")) and b"torch" in content[:4096]:
        return PYTORCH
    if content[:1] == b"\x80" and content[1:2] in b"\x02\x03\x04\x05" and len(content) > 2:
        return PICKLE
    if content[:1] == b"\x08" and any(word in content[:256] for word in (b"pytorch", b"tf2onnx", b"onnx", b"skl2onnx")):
        return ONNX
    if content[:2] == b"\x08\x01" and (b"serve" in content[:512] or b"saved_model" in content[:4096]):
        return SAVED_MODEL
    if b'"modelTopology"' in content[:4096] or b'"weightsManifest"' in content[:4096]:
        return TFJS
    return NOT_KERAS


def _describe_zip(content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if not is_metadata_of_macos(name)]
    except ZIP_ERRORS:
        return "The file is damaged: it begins like a ZIP file, but cannot be unpacked. Save or download the model again."
    base_names = {posixpath.basename(name) for name in names}
    if "labels.txt" in base_names and any(name.startswith(("keras_model", "model_unquant", "model.")) for name in base_names):
        return TEACHABLE_MACHINE
    if "saved_model.pb" in base_names:
        return SAVED_MODEL
    if base_names & set(PT_MEMBERS):
        return PYTORCH
    if "model.json" in base_names:
        return TFJS
    if "model.weights.h5" in base_names and "config.json" not in base_names:
        return WEIGHTS_ONLY
    return NOT_KERAS


def is_metadata_of_macos(name: str) -> bool:
    """Check whether a member of a ZIP file was added by macOS's Finder.

    Args:
        name: Path of the member.

    Returns:
        True if the member holds no content.

    Example:
        >>> is_metadata_of_macos("__MACOSX/._config.json"), is_metadata_of_macos("config.json")
        (True, False)
    """
    return name.startswith(MACOS_MEMBERS[0]) or posixpath.basename(name).startswith(MACOS_MEMBERS[1:])
