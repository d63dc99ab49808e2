"""Artifacts small enough to be built by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from common.files import sha256
from edge_apps.manifest import Delegation, Interface, Manifest, MapInterface
from edge_apps.runtime import Segmenter

SIZE = 32


def _flatbuffer(kind: str) -> bytes:
    """A TFLite file whose map is the mean over a photo's three channels."""
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    def tensor(name: bytes, shape: list[int], dtype: str, buffer: int) -> schema.TensorT:
        made = schema.TensorT()
        made.name, made.shape, made.buffer = name, np.array(shape, np.int32), buffer
        made.type = getattr(schema.TensorType, dtype)
        if dtype == "UINT8":
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = np.array([1 / 256], np.float32)
            made.quantization.zeroPoint = np.array([0], np.int64)
        return made

    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.MEAN
    code.version = 2
    mean = schema.OperatorT()
    mean.opcodeIndex = 0
    mean.inputs, mean.outputs = np.array([0, 1], np.int32), np.array([2], np.int32)
    mean.builtinOptionsType = schema.BuiltinOptions.ReducerOptions
    mean.builtinOptions = schema.ReducerOptionsT()
    mean.builtinOptions.keepDims = True
    graph = schema.SubGraphT()
    graph.tensors = [
        tensor(b"photo", [1, SIZE, SIZE, 3], kind, 0),
        tensor(b"axis", [1], "INT32", 1),
        tensor(b"map", [1, SIZE, SIZE, 1], kind, 0),
    ]
    graph.inputs, graph.outputs = np.array([0], np.int32), np.array([2], np.int32)
    graph.operators = [mean]
    axis = schema.BufferT()
    axis.data = np.array([3], np.int32).view(np.uint8)
    model = schema.ModelT()
    model.version = 3
    model.operatorCodes, model.subgraphs = [code], [graph]
    model.buffers = [schema.BufferT(), axis]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


@pytest.fixture
def tiny_flatbuffer() -> Callable[[str], bytes]:
    """Makes a TFLite file whose tensors are of a type such as ``FLOAT32``."""
    return _flatbuffer


@pytest.fixture
def tflite(tmp_path: Path) -> Path:
    """A ``.tflite`` for photos of 32 px, without a manifest."""
    path = tmp_path / "mean_32_int8.tflite"
    path.write_bytes(_flatbuffer("UINT8"))
    return path


class Mean:
    """Stands in for an artifact where the network does not matter."""

    size = 16

    def run(self, photo: np.ndarray) -> np.ndarray:
        return photo.mean(axis=2).astype(np.uint8)


@pytest.fixture
def fake_segmenter() -> Segmenter:
    """Maps a photo to the mean over its channels."""
    return Segmenter(Mean())


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[[str, int], Path]:
    """Makes a video of a name and number of frames, 48 x 32 px, whose gray level rises."""

    def make(name: str, count: int) -> Path:
        cv2 = pytest.importorskip("cv2")
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        code = cv2.VideoWriter_fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v"))
        writer = cv2.VideoWriter(str(path), code, 25, (48, 32))
        for k in range(count):
            writer.write(np.full((32, 48, 3), 255 * k // max(1, count - 1), np.uint8))
        writer.release()
        return path

    return make


@pytest.fixture
def describe() -> Callable[[Path], Manifest]:
    """Makes a manifest that fits an artifact."""

    def make(artifact: Path) -> Manifest:
        return Manifest(
            sha256=sha256(artifact),
            source="mean.safetensors",
            source_sha256="0" * 64,
            config={"attention": "none", "modules": [1, 1, 1, 1, 1]},
            engine="by hand",
            versions={"numpy": np.__version__},
            precision="int8",
            size=SIZE,
            quantization=None,
            input=Interface((1, SIZE, SIZE, 3), "NHWC", "uint8", 1 / 64, 128),
            output=MapInterface((1, SIZE, SIZE, 1), "NHWC", "uint8", 1 / 256, 0),
            parity={"int8": {"max": 1, "mean": 0.25}},
            delegation=Delegation("XNNPACK", 1, 1, {"CAST": 1}, {"CAST": "not supported"}),
        )

    return make
