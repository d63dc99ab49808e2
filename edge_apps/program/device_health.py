"""Reads temperature, throttling and memory of the machine."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import subprocess
from pathlib import Path

ZONES = ("cpu-thermal", "cpu_thermal", "x86_pkg_temp", "soc-thermal", "soc_thermal")
"""Names that kernels give to the processor's thermal zone; a Raspberry Pi's comes first."""

THROTTLED = "devices/platform/soc/soc:firmware/get_throttled"
"""Where a Raspberry Pi's kernel shows its firmware's flags; vcgencmd asks the firmware itself."""

FLAGS = {
    0: "under-voltage",
    1: "frequency capped",
    2: "throttled",
    3: "soft temperature limit",
    16: "under-voltage has occurred",
    17: "frequency was capped",
    18: "was throttled",
    19: "soft temperature limit was reached",
}
"""Bits of the firmware's flags: the first four tell of now, the others of any time since boot."""


@dataclasses.dataclass(frozen=True)
class Health:
    """The machine at one moment.

    Args:
        temperature: temperature of the processor in °C; None where the system does not say.
        throttling: what the firmware complains of, now or since boot; None where there is no
            such firmware.
        memory: resident memory of this process in MB; None where the system does not say.
    """

    temperature: float | None
    throttling: tuple[str, ...] | None
    memory: float | None


def read_health(sys: Path = Path("/sys"), proc: Path = Path("/proc")) -> Health:
    """Read what the system has; nothing of it is an error if absent."""
    flags = _flags(sys)
    throttling = None if flags is None else tuple(n for bit, n in FLAGS.items() if flags >> bit & 1)
    return Health(_temperature(sys / "class/thermal"), throttling, _memory(proc))


def _temperature(folder: Path) -> float | None:
    found = {}
    for zone in sorted(folder.glob("thermal_zone*")):
        with contextlib.suppress(OSError, ValueError):
            found[(zone / "type").read_text().strip()] = int((zone / "temp").read_text()) / 1000
    return next((found[name] for name in ZONES if name in found), None)


def _flags(sys: Path) -> int | None:
    try:
        text = (sys / THROTTLED).read_text()
    except OSError:
        try:
            command = ["vcgencmd", "get_throttled"]
            text = subprocess.run(command, capture_output=True, text=True, timeout=2).stdout
        except (OSError, subprocess.SubprocessError):
            return None
    match = re.search(r"(?:throttled=)?(?:0x)?([0-9a-fA-F]+)\s*$", text)
    return int(match[1], 16) if match else None


def _memory(proc: Path) -> float | None:
    try:
        pages = int((proc / "self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
