"""Errors of the library. Every message is written for the user. It contains the reason and the action for the user."""

import tokenize
import zipfile
import zlib

# Exceptions that can be raised by reading a damaged ZIP file or its members. NumPy raises TokenError for the header of an array.
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, KeyError, RuntimeError, tokenize.TokenError)


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
    """Raised when an environment variable has an invalid value.

    Example:
        >>> raise ConfigError("DIGITLAB_MAX_EPOCHS cannot be “0”. Set it to 1 or more.")
        Traceback (most recent call last):
        digitcore.errors.ConfigError: DIGITLAB_MAX_EPOCHS cannot be “0”. Set it to 1 or more.
    """


class ImageError(DigitLabError):
    """Raised when an image cannot be decoded or is too large.

    Example:
        >>> raise ImageError("The image has more than 50 million pixels. Make the image smaller and try again.")
        Traceback (most recent call last):
        digitcore.errors.ImageError: The image has more than 50 million pixels. Make the image smaller and try again.
    """


class UnreadableImageError(ImageError):
    """Raised when a file is damaged or is not an image.

    Example:
        >>> str(UnreadableImageError())
        'This file cannot be read as an image. Save it as PNG or JPEG and try again.'
    """

    def __init__(self, message: str = "This file cannot be read as an image. Save it as PNG or JPEG and try again.") -> None:
        super().__init__(message)


class DatasetNotFoundError(DigitLabError):
    """Raised when a data set is not on this machine and cannot be downloaded.

    Example:
        >>> raise DatasetNotFoundError("MNIST is not on this machine. Run “digitlab data”.")
        Traceback (most recent call last):
        digitcore.errors.DatasetNotFoundError: MNIST is not on this machine. Run “digitlab data”.
    """


class SampleError(DigitLabError):
    """Raised when digits or labels have the wrong shape, type or range.

    Example:
        >>> raise SampleError("Labels must be between 0 and 9.")
        Traceback (most recent call last):
        digitcore.errors.SampleError: Labels must be between 0 and 9.
    """


class SettingsError(DigitLabError):
    """Raised when a setting is unknown or out of range.

    Example:
        >>> raise SettingsError("There is no setting “x”. Check its name.")
        Traceback (most recent call last):
        digitcore.errors.SettingsError: There is no setting “x”. Check its name.
    """


class ModelError(DigitLabError):
    """Raised when a model is missing, is damaged, or has the wrong shape.

    Example:
        >>> raise ModelError("There is no model “x”. Choose another model.")
        Traceback (most recent call last):
        digitcore.errors.ModelError: There is no model “x”. Choose another model.
    """


class TrainingError(DigitLabError):
    """Raised when a training fails, because its loss is not finite or its network has stopped learning.

    Example:
        >>> raise TrainingError("The loss is not finite. Choose a lower learning rate.")
        Traceback (most recent call last):
        digitcore.errors.TrainingError: The loss is not finite. Choose a lower learning rate.
    """


class JobError(DigitLabError):
    """Raised when a job on a worker fails.

    Example:
        >>> raise JobError("This server allows 50 epochs. Choose fewer epochs.")
        Traceback (most recent call last):
        digitcore.errors.JobError: This server allows 50 epochs. Choose fewer epochs.
    """


class QueueFullError(JobError):
    """Raised when the queue of jobs is full.

    Example:
        >>> raise QueueFullError("This server allows 200 trainings at a time, and 200 run or wait. Try again later.")
        Traceback (most recent call last):
        digitcore.errors.QueueFullError: This server allows 200 trainings at a time, and 200 run or wait. Try again later.
    """


class WorkerDiedError(JobError):
    """Raised when the worker of a job dies.

    Example:
        >>> str(WorkerDiedError())
        'The worker died. Your drawings and models are safe. Press the button again to start a new worker.'
    """

    def __init__(
        self, message: str = "The worker died. Your drawings and models are safe. Press the button again to start a new worker."
    ) -> None:
        super().__init__(message)


class WithdrawnError(JobError):
    """Raised when a job is withdrawn before a worker starts it.

    Example:
        >>> str(WithdrawnError())
        'The job was withdrawn before it started.'
    """

    def __init__(self, message: str = "The job was withdrawn before it started.") -> None:
        super().__init__(message)


class CancelledError(DigitLabError):
    """Raised when the user stops work that has no partial result.

    Example:
        >>> raise CancelledError("The import was stopped. No sample was imported.")
        Traceback (most recent call last):
        digitcore.errors.CancelledError: The import was stopped. No sample was imported.
    """


class LabError(DigitLabError):
    """Raised when a lab cannot be saved, found or opened.

    Example:
        >>> raise LabError("This file is not a lab. Choose another file.")
        Traceback (most recent call last):
        digitcore.errors.LabError: This file is not a lab. Choose another file.
    """


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
    """Raised when another session has deleted the lab.

    Example:
        >>> raise LabDeletedError("This lab was deleted in another window.")
        Traceback (most recent call last):
        digitcore.errors.LabDeletedError: This lab was deleted in another window.
    """
