"""A headless Chromium that opens pages, measures them and takes their pictures."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--remote-debugging-port=0",
    # Pages under test reach nothing but this machine, whatever they ask for.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "about:blank",
)  # fmt: skip

PATIENCE = 60.0
"""Seconds to wait for any one answer."""


@contextlib.contextmanager
def started(profile: Path) -> Iterator[str]:
    """The debugging address of a browser that ends with the block."""
    assert BROWSER is not None
    command = [BROWSER, *FLAGS, f"--user-data-dir={profile}"]
    # A browser that never says its address is ended from outside, and the loop finds no line.
    with subprocess.Popen(
        ["timeout", "300", *command], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if match := re.search(r"listening on ws://([^/]+)", line):
                yield match[1]
                break
        else:
            raise AssertionError("the browser ended without saying where it listens")
        process.terminate()
        process.stderr.read()


class Tab:
    """A tab that takes commands of the DevTools protocol."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._number = 0

    async def tell(self, method: str, **parameters: Any) -> Any:
        """Sends a command and returns its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        await self._socket.send_json(message)
        while (reply := await self._socket.receive_json(timeout=PATIENCE)).get(
            "id"
        ) != self._number:
            pass
        assert "error" not in reply, reply
        return reply["result"]

    async def value(self, script: str) -> Any:
        """What a script gives."""
        found = await self.tell(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        return found["result"].get("value")

    async def show(self, url: str, width: int) -> None:
        """Opens a page at a width in CSS pixels, and waits until its pictures are there."""
        await self.tell(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=900, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        await self.tell("Page.navigate", url=url)
        for _ in range(100):
            if await self.value(
                "document.readyState === 'complete' && document.title !== '' && "
                "[...document.images].every(image => image.complete)"
            ):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{url} did not load")

    async def shoot(self, path: Path) -> None:
        """Writes a picture of the whole page."""
        shot = await self.tell("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    async def print(self, path: Path) -> None:
        """Writes the page as a PDF."""
        # A phone's long page would leave its length to the paper, as empty sheets.
        await self.tell("Emulation.clearDeviceMetricsOverride")
        page = await self.tell("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        path.write_bytes(base64.b64decode(page["data"]))


@contextlib.asynccontextmanager
async def tab(address: str) -> AsyncIterator[Tab]:
    """The browser's first tab."""
    import aiohttp

    async with aiohttp.ClientSession() as http:
        async with http.get(f"http://{address}/json") as answer:
            targets = await answer.json(content_type=None)
        (url,) = (t["webSocketDebuggerUrl"] for t in targets if t["type"] == "page")
        async with http.ws_connect(url, max_msg_size=0) as socket:
            yield Tab(socket)
