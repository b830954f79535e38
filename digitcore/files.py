"""Reading of files whose path a user gives."""

from pathlib import Path

from digitcore.errors import DigitLabError


def read_bytes(file: Path, error_type: type[DigitLabError]) -> bytes:
    """Read a file.

    Args:
        file: Path of the file.
        error_type: Type of the error that is raised if the file cannot be read.

    Returns:
        The content.

    Raises:
        DigitLabError: If the file cannot be read. The type is `error_type`, and the message contains the reason.

    Example:
        >>> from digitcore.errors import SampleError
        >>> read_bytes(Path("nowhere.npz"), SampleError)
        Traceback (most recent call last):
        ...
        digitcore.errors.SampleError: There is no file nowhere.npz. Check the path.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise error_type(_explain(file, error)) from error


def _explain(file: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return f"There is no file {file}. Check the path."
    if isinstance(error, IsADirectoryError):
        return f"{file} is a folder. Give the path of a file."
    return f"{file} cannot be read ({error.strerror}). Check the file and its permissions."
