"""The preview's server: many clients, slow ones, who may look, a camera that is unplugged."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.errors import InputError
from edge_apps.preview.address import Address
from edge_apps.preview.broadcast import Broadcast
from edge_apps.preview.server import serve
from edge_apps.preview.session import Session
from edge_apps.program.pipeline import Pipeline
from edge_apps.runtime import Segmenter
from edge_apps.sources.frames import Frame, Source
from edge_apps.sources.video import Camera

pytest.importorskip("aiohttp")

NOISE = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)


class Live:
    """A camera of a hundred frames a second, whose pictures do not compress."""

    name = "camera:0"
    live = True
    rate = 0.0
    total: int | None = None
    notice = ""

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        while not stop.wait(0.01):
            yield Frame(NOISE, "camera", 0.001, time.monotonic())


class Server:
    """A preview that runs in a thread of this process."""

    def __init__(self, source: Source, segmenter: Segmenter, models: list[Path], host: str) -> None:
        self.session = Session(Pipeline(source, segmenter), Path("fake.tflite"), models, 1)
        self.address = Address.parse(f"{host}:0")
        self.failure: BaseException | None = None
        self._ready = threading.Event()
        # A daemon, so that one that does not end fails its test and not the exit of all tests.
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Waits until the page can be opened."""
        assert self._ready.wait(30) and self.failure is None, self.failure
        self.port = int(self.url.split(":")[2].split("/")[0])

    def _run(self) -> None:
        try:
            serve(self.session, self.address, self._tell)
        except BaseException as error:
            self.failure = error
        self._ready.set()

    def _tell(self, url: str) -> None:
        self.url = url
        self._ready.set()

    def ask(
        self, path: str, method: str = "GET", body: str | None = None, **headers: str
    ) -> tuple[int, http.client.HTTPMessage, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, text

    def state(self) -> dict[str, Any]:
        return json.loads(self.ask("/state")[2])

    def pick(self, body: str, kind: str = "application/json") -> tuple[int, str]:
        status, _, text = self.ask("/model", "POST", body, **{"Content-Type": kind})
        return status, text

    def watch(self, count: int, view: str = "overlay") -> list[bytes]:
        """The next pictures of a view."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", f"/stream?view={view}")
        answer = connection.getresponse()
        assert answer.getheader("Content-Type") == "multipart/x-mixed-replace; boundary=picture"
        pictures = []
        for _ in range(count):
            assert answer.readline() == b"--picture\r\n"
            head = http.client.parse_headers(answer)
            pictures.append(answer.read(int(head["Content-Length"])))
            assert head["Content-Type"] == "image/jpeg" and answer.readline() == b"\r\n"
        connection.close()
        return pictures

    def stop(self) -> None:
        self.session.stop()
        self._thread.join(15)
        assert not self._thread.is_alive()


@pytest.fixture
def start(fake_segmenter: Segmenter) -> Iterator[Callable[..., Server]]:
    """Starts previews and ends them."""
    servers = []

    def make(
        source: Source | None = None, models: list[Path] | None = None, host: str = "127.0.0.1"
    ) -> Server:
        servers.append(Server(source or Live(), fake_segmenter, models or [], host))
        servers[-1].wait()
        return servers[-1]

    yield make
    for server in servers:
        server.session.stop()
    for server in servers:
        server.stop()


Start = Callable[..., Server]


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("view", ["overlay", "map", "cutout", "photo"])
def test_every_view_is_a_stream_of_jpeg_files(start: Start, view: str) -> None:
    for picture in start().watch(3, view):
        assert picture[:2] == b"\xff\xd8" and picture[-2:] == b"\xff\xd9"


def test_the_page_and_its_figures(start: Start) -> None:
    server = start()
    status, headers, page = server.ask("/")
    assert status == 200 and "<title>SAMNet preview</title>" in page
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    server.watch(5)
    state = server.state()
    assert state["fps"] > 0 and state["frames"] >= 5 and state["source"] == "camera:0"
    assert set(state["milliseconds"]) == {"capture", "preprocessing", "inference", "drawing"}
    assert state["delay"] > 0 and state["size"] == 16 and state["notice"] == ""
    assert {"temperature", "throttling", "memory", "dropped", "viewers"} <= set(state)


def test_twenty_clients_are_served_at_once(start: Start) -> None:
    server = start()
    gate = threading.Barrier(20)

    def watch(number: int) -> int:
        gate.wait(10)
        return len(server.watch(10, ("overlay", "map", "cutout", "photo")[number % 4]))

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(watch, range(20))) == [10] * 20
    wait_for(lambda: server.state()["viewers"] == 0)


def test_a_client_that_takes_nothing_holds_up_nobody(start: Start) -> None:
    server = start()
    slow = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.sendall(b"GET /stream?view=photo HTTP/1.1\r\nHost: localhost\r\n\r\n")
    wait_for(lambda: server.state()["viewers"] == 1)
    size = len(server.watch(1, "photo")[0])
    start_time = time.monotonic()
    server.watch(150, "photo")
    assert time.monotonic() - start_time < 15
    assert size > 30_000
    wait_for(lambda: server.state()["viewers"] == 1)
    slow.close()


def test_a_busy_viewer_misses_what_lies_between() -> None:
    async def watch() -> list[bytes]:
        broadcast = Broadcast()
        seen = []
        async with contextlib.aclosing(broadcast.pictures()) as pictures:
            for number in range(100):
                broadcast.publish(b"%d" % number)
                if number in (10, 50, 99):
                    seen.append(await anext(pictures))
            assert broadcast.viewers == 1
        assert broadcast.viewers == 0
        return seen

    assert asyncio.run(watch()) == [b"10", b"50", b"99"]


def test_nothing_is_drawn_while_nobody_watches(start: Start) -> None:
    server = start()
    wait_for(lambda: server.state()["frames"] > 5)
    assert server.state()["milliseconds"]["drawing"] < 0.5


def test_a_model_is_picked_by_name_alone(start: Start, tflite: Path) -> None:
    server = start(models=[tflite, tflite.with_name("absent.tflite")])
    wait_for(lambda: server.state()["frames"] > 0)
    assert server.state()["model"] == "fake.tflite" and tflite.name in server.state()["models"]
    assert server.pick(json.dumps({"name": tflite.name}))[0] == 200
    state = server.state()
    assert state["model"] == tflite.name and state["size"] == 32
    for name in (str(tflite), "../x.tflite", "absent.tflite", "", 5):
        status, text = server.pick(json.dumps({"name": name}))
        assert status == 400 and "no such" in text and text.count("\n") == 1
    for body in ("", "[]", "{}", "nonsense"):
        assert server.pick(body)[0] == 400
    assert server.pick(json.dumps({"name": tflite.name}), "text/plain")[0] == 400
    assert server.state()["model"] == tflite.name


def test_other_addresses_need_the_token(start: Start) -> None:
    server = start(host="0.0.0.0")
    token = server.address.token
    assert len(token) > 20 and server.url.endswith(f"/?token={token}")
    for path in ("/", "/state", "/stream", "/?token=", "/?token=wrong", "/state?token=%C3%A9"):
        status, _, text = server.ask(path)
        assert status == 401 and "token" in text
    assert server.ask("/model", "POST", "{}")[0] == 401
    status, headers, _ = server.ask(f"/?token={token}")
    assert status == 302 and headers["Location"] == "/"
    assert "HttpOnly" in headers["Set-Cookie"] and "SameSite=Strict" in headers["Set-Cookie"]
    cookie = headers["Set-Cookie"].split(";")[0]
    assert server.ask("/", Cookie=cookie)[0] == server.ask("/state", Cookie=cookie)[0] == 200
    assert server.ask("/", Cookie=cookie.split("=")[0] + "=wrong")[0] == 401


def test_this_machine_alone_needs_none_but_its_own_name(start: Start) -> None:
    server = start()
    assert server.address.token == "" and "token" not in server.url
    assert server.ask("/state", Host=f"localhost:{server.port}")[0] == 200
    assert server.ask("/state", Host="[::1]")[0] == 200
    assert server.ask("/state", Host="evil.example")[0] == 403


def test_a_port_in_use_is_refused(start: Start, fake_segmenter: Segmenter) -> None:
    server = start()
    session = Session(Pipeline(Live(), fake_segmenter), Path("fake.tflite"), [], 1)
    with pytest.raises(InputError, match=r"cannot be served \(.*in use.*--address"):
        serve(session, Address.parse(f"127.0.0.1:{server.port}"), print)


def test_an_unplugged_camera_is_told_and_waited_for(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cv2")
    monkeypatch.setattr("edge_apps.sources.video.RETRY", 0.02)
    plugged = threading.Event()
    plugged.set()

    class Capture:
        def grab(self) -> bool:
            time.sleep(0.01)
            return plugged.is_set()

        def retrieve(self) -> tuple[bool, np.ndarray]:
            return True, NOISE

        def release(self) -> None: ...

    server = start(Camera("camera:0", lambda: Capture() if plugged.is_set() else None))
    server.watch(3)
    plugged.clear()
    wait_for(lambda: "camera:0 is disconnected; waiting" in server.state()["notice"])
    before = server.state()["frames"]
    plugged.set()
    server.watch(3)
    wait_for(lambda: server.state()["frames"] >= before + 3)
    assert server.state()["notice"] == ""


def test_a_source_that_fails_ends_the_preview(fake_segmenter: Segmenter) -> None:
    pytest.importorskip("cv2")
    source = Camera("camera:7", lambda: None)
    session = Session(Pipeline(source, fake_segmenter), Path("fake.tflite"), [], 1)
    with pytest.raises(InputError, match="camera:7: no camera"):
        serve(session, Address.parse("127.0.0.1:0"), lambda _: None)


@pytest.mark.parametrize("text", ["", ":", "8000", "host:", ":80", "host:http", "host:70000"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="HOST:PORT"):
        Address.parse(text)


@pytest.mark.parametrize(
    ("text", "guarded"),
    [
        ("127.0.0.1:80", False),
        ("localhost:80", False),
        ("[::1]:80", False),
        ("0.0.0.0:80", True),
        ("[::]:80", True),
        ("raspberrypi.local:80", True),
    ],
)
def test_every_other_address_is_guarded(text: str, guarded: bool) -> None:
    assert bool(Address.parse(text).token) == guarded
