"""The backend of a comparison that runs on an Android device through adb."""

from __future__ import annotations

import functools
import socket
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import SamnetError
from common.images.photos import Bytes
from edge_apps.android.bundle import find_bundle
from edge_apps.android.discovery import adb_client, choose, describe
from edge_apps.android.retries import persist
from edge_apps.android.run import Options, run_frames
from edge_apps.android.session import Session
from edge_apps.compare.backends import Absent, Maps
from edge_apps.runtime import load


class AdbDevice:
    """The device with a serial, or the only one there is.

    Args:
        serial: serial of the device; None for the only one.
        threads: number of threads that the network may use.
    """

    name = "device"

    def __init__(self, serial: str | None, threads: int) -> None:
        self._serial = serial
        self._threads = threads

    def run(self, model: Path, frames: Bytes) -> Maps:
        """See :class:`edge_apps.compare.backends.Backend`; an emulated device has no latencies."""
        try:
            client = adb_client()
            if self._serial is None and not _running(client):
                raise Absent("no adb server is running; connect a device and `adb start-server`")
            device = choose(client, self._serial)
        except SamnetError as error:
            raise Absent(str(error)) from error
        about = describe(device)
        self.name = f"device {device.serial}"
        try:
            bundle = find_bundle(about.abis, model.suffix, None)
        except SamnetError as error:
            raise Absent(str(error)) from error
        options = Options(model=model, photos=(), output=Path(), threads=self._threads)
        side = len(load(model, threads=1).run(frames[0]))
        session = Session(device)
        session.begin()
        runs = []
        try:
            for start in range(0, len(frames), options.batch):
                part = list(frames[start : start + options.batch])
                work = functools.partial(run_frames, session, bundle, options, part, side)
                runs += persist(session, work, options.reconnect)
        finally:
            session.clean()
        taken = None if about.emulated else [run.latency_ms for run in runs]
        return Maps(np.stack([run.map for run in runs]), taken)


def _running(client: Any) -> bool:
    """Tell whether an adb server answers; a comparison alone shall not leave one behind."""
    try:
        with socket.create_connection((client.host, client.port), timeout=5):
            return True
    except OSError:
        return False
