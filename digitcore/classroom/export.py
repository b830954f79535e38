"""The drawings of a class as a file."""

import io
import json
import zipfile

import numpy as np

from digitcore.classroom.pupils import ClassDrawings


def to_npz(drawings: ClassDrawings) -> bytes:
    """Write the drawings of a class as an .npz file with the arrays of `SampleSet.to_npz` and the array `pupils`.

    The array `pupils` contains the UTF-8 bytes of a JSON list with the pseudonym of the pupil of each drawing. The file contains
    no nickname.

    Args:
        drawings: The drawings.

    Returns:
        Content of the file.

    Example:
        >>> from digitcore.classroom.pupils import Pupil
        >>> from digitcore.samples import SampleSet
        >>> single = SampleSet().add(np.zeros((28, 28), np.uint8), 7)
        >>> content = to_npz(ClassDrawings((Pupil("a", "Ada", single),)))
        >>> SampleSet.from_npz(content), np.load(io.BytesIO(content))["pupils"].tobytes()
        (SampleSet(1 sample, 0 held out), b'["pupil 01"]')
    """
    names = drawings.pseudonyms()
    owners = [names[drawings.pupils[owner].id] for owner in drawings.owners]
    file = io.BytesIO(drawings.samples.to_npz())
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("pupils.npy", "w") as member:
        np.lib.format.write_array(member, np.frombuffer(json.dumps(owners).encode(), np.uint8))
    return file.getvalue()
