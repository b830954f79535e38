"""Errors whose text can be shown to a person as it is: what happened, and what to do."""


class DigitLabError(Exception):
    """Base of every error that the library raises on purpose."""


class PictureError(DigitLabError):
    """A picture cannot be read as a drawing."""


class DataMissing(DigitLabError):
    """The MNIST data set is not on this machine and could not be fetched."""


class SampleError(DigitLabError):
    """Digits or labels have the wrong shape, type or range."""


class SettingsError(DigitLabError):
    """A training setting is out of range."""


class ModelError(DigitLabError):
    """A model is missing, damaged or of the wrong shape."""


class JobError(DigitLabError):
    """A job on the worker did not end as it should."""


class LabError(DigitLabError):
    """A lab cannot be stored, found or opened."""


class Stopped(DigitLabError):
    """Somebody pressed Stop, and nothing is worth keeping."""
