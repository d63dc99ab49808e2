"""Errors of Android devices, told apart by whether trying again makes sense."""

from __future__ import annotations

from common.errors import DeviceError


class PassingError(DeviceError):
    """Something that may go well the next time."""


class ConnectionLost(PassingError):
    """The device no longer answers: unplugged, restarted, or the network is gone."""


class RunnerKilled(PassingError):
    """Somebody ended the runner, as Android does when memory is short."""
