"""A session of a runner on a device: copies it there, runs it, fetches maps and cleans up."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from common.errors import DeviceError
from edge_apps.android.bundle import Bundle
from edge_apps.android.device import Device, Reply, full
from edge_apps.android.errors import ConnectionLost
from edge_apps.android.exit_reasons import failure

ROOT = "/data/local/tmp/samnet"
"""Everything on the device stands here; /sdcard cannot hold programs."""

MARGIN = 1 << 20
"""Bytes that must stay free beside what is copied."""


class Output(NamedTuple):
    """What the runner said.

    Args:
        latencies: latencies in microseconds by the photo's name, a figure a repetition.
        operations: operations of a profile, in their order: name, and microseconds, a figure a run.
    """

    latencies: dict[str, list[float]]
    operations: list[tuple[str, list[float]]]


class Session:
    """The folder :data:`ROOT` of a device while this program uses it.

    Args:
        device: where.
        keep: leave runner and model for the next time when :meth:`clean` removes the rest.
    """

    def __init__(self, device: Device, *, keep: bool = False) -> None:
        self.device = device
        self.keep = keep
        self.pushed_files = 0
        self.pushed_bytes = 0

    def begin(self) -> None:
        """Make sure that nobody else uses the folder.

        Raises:
            DeviceError: if a runner is at work.
        """
        if pid := self._runner():
            raise DeviceError(
                f"{self.device.serial}: a runner is still at work there (process {pid}); wait for "
                f"it, or end it with: adb -s {self.device.serial} shell kill {pid}"
            )
        self._remove_work()

    def install(self, files: Mapping[str, Path | bytes], *, program: bool = False) -> None:
        """Copy what is missing or differs, by its SHA-256.

        Args:
            files: content by name below :data:`ROOT`.
            program: whether they may be executed.

        Raises:
            ConnectionLost: if the device went away.
            DeviceError: if it is full.
        """
        present = self._hashes({name.rpartition("/")[0] for name in files})
        contents = {
            name: data if isinstance(data, bytes) else data.read_bytes()
            for name, data in files.items()
        }
        changed = {
            name: content
            for name, content in contents.items()
            if present.get(name) != hashlib.sha256(content).hexdigest()
        }
        needed = sum(len(content) for content in changed.values())
        free = self.device.free_bytes(ROOT.rpartition("/")[0]) if changed else None
        if free is not None and free < needed + MARGIN:
            raise full(self.device.serial, needed + MARGIN, free)
        for name, content in changed.items():
            self.device.push(content, f"{ROOT}/{name}", 0o755 if program else 0o644)
            self.pushed_files += 1
            self.pushed_bytes += len(content)
        if program and changed:
            # The bit gets lost when pushing from Windows.
            self.device.shell(f"chmod 755 {' '.join(shlex.quote(f'{ROOT}/{n}') for n in changed)}")

    def install_bundle(self, bundle: Bundle) -> None:
        """Copy a runner with all it needs.

        Raises:
            DeviceError: as :meth:`install`.
        """
        self.install({f"bundle/{path.name}": path for path in bundle.files}, program=True)

    def run(
        self,
        model: str,
        names: Sequence[str],
        *,
        threads: int,
        warm_up: int,
        repetitions: int,
        seconds: float,
        profile: bool = False,
    ) -> Output:
        """Run the installed runner on installed photos.

        Args:
            model: its name below :data:`ROOT`.
            names: names of the files in ``photos``.
            threads: number of threads that the runtime may use.
            warm_up: uncounted runs before the first.
            repetitions: timed runs a photo.
            seconds: after which it is ended.
            profile: also time each operation.

        Raises:
            PassingError: if the connection is lost or the runner killed.
            DeviceError: if the runner fails for another reason.
        """
        self.install({"list": "".join(f"{name}\n" for name in names).encode()})
        self.device.shell(["mkdir", "-p", f"{ROOT}/maps"])
        words = ["sh", f"{ROOT}/bundle/run", *["--profile"] * profile]
        words += [f"{ROOT}/{part}" for part in (model, "list", "photos", "maps")]
        counts = [str(count) for count in (threads, warm_up, repetitions)]
        reply = self.execute([*words, *counts], seconds)
        lines = [json.loads(line) for line in reply.output.splitlines() if line.startswith("{")]
        latencies = {line["name"]: line["latency_us"] for line in lines if "name" in line}
        operations = [(line["operation"], line["us"]) for line in lines if "operation" in line]
        if missing := set(names) - latencies.keys():
            raise DeviceError(
                f"{self.device.serial}: the runner ended without {len(missing)} of {len(names)} "
                "maps; try again with fewer photos"
            )
        return Output(latencies, operations)

    def execute(self, words: Sequence[str], seconds: float) -> Reply:
        """Run a program in :data:`ROOT`, to be found and ended later by :meth:`stop`.

        Raises:
            PassingError: if the connection is lost or the program killed.
            DeviceError: if it fails for another reason.
        """
        line = f"cd {ROOT} && echo $$ > pid && exec {shlex.join(words)}"
        reply = self.device.shell(line, seconds=seconds)
        if reply.status:
            raise failure(self.device.serial, reply)
        return reply

    def pull_map(self, name: str, size: int) -> bytes:
        """Fetch the map of a photo, ``size`` bytes.

        Raises:
            ConnectionLost: if the device went away.
            DeviceError: if it is missing or of another size.
        """
        content = self.device.pull(f"{ROOT}/maps/{name}")
        if len(content) != size:
            raise DeviceError(
                f"{self.device.serial}: map has {len(content)} bytes, expected {size}; "
                "the runner does not fit the model"
            )
        return content

    def discard(self, names: Sequence[str]) -> None:
        """Remove files below :data:`ROOT`.

        Raises:
            ConnectionLost: if the device went away.
        """
        self.device.shell(["rm", "-f", *(f"{ROOT}/{name}" for name in names)])

    def stop(self) -> None:
        """End a runner of ours that goes on after its connection was lost."""
        if pid := self._runner():
            self.device.shell(["kill", "-9", pid])

    def clean(self, reconnect: float = 0.0) -> None:
        """End what still runs and remove what was copied.

        Args:
            reconnect: seconds to wait for a device that went away.

        Raises:
            ConnectionLost: if the device is gone; then all of it stays there.
        """
        serial = self.device.serial
        try:
            try:
                self._clean()
            except ConnectionLost:
                self.device.wait(reconnect)
                self._clean()
        except ConnectionLost as error:
            raise ConnectionLost(
                f"{serial}: could not be cleaned, {ROOT} stays on it; "
                f"later: adb -s {serial} shell rm -r {ROOT}"
            ) from error

    def _clean(self) -> None:
        self.stop()
        if self.keep:
            self._remove_work()
        else:
            self.device.shell(["rm", "-rf", ROOT])

    def _remove_work(self) -> None:
        names = ("photos", "maps", "list", "pid")
        self.device.shell(["rm", "-rf", *(f"{ROOT}/{name}" for name in names)])

    def _runner(self) -> str:
        """Find the last program's process, "" if it has ended; its number may be another's now."""
        pid = self.device.shell(["cat", f"{ROOT}/pid"]).output.strip()
        if not pid.isdecimal():
            return ""
        line = self.device.shell(["cat", f"/proc/{pid}/cmdline"]).output
        return pid if f"{ROOT}/" in line else ""

    def _hashes(self, folders: set[str]) -> dict[str, str]:
        """Hash by name the files directly inside folders below :data:`ROOT`."""
        patterns = " ".join(f"{folder}/*" if folder else "*" for folder in sorted(folders))
        reply = self.device.shell(f"cd {ROOT} && sha256sum {patterns}", seconds=120.0)
        found = (line.split(maxsplit=1) for line in reply.output.splitlines())
        return {words[1].lstrip("*"): words[0] for words in found if len(words) == 2}
