"""Errors of the library. Every message can be shown to the user: it says what is wrong and what to do."""

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
    """An environment variable has an invalid value."""


class ImageError(DigitLabError):
    """An image cannot be decoded or is too large."""


class UnreadableImageError(ImageError):
    """A file is damaged or is not an image.

    Example:
        >>> str(UnreadableImageError())
        'This file cannot be read as an image. Save it as PNG or JPEG and try again.'
    """

    def __init__(self, message: str = "This file cannot be read as an image. Save it as PNG or JPEG and try again.") -> None:
        super().__init__(message)


class DatasetNotFoundError(DigitLabError):
    """The MNIST data set is not on this machine and could not be downloaded."""


class SampleError(DigitLabError):
    """Digits or labels have the wrong shape, type or range."""


class SettingsError(DigitLabError):
    """A setting is unknown or out of range."""


class ModelError(DigitLabError):
    """A model is missing, damaged or of the wrong shape."""


class TrainingError(DigitLabError):
    """A training failed, because its loss is not finite or its network has stopped learning."""


class JobError(DigitLabError):
    """A job on the worker failed."""


class WorkerDiedError(JobError):
    """The worker that ran a job died."""

    def __init__(
        self, message: str = "The worker died. Your drawings and models are safe. Press the button again: a new worker starts."
    ) -> None:
        super().__init__(message)


class WithdrawnError(JobError):
    """A job was withdrawn before a worker started it."""

    def __init__(self, message: str = "The job was withdrawn before it started.") -> None:
        super().__init__(message)


class CancelledError(DigitLabError):
    """The user stopped the work, and there is no partial result."""


class LabError(DigitLabError):
    """A lab cannot be saved, found or opened."""


class StoreUnreachableError(LabError):
    """The store of labs does not answer."""


class LabDeletedError(LabError):
    """Another session has deleted the lab since it was read."""


class VersionConflictError(LabError):
    """Another session has changed the lab since it was read."""
