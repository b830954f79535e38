"""Errors whose message can be shown to a person as it is: one sentence on what happened and what to do."""

import zipfile
import zlib

# What reading a damaged ZIP file or one of its members may raise.
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, KeyError, RuntimeError)


class DigitLabError(Exception):
    """Base of every error that the library raises on purpose."""


class ConfigError(DigitLabError):
    """An environment variable has a value that cannot be used."""


class ImageError(DigitLabError):
    """An image cannot be decoded or is too large."""


class DatasetNotFoundError(DigitLabError):
    """The MNIST data set is not on this machine and could not be downloaded."""


class SampleError(DigitLabError):
    """Digits or labels have the wrong shape, type or range."""


class SettingsError(DigitLabError):
    """A setting is unknown or out of range."""


class ModelError(DigitLabError):
    """A model is missing, damaged or of the wrong shape."""


class TrainingError(DigitLabError):
    """A training can come to nothing: its loss is no number, or its network is dead."""


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
    """A lab cannot be stored, found or opened."""


class StoreUnreachableError(LabError):
    """The store of labs does not answer, or not now."""


class LabDeletedError(LabError):
    """The lab was deleted by another session since it was read."""


class VersionConflictError(LabError):
    """The lab was changed by another session since it was read."""
