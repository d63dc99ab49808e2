"""Finds the Android devices that the adb server knows, and chooses one."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from typing import Any

from common.errors import DeviceError, MissingPackageError
from edge_apps.android.device import Device, reconnect

ADVICE = {
    "unauthorized": "unauthorized; confirm this computer on the device's screen",
    "offline": "offline; reconnect it, or switch USB debugging off and on",
    "no": "no permission to open it; add a udev rule for its vendor, or see `adb devices`",
    "authorizing": "still being authorized; confirm this computer on the device's screen",
    "bootloader": "in its boot loader; start Android on it",
    "recovery": "in recovery; start Android on it",
    "sideload": "in sideload mode; start Android on it",
}
"""What to do about each state of the adb server but ``device``."""


@dataclasses.dataclass(frozen=True)
class Description:
    """What a device says of itself.

    Args:
        abis: ABIs that it runs, best first, as ``arm64-v8a``.
        model: model as its maker calls it.
        android: version, "" where it is none.
        emulated: whether its processor is made of software, so that latencies mean nothing.
        cpu_features: instruction sets as the Linux kernel names them.
    """

    abis: tuple[str, ...]
    model: str
    android: str
    emulated: bool
    cpu_features: tuple[str, ...]


def adb_client() -> Any:
    """Connect to the adb server that the environment names; adbutils starts it if need be.

    Raises:
        InputError: if adbutils is not installed.
    """
    try:
        import adbutils
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            "adbutils is not installed; pip install samnet[android]"
        ) from error
    return adbutils.AdbClient()


def list_devices(client: Any) -> dict[str, str]:
    """Return the state of each device that the adb server lists, by serial.

    Raises:
        DeviceError: if the server cannot be reached or started.
    """
    from adbutils import AdbError

    try:
        return {info.serial: info.state for info in client.list()}
    except (AdbError, OSError, subprocess.SubprocessError) as error:
        raise DeviceError(
            f"the adb server at {client.host}:{client.port} cannot be reached ({error}); "
            "try `adb start-server`"
        ) from error


def choose(client: Any, serial: str | None) -> Device:
    """Choose the device with a serial, or the only one there is.

    Without a serial ANDROID_SERIAL counts, as for adb. A serial HOST:PORT is connected to unless
    the server is.

    Raises:
        DeviceError: if there is none, several, or the one meant is not ready.
    """
    serial = serial or os.environ.get("ANDROID_SERIAL")
    states = list_devices(client)
    if serial and ":" in serial and states.get(serial) != "device":
        reconnect(client, serial)
        states = list_devices(client)
    names = ", ".join(sorted(states))
    if serial is None:
        if not states:
            raise DeviceError(
                "no device; connect one by USB with debugging switched on, or pass --serial "
                "HOST:PORT for one in the network"
            )
        if len(states) > 1:
            raise DeviceError(f"{len(states)} devices ({names}); choose one with --serial")
        (serial,) = states
    if serial not in states:
        raise DeviceError(f"{serial}: no such device, found {names or 'none'}; see `devices`")
    if states[serial] != "device":
        state = states[serial]
        raise DeviceError(f"{serial}: {ADVICE.get(state, f'in state {state}, expected device')}")
    return Device(client, serial)


def describe(device: Device) -> Description:
    """Ask a device what it is.

    Raises:
        DeviceError: if it does not answer.
    """
    abis = device.property("ro.product.cpu.abilist") or device.property("ro.product.cpu.abi")
    cpu = device.shell(["cat", "/proc/cpuinfo"]).output
    fields = (line.partition(":") for line in cpu.splitlines())
    features = {name.strip(): value.split() for name, _, value in fields}
    return Description(
        abis=tuple(abi for abi in abis.split(",") if abi),
        model=device.property("ro.product.model"),
        android=device.property("ro.build.version.release"),
        emulated=any(device.property(name) == "1" for name in ("ro.boot.qemu", "ro.kernel.qemu")),
        cpu_features=tuple(features.get("Features", features.get("flags", []))),
    )
