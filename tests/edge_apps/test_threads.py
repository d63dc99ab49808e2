"""Threads that share the runtime: every call gives the map that it gives alone."""

from __future__ import annotations

import http.client
import http.server
import io
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.native_output import quiet
from edge_apps import shipped
from edge_apps.runtime import load

NOISE = np.random.default_rng(0)
THREADS, CALLS = 8, 96


def photos(count: int) -> list[np.ndarray]:
    """Photos of several sizes, no two alike."""
    sides = NOISE.integers(20, 90, (count, 2))
    return [NOISE.integers(0, 256, (height, width, 3), dtype=np.uint8) for height, width in sides]


@pytest.fixture(params=[".tflite", ".onnx", ".pte"])
def artifact(request: pytest.FixtureRequest, tmp_path: Path, tflite: Path) -> Path:
    """A small artifact of each format."""
    if request.param == ".tflite":
        return tflite
    if request.param == ".pte":
        pytest.importorskip("executorch", reason="ExecuTorch is not installed")
        (path,) = shipped.FOLDER.glob("*.pte")
        return path
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    from onnx import TensorProto, helper

    def value(name: str, channels: int) -> object:
        return helper.make_tensor_value_info(name, TensorProto.UINT8, [1, 32, 32, channels])

    nodes = [
        helper.make_node("Cast", ["photo"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["x"], ["y"], axes=[3], keepdims=1),
        helper.make_node("Cast", ["y"], ["map"], to=TensorProto.UINT8),
    ]
    graph = helper.make_graph(nodes, "mean", [value("photo", 3)], [value("map", 1)])
    path = tmp_path / "mean_32_int8.onnx"
    opset = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def test_threads_get_the_maps_that_one_call_after_the_other_gets(artifact: Path) -> None:
    segment = load(artifact, threads=2)
    given = photos(CALLS)
    expected = [segment(photo) for photo in given]
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(segment, given))
    for saliency_map, other in zip(found, expected, strict=True):
        assert saliency_map.shape == other.shape and (saliency_map == other).all()
    assert len({saliency_map.tobytes() for saliency_map in found}) == CALLS


def test_threads_with_segmenters_of_their_own_agree(artifact: Path) -> None:
    """Some runtimes share a pool among all networks of a process."""
    given = photos(THREADS)
    alone = load(artifact, threads=1)
    expected = [alone(photo) for photo in given]

    def work(number: int) -> bool:
        segment = load(artifact, threads=1 + number % 2)
        return all((segment(given[number]) == expected[number]).all() for _ in range(4))

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(work, range(THREADS)))


def test_a_web_server_with_a_thread_for_each_request(artifact: Path) -> None:
    segment = load(artifact, threads=1)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            saliency_map = segment(Image.open(io.BytesIO(content)))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(saliency_map.tobytes())

        def log_message(self, *_: object) -> None: ...

    def ask(photo: np.ndarray) -> bytes:
        body = io.BytesIO()
        Image.fromarray(photo).save(body, "PNG")
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
        connection.request("POST", "/", body.getvalue())
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read()

    given = photos(4 * THREADS)
    expected = [segment(photo).tobytes() for photo in given]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with ThreadPoolExecutor(THREADS) as pool:
            assert list(pool.map(ask, given)) == expected
        server.shutdown()


def test_threads_may_share_one_image(tflite: Path, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(photos(1)[0]).save(path)
    segment = load(tflite, threads=1)
    expected = segment(path)
    for _ in range(10):
        with Image.open(path) as image, ThreadPoolExecutor(THREADS) as pool:
            assert all(
                (saliency_map == expected).all()
                for saliency_map in pool.map(segment, [image] * THREADS)
            )


def test_the_error_stream_is_heard_again_after_threads_were_quiet(
    capfd: pytest.CaptureFixture[str],
) -> None:
    gate = threading.Barrier(THREADS)

    def work(_: int) -> None:
        gate.wait(10)
        for _ in range(50):
            with quiet():
                os.write(2, b"never heard\n")

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"


def test_quiet_without_an_error_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    saved = os.dup(2)
    os.close(2)
    try:
        with quiet():
            pass
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(2)
    finally:
        os.dup2(saved, 2)
        os.close(saved)
