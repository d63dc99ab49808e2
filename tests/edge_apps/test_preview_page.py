"""The preview as a browser shows it, with the shipped artifact behind it."""

from __future__ import annotations

import asyncio
import base64
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import found_in, running

from common.images.photos import read_photo, resize_photo

pytestmark = pytest.mark.slow

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--remote-debugging-port=0", "about:blank",
)  # fmt: skip

PIXELS = """(async () => {
  const img = document.getElementById("picture");
  for (let k = 0; k < 100 && !img.naturalWidth; k++) await new Promise(r => setTimeout(r, 100));
  const canvas = document.createElement("canvas");
  canvas.width = img.naturalWidth; canvas.height = img.naturalHeight;
  canvas.getContext("2d").drawImage(img, 0, 0);
  return canvas.toDataURL("image/png");
})()"""

TEXTS = """Object.fromEntries(
  ["source", "notice", "fps", "delay", "inference", "drawing", "size", "memory", "viewers"]
    .map(id => [id, document.getElementById(id).textContent]))"""


@pytest.fixture
def page(tmp_path: Path) -> Iterator[str]:
    """The address of a preview of a moving photo."""
    cv2 = pytest.importorskip("cv2")
    pytest.importorskip("aiohttp")
    from samnet.data.embedded import embedded_photos

    (photo,) = (item.photo for item in embedded_photos() if item.name == "coffee")
    clip = tmp_path / "coffee.mp4"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter_fourcc(*"mp4v"), 15, (560, 380))
    for k in range(40):
        step = abs(20 - k)
        writer.write(np.ascontiguousarray(photo[step : step + 380, 2 * step :][:, :560, ::-1]))
    writer.release()
    command = [sys.executable, "-m", "edge_apps.preview", str(clip), "--address", "127.0.0.1:0"]
    with running(command, stdout=subprocess.PIPE) as server:
        yield found_in(server.stdout, r"http://\S+")[0]
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 130


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[str]:
    """The debugging address of a headless Chromium."""
    if BROWSER is None:
        pytest.skip("needs a Chromium; apt-get install chromium")
    command = [BROWSER, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}"]
    with running(command, stderr=subprocess.PIPE) as process:
        yield found_in(process.stderr, r"listening on ws://([^/]+)")[1]


def test_the_page_shows_picture_and_figures(page: str, browser: str, tmp_path: Path) -> None:
    texts = asyncio.run(asyncio.wait_for(look(page, browser, tmp_path), 180))
    assert texts["source"] == "coffee.mp4" and texts["notice"] == ""
    assert float(texts["fps"]) > 0 and float(texts["delay"]) > 0
    assert re.fullmatch(r"\d+\.\d ms", texts["inference"])
    assert re.fullmatch(r"\d+\.\d ms", texts["drawing"])
    assert re.fullmatch(r"(\d+) × \1", texts["size"]) and texts["viewers"] == "1"
    overlay, photo = (read_photo(tmp_path / f"{view}.png") for view in ("overlay", "photo"))
    assert overlay.shape == photo.shape == (380, 560, 3)
    saturation = resize_photo(overlay, (38, 56)).astype(int)
    spread = saturation.max(axis=2) - saturation.min(axis=2)
    # The cup is tinted, the table's corner has turned gray.
    assert spread[15:20, 22:28].mean() > 60 and spread[:6, -6:].mean() < 20
    for name in ("wide", "dark", "phone"):
        assert read_photo(tmp_path / f"page_{name}.png").std() > 20


async def look(page: str, browser: str, folder: Path) -> dict[str, str]:
    """Opens the page, keeps pictures of it and returns its texts."""
    import aiohttp

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as http:
        async with http.get(f"http://{browser}/json") as answer:
            targets = await answer.json(content_type=None)
        (url,) = (t["webSocketDebuggerUrl"] for t in targets if t["type"] == "page")
        async with http.ws_connect(url, max_msg_size=0) as socket:
            number = 0

            async def tell(method: str, **parameters: Any) -> Any:
                nonlocal number
                number += 1
                await socket.send_json({"id": number, "method": method, "params": parameters})
                while (reply := await socket.receive_json(timeout=30)).get("id") != number:
                    pass
                assert "error" not in reply, reply
                return reply["result"]

            async def value(script: str) -> Any:
                found = await tell(
                    "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
                )
                return found["result"].get("value")

            async def shoot(name: str, width: int, height: int, theme: str) -> None:
                await tell(
                    "Emulation.setDeviceMetricsOverride",
                    width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
                )  # fmt: skip
                features = [{"name": "prefers-color-scheme", "value": theme}]
                await tell("Emulation.setEmulatedMedia", features=features)
                await asyncio.sleep(1)
                shot = await tell("Page.captureScreenshot")
                (folder / f"page_{name}.png").write_bytes(base64.b64decode(shot["data"]))

            await tell("Page.navigate", url=page)
            await asyncio.sleep(4)
            for view in ("photo", "overlay"):
                await value(f"watch('{view}')")
                await asyncio.sleep(1)
                picture = (await value(PIXELS)).split(",")[1]
                (folder / f"{view}.png").write_bytes(base64.b64decode(picture))
            for _ in range(10):  # until the view that was left has been noticed
                texts = await value(TEXTS)
                if texts["viewers"] == "1":
                    break
                await asyncio.sleep(1)
            await shoot("wide", 1280, 800, "light")
            await shoot("dark", 1280, 800, "dark")
            await value("watch('cutout')")
            await shoot("phone", 390, 1100, "light")
            return texts
