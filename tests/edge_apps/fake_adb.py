"""An adb server with made-up devices: the library's own client talks to it.

A device is a folder of this machine that stands for /data/local/tmp; its shell is this machine's.
"""

from __future__ import annotations

import dataclasses
import os
import socketserver
import struct
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

TEMPORARY = "/data/local/tmp"


class Drop(Exception):
    """Ends a connection without a word, as a pulled cable does."""


@dataclasses.dataclass
class FakePhone:
    """What the server does in place of a device.

    Args:
        folder: stands for /data/local/tmp.
        tools: holds programs that come before this machine's.
        before: called with each service, such as ``shell,v2:true``; may raise :class:`Drop`.
        refuse: the reason for which files are refused, "" to take them.
    """

    folder: Path
    tools: Path
    before: Callable[[str], None] = lambda service: None
    refuse: str = ""

    def tool(self, name: str, script: str) -> None:
        """Puts a shell script in place of a program of the device."""
        path = self.tools / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def files(self) -> list[str]:
        """What stands in /data/local/tmp."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))


class FakeServer(socketserver.ThreadingTCPServer):
    """The server, listening on a free port of this machine from the start."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, phone: FakePhone) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.phone = phone
        self.states = {"phone-1": "device"}
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of clients that end early."""


class Handler(socketserver.BaseRequestHandler):
    server: FakeServer

    def handle(self) -> None:
        try:
            while True:
                service = self.read(int(self.read(4), 16)).decode()
                self.server.phone.before(service)
                self.answer(service)
        except (Drop, EOFError, OSError, ValueError, subprocess.SubprocessError):
            return

    def read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self.request.recv(count - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def text(self, status: bytes, text: str) -> None:
        self.request.sendall(status + f"{len(text):04x}{text}".encode())

    def answer(self, service: str) -> None:
        if service == "host:version":
            self.text(b"OKAY", "0029")
        elif service == "host:devices":
            lines = (f"{serial}\t{state}\n" for serial, state in self.server.states.items())
            self.text(b"OKAY", "".join(lines))
        elif service.startswith("host:connect:"):
            self.text(b"OKAY", "failed to connect")
        elif service.startswith("host:disconnect:"):
            self.text(b"FAIL", "no such device")
        elif service.endswith(":features"):
            self.text(b"OKAY", "shell_v2,cmd")
        elif service.startswith("host:tport:serial:"):
            serial = service.removeprefix("host:tport:serial:")
            if self.server.states.get(serial) != "device":
                self.text(b"FAIL", f"device '{serial}' not found")
                raise Drop
            self.request.sendall(b"OKAY" + bytes(8))
        elif service.startswith("shell,v2:"):
            self.request.sendall(b"OKAY")
            self.shell(self.here(service.removeprefix("shell,v2:")))
            raise Drop
        elif service == "sync:":
            self.request.sendall(b"OKAY")
            self.sync()
        else:
            self.text(b"FAIL", f"unknown service {service}")

    def here(self, text: str) -> str:
        return text.replace(TEMPORARY, str(self.server.phone.folder))

    def shell(self, command: str) -> None:
        phone = self.server.phone
        path = f"{phone.tools}:{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-c", command],
            capture_output=True,
            env={**os.environ, "PATH": path},
            check=False,
            timeout=60,
        )
        status = done.returncode if done.returncode >= 0 else 128 - done.returncode
        outputs = {1: done.stdout, 2: done.stderr, 3: bytes([status])}
        for kind, data in outputs.items():
            data = data.replace(str(phone.folder).encode(), TEMPORARY.encode())
            if data:
                self.request.sendall(struct.pack("<BI", kind, len(data)) + data)

    def sync(self) -> None:
        kind = self.read(4)
        path = self.read(struct.unpack("<I", self.read(4))[0]).decode()
        name, _, mode = path.rpartition(",") if kind == b"SEND" else (path, "", "")
        file = Path(self.here(name))
        if kind == b"STAT":
            found = (file.stat().st_mode, file.stat().st_size) if file.exists() else (0, 0)
            self.request.sendall(struct.pack("<4sIII", b"STAT", *found, 0))
        elif kind == b"SEND":
            content = b""
            while self.read(4) == b"DATA":
                content += self.read(struct.unpack("<I", self.read(4))[0])
            self.read(4)
            if reason := self.server.phone.refuse.encode():
                self.request.sendall(struct.pack("<4sI", b"FAIL", len(reason)) + reason)
                return
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            file.chmod(int(mode) & 0o777)
            self.request.sendall(b"OKAY" + bytes(4))
        elif kind == b"RECV":
            if not file.is_file():
                reason = b"No such file or directory"
                self.request.sendall(struct.pack("<4sI", b"FAIL", len(reason)) + reason)
                return
            content = file.read_bytes()
            self.request.sendall(struct.pack("<4sI", b"DATA", len(content)) + content)
            self.request.sendall(b"DONE" + bytes(4))
