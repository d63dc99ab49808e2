"""Errors that are expected, by what a caller could do about them."""

from __future__ import annotations


class SamnetError(Exception):
    """Base of all errors that this project raises on purpose.

    The message is a single line that says what was found, what was expected and what to do.
    Commands print it to standard error and end with status 2; anything else that is raised
    is a defect of this project and keeps its traceback.
    """


class InputError(SamnetError):
    """Something the user gave cannot be used: a file, an option, a folder."""


class MissingPackageError(SamnetError):
    """A package or a program that the work needs is not installed, or in the wrong version."""


class TrainingDivergedError(SamnetError):
    """A loss or a gradient is no longer finite."""


class CheckFailedError(SamnetError):
    """An artifact or a program lost more of its source's maps than is allowed."""


class DeviceError(SamnetError):
    """A device cannot be used, or failed on the way."""
