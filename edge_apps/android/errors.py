"""What can go wrong with a device, told apart by whether trying again makes sense."""

from __future__ import annotations

from common.errors import InputError


class DeviceError(InputError):
    """A device cannot be used, or failed on the way; trying again would not help."""


class PassingError(DeviceError):
    """Something that may go well the next time."""


class ConnectionLost(PassingError):
    """The device no longer answers: unplugged, restarted, or the network is gone."""


class RunnerKilled(PassingError):
    """Somebody ended the runner, as Android does when memory is short."""
