"""Errors of the library. Every message is written for the user. It contains the reason and the action for the user."""

import zipfile
import zlib

# Exceptions that reading a damaged ZIP file or one of its members can raise.
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, KeyError, RuntimeError)


class DigitLabError(Exception):
    """Base class of every error that the library raises on purpose.

    Example:
        >>> try:
        ...     raise ModelError("There is no model “x”.")
        ... except DigitLabError as error:
        ...     print(error)
        There is no model “x”.
    """


class ConfigError(DigitLabError):
    """Raised when an environment variable has an invalid value."""


class ImageError(DigitLabError):
    """Raised when an image cannot be decoded or is too large."""


class UnreadableImageError(ImageError):
    """Raised when a file is damaged or is not an image.

    Example:
        >>> str(UnreadableImageError())
        'This file cannot be read as an image. Save it as PNG or JPEG and try again.'
    """

    def __init__(self, message: str = "This file cannot be read as an image. Save it as PNG or JPEG and try again.") -> None:
        super().__init__(message)


class DatasetNotFoundError(DigitLabError):
    """Raised when a data set is not on this machine and cannot be downloaded."""


class SampleError(DigitLabError):
    """Raised when digits or labels have the wrong shape, type or range."""


class SettingsError(DigitLabError):
    """Raised when a setting is unknown or out of range."""


class ModelError(DigitLabError):
    """Raised when a model is missing, is damaged, or has the wrong shape."""


class TrainingError(DigitLabError):
    """Raised when a training fails, because its loss is not finite or its network has stopped learning."""


class JobError(DigitLabError):
    """Raised when a job on a worker fails."""


class WorkerDiedError(JobError):
    """Raised when the worker of a job dies."""

    def __init__(
        self, message: str = "The worker died. Your drawings and models are safe. Press the button again to start a new worker."
    ) -> None:
        super().__init__(message)


class WithdrawnError(JobError):
    """Raised when a job is withdrawn before a worker starts it."""

    def __init__(self, message: str = "The job was withdrawn before it started.") -> None:
        super().__init__(message)


class CancelledError(DigitLabError):
    """Raised when the user stops work that has no partial result."""


class LabError(DigitLabError):
    """Raised when a lab cannot be saved, found or opened."""


class StoreUnreachableError(LabError):
    """Raised when the database of labs does not answer.

    Example:
        >>> str(StoreUnreachableError())
        'The saved labs cannot be reached now. Your changes stay in this window and are saved as soon as possible.'
    """

    def __init__(
        self,
        message: str = "The saved labs cannot be reached now. "
        "Your changes stay in this window and are saved as soon as possible.",
    ) -> None:
        super().__init__(message)


class LabDeletedError(LabError):
    """Raised when another session has deleted the lab."""


class VersionConflictError(LabError):
    """Raised when another session has changed the lab."""
