"""Repeats work on a device after a lost connection or a killed runner."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

from common.errors import DeviceError
from edge_apps.android.errors import ConnectionLost, PassingError
from edge_apps.android.session import Session

TRIES = 3
"""How often a batch is tried when the connection is lost or the runner killed."""

Done = TypeVar("Done")


def persist(session: Session, work: Callable[[], Done], reconnect: float) -> Done:
    """Do work that may be repeated, again when the connection is lost or the runner killed.

    Args:
        session: where.
        work: what is done; it must get by with what an interrupted try left.
        reconnect: seconds to wait for a device that went away.

    Raises:
        DeviceError: if it fails for another reason, or :data:`TRIES` times.
    """
    tried = 0
    while True:
        try:
            if tried:
                session.stop()
            return work()
        except PassingError as error:
            tried += 1
            if tried == TRIES:
                raise DeviceError(f"{error}; tried {TRIES} times") from error
            print(f"{error}; trying again", file=sys.stderr)
            if isinstance(error, ConnectionLost):
                session.device.wait(reconnect)
