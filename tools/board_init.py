#!/usr/bin/python3.11 -u
"""The only program of a booted board: loads the camera, runs a module, sends its files home.

The module, its arguments and the folder of its results stand in /work.json. All goes over the
serial line: what a user would see, then each file as a line ``FILE name base64``, then ``END
status``, after which the board waits to be switched off.
"""

from __future__ import annotations

import base64
import ctypes
import fcntl
import json
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

CAMERA = "/dev/video0"

MOUNTS = (("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"), ("tmpfs", "/tmp"))

QUERY_CONTROL, SET_CONTROL = 0xC0445624, 0xC008561C
"""VIDIOC_QUERYCTRL and VIDIOC_S_CTRL of linux/videodev2.h."""

NEXT = 0x80000000
"""V4L2_CTRL_FLAG_NEXT_CTRL: asks for the control behind the given one."""

PICTURE = {"Test Pattern": 6, "Show Square": 1}
"""A green square on white, which is salient, where vivid shows color bars by itself."""

FINIT_MODULE = 273
"""Number of the system call on arm64."""

OPTIONS = b"n_devs=1 node_types=1 num_inputs=1 input_types=0"
"""Of vivid: a single camera and nothing else, of the kind of a webcam."""


def main() -> int:
    """Run the board's work and return its exit status."""
    load_camera()
    set_controls(PICTURE)
    system = os.uname()
    print(f"{read('/proc/device-tree/model')}, {system.sysname} {system.release}, {system.machine}")
    print(f"{CAMERA}: {read('/sys/class/video4linux/video0/name')}")
    work = json.loads(read("/work.json"))
    words = ["-m", work["module"], *work["arguments"]]
    print("$ python", *words)
    environment = {"PYTHONPATH": "/opt/python:/project", "HOME": "/"}
    done = subprocess.run(
        [sys.executable, *words], env=environment, cwd="/", capture_output=True, text=True
    )
    print(done.stdout + done.stderr * (done.returncode != 0), end="")
    for file in sorted(Path(work["results"]).glob("*")):
        print("FILE", file.name, base64.b64encode(file.read_bytes()).decode())
    return done.returncode


def load_camera() -> None:
    """Mount what a system has and load the modules of the camera."""
    libc = ctypes.CDLL(None, use_errno=True)
    for kind, folder in MOUNTS:
        Path(folder).mkdir(exist_ok=True)
        check(libc.mount(kind.encode(), folder.encode(), kind.encode(), 0, None), f"mount {folder}")
    Path("/proc/sys/kernel/printk").write_text("1")  # Nothing of the kernel's between the lines.
    for module in sorted(Path("/modules").glob("*.ko")):
        options = OPTIONS if "vivid" in module.name else b""
        with module.open("rb") as file:
            check(libc.syscall(FINIT_MODULE, file.fileno(), options, 0), module.name)
    deadline = time.monotonic() + 60
    while not Path(CAMERA).exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{CAMERA} never came")
        time.sleep(0.1)


def set_controls(wanted: dict[str, int]) -> None:
    """Set controls of the camera by their names."""
    with open(CAMERA, "rb", buffering=0) as camera:
        found: dict[str, int] = {}
        number = 0
        while True:
            query = bytearray(struct.pack("I", number | NEXT) + bytes(64))
            try:
                fcntl.ioctl(camera, QUERY_CONTROL, query)
            except OSError:
                break
            (number,) = struct.unpack_from("I", query)
            found[query[8:40].partition(b"\0")[0].decode()] = number
        for name, value in wanted.items():
            fcntl.ioctl(camera, SET_CONTROL, struct.pack("Ii", found[name], value))


def check(result: int, what: str) -> None:
    """Raise an OSError where a system call failed."""
    if result:
        raise OSError(ctypes.get_errno(), what)


def read(path: str) -> str:
    """Read a file of the kernel as text without its end mark."""
    return Path(path).read_text().strip("\0\n")


if __name__ == "__main__":
    try:
        print(f"END {main()}")
    except BaseException as error:
        print(f"END {error!r}")
    while True:
        time.sleep(1000)
