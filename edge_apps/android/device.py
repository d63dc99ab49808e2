"""One Android device behind the adb server: shell, push and pull, with named errors."""

from __future__ import annotations

import contextlib
import dataclasses
import shlex
import struct
import time
from collections.abc import Iterator, Sequence
from typing import Any

from common.errors import DeviceError
from edge_apps.android.errors import ConnectionLost

SHELL_SECONDS = 30.0
"""Patience with small commands."""

LOST = (
    "not found",
    "offline",
    "closed",
    "device still",
    "no devices",
    "reset",
    "Unknown data: b''",
)
"""Words in the adb server's refusals that mean the device went away."""


@dataclasses.dataclass(frozen=True)
class Reply:
    """What a command on the device left.

    Args:
        status: its exit status; 128 + N after signal N.
        output: its standard output.
        errors: its standard error.
    """

    status: int
    output: str
    errors: str


class Device:
    """A device that the adb server knows.

    Args:
        client: an ``adbutils.AdbClient``.
        serial: the device's name in the server's list.
    """

    def __init__(self, client: Any, serial: str) -> None:
        self.client = client
        self.serial = serial
        self._device = client.device(serial)

    def shell(self, command: str | Sequence[str], *, seconds: float = SHELL_SECONDS) -> Reply:
        """Run a command: a string for the device's shell, or words that it shall not interpret.

        Raises:
            ConnectionLost: if the device went away.
            DeviceError: if there is no answer within ``seconds``.
        """
        line = command if isinstance(command, str) else shlex.join(command)
        with self._named(f"shell {line.split()[0]}", seconds):
            reply = self._device.shell2(line, timeout=seconds, v2=True)
        # Devices without the newer shell protocol mix both outputs into one.
        return Reply(reply.returncode, reply.stdout or reply.output, reply.stderr)

    def push(self, content: bytes, target: str, mode: int = 0o644) -> None:
        """Write a file on the device; missing folders are made.

        Raises:
            ConnectionLost: if the device went away.
            DeviceError: if the device is full or refuses.
        """
        with self._named(f"push of {target}", None, needed=len(content)):
            self._device.sync.push(content, target, mode)

    def pull(self, source: str) -> bytes:
        """Read a file on the device.

        Raises:
            ConnectionLost: if the device went away.
            DeviceError: if there is no such file.
        """
        with self._named(f"pull of {source}", None):
            content: bytes = self._device.sync.read_bytes(source)
        return content

    def property(self, name: str) -> str:
        """Read a property of the Android system, "" if it is not set."""
        return self.shell(["getprop", name]).output.strip()

    def free_bytes(self, folder: str) -> int | None:
        """Return free bytes on the file system of a folder; None if the device does not say."""
        lines = self.shell(["df", "-k", folder]).output.splitlines()
        words = lines[-1].split() if len(lines) > 1 else []
        return int(words[3]) * 1024 if len(words) > 3 and words[3].isdigit() else None

    def wait(self, seconds: float) -> None:
        """Wait until the device answers again.

        Raises:
            ConnectionLost: if it has not after ``seconds``.
        """
        end = time.monotonic() + seconds
        while True:
            with contextlib.suppress(DeviceError):
                self.shell("true", seconds=5.0)
                return
            with contextlib.suppress(DeviceError), self._named("connect", 5.0):
                reconnect(self.client, self.serial)
            if time.monotonic() >= end:
                raise ConnectionLost(
                    f"{self.serial}: connection lost, and not back after {seconds:.0f} s; "
                    "connect it again and repeat the command"
                )
            time.sleep(1.0)

    @contextlib.contextmanager
    def _named(self, what: str, seconds: float | None, needed: int = 0) -> Iterator[None]:
        """Turn what adbutils raises into the errors of this package."""
        from adbutils import AdbError
        from adbutils.errors import AdbTimeout

        try:
            yield
        except AdbTimeout as error:
            raise DeviceError(
                f"{self.serial}: {what}: no answer within {seconds or 0:.0f} s"
            ) from error
        # A connection that ends early reaches adbutils' decoding as too few bytes.
        except (OSError, EOFError, struct.error, AssertionError) as error:
            raise self._lost(what, error) from error
        except AdbError as error:
            reason = " ".join(str(part) for part in error.args).strip()
            if not reason or any(word in reason for word in LOST):
                raise self._lost(what, error) from error
            free = self.free_bytes("/data/local/tmp") if needed else None
            if free is not None and free < needed:
                raise full(self.serial, needed, free) from error
            raise DeviceError(f"{self.serial}: {what} refused ({reason})") from error

    def _lost(self, what: str, error: Exception) -> ConnectionLost:
        reason = str(error) or type(error).__name__
        return ConnectionLost(f"{self.serial}: connection lost during {what} ({reason})")


def reconnect(client: Any, serial: str) -> None:
    """Connect anew to a device HOST:PORT; others come back by themselves.

    The server forgets what it reached by network, or takes a dead connection for one that lives.
    """
    if ":" in serial:
        client.disconnect(serial)
        client.connect(serial, timeout=10.0)


def full(serial: str, needed: int, free: int) -> DeviceError:
    """Build the error for a device without space: ``needed`` and ``free`` in bytes."""
    return DeviceError(
        f"{serial}: device is full, {free / 1e6:.1f} MB free in /data/local/tmp, "
        f"{needed / 1e6:.1f} MB needed; make room and repeat the command"
    )
