"""Explains why a runner ended."""

from __future__ import annotations

from common.errors import DeviceError
from edge_apps.android.device import Reply
from edge_apps.android.errors import RunnerKilled

SIGNALS_FROM_OUTSIDE = {1: "SIGHUP", 9: "SIGKILL", 15: "SIGTERM"}
"""Signals that tell of the system, not of the runner."""

RUNNER = {
    3: "the model cannot be used",
    4: "a photo cannot be read",
    5: "a map cannot be written",
    6: "the runtime failed",
    126: "the runner cannot be executed",
    127: "the runner cannot be executed",
}
"""What the exit statuses of ``native/runner.cc`` and of the shell mean."""


def failure(serial: str, reply: Reply) -> DeviceError:
    """Build the error for a program that ended with another status than 0."""
    if reply.status > 128:
        signal = reply.status - 128
        if signal in SIGNALS_FROM_OUTSIDE:
            name = SIGNALS_FROM_OUTSIDE[signal]
            return RunnerKilled(f"{serial}: the runner was killed ({name}), memory may be short")
        return DeviceError(f"{serial}: the runner crashed with signal {signal}")
    lines = [line for line in reply.errors.splitlines() if line.strip()]
    own = [line for line in lines if line.startswith("samnet_runner: ")]
    detail = (own or lines or ["it says nothing"])[-1].removeprefix("samnet_runner: ")
    # LiteRT gives a number to its caller and the reason to standard error.
    causes = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    if own and causes:
        detail += f" ({causes[-1]})"
    kind = RUNNER.get(reply.status, f"the runner ended with status {reply.status}")
    if "No space left" in detail:
        kind = "device is full"
    return DeviceError(f"{serial}: {kind}: {detail}")
