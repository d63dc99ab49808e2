"""What tools of others make of our files: checkers, runtimes, viewers and parsers."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import BROWSER, started, tab
from one_module import SCENES, SIZE, one_module_pte, one_module_tflite
from one_onnx import METADATA, one_module_onnx, one_module_program

from common.errors import InputError
from convert.checks.xnnpack_integers import IntegerProgram
from convert.tflite.metadata import LABELS, Description, with_metadata
from edge_apps.maps.coding import LOGITS
from edge_apps.runtime import SUFFIXES, load

PHOTO = SCENES[0][1]
DESCRIPTION = Description("one", "a test", SIZE, 128.0, 64.0, False, LOGITS)
PATIENCE = 60.0
"""Seconds that a server may take to answer."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An int8 network in every format, as our commands write it."""
    contents = {
        ".tflite": with_metadata(one_module_tflite("stick_breaking", "int8"), DESCRIPTION),
        ".pte": one_module_pte("stick_breaking"),
        ".onnx": one_module_onnx("stick_breaking"),
    }
    assert contents.keys() == set(SUFFIXES)
    folder = tmp_path_factory.mktemp("outsiders")
    for suffix, content in contents.items():
        (folder / f"one{suffix}").write_bytes(content)
    return {suffix: folder / f"one{suffix}" for suffix in contents}


def ours(path: Path) -> np.ndarray:
    return load(path, threads=1).run(PHOTO)


def test_litert_interpreter_and_its_signature(files: dict[str, Path]) -> None:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(files[".tflite"]))
    (signature,) = interpreter.get_signature_list().values()
    run = interpreter.get_signature_runner()
    (saliency_map,) = run(**{signature["inputs"][0]: PHOTO[None]}).values()
    assert np.array_equal(saliency_map[0, ..., 0], ours(files[".tflite"]))


def test_litert_compiled_model(files: dict[str, Path]) -> None:
    from ai_edge_litert.compiled_model import CompiledModel

    model = CompiledModel.from_file(str(files[".tflite"]))
    given, made = model.create_input_buffers(0), model.create_output_buffers(0)
    given[0].write(PHOTO[None])
    model.run_by_index(0, given, made)
    saliency_map = made[0].read(SIZE * SIZE, np.uint8).reshape(SIZE, SIZE)
    assert np.array_equal(saliency_map, ours(files[".tflite"]))


def test_executorch_runtime(files: dict[str, Path]) -> None:
    import torch
    from executorch.runtime import Runtime

    program = Runtime.get().load_program(files[".pte"])
    assert program.method_names == {"forward", "output_scale", "output_zero_point"}
    scale, zero_point = (
        program.load_method(f"output_{name}").execute([])[0] for name in ("scale", "zero_point")
    )
    assert (scale, zero_point) == (1 / 16, 128)
    (saliency_map,) = program.load_method("forward").execute([torch.from_numpy(PHOTO)[None]])
    assert np.array_equal(saliency_map[0].numpy(), ours(files[".pte"]))


def test_onnx_checker_and_shape_inference(files: dict[str, Path]) -> None:
    import onnx

    onnx.checker.check_model(files[".onnx"], full_check=True)
    model = onnx.load(files[".onnx"])
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    inferred = onnx.shape_inference.infer_shapes(
        model, check_type=True, strict_mode=True, data_prop=True
    ).graph
    sides = [side.dim_value for side in inferred.output[0].type.tensor_type.shape.dim]
    assert sides == [1, SIZE, SIZE]
    known = {value.name for value in (*inferred.value_info, *inferred.output)}
    assert known >= {name for node in inferred.node for name in node.output}


def test_onnxruntime_without_our_options(files: dict[str, Path]) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(files[".onnx"], providers=["CPUExecutionProvider"])
    (saliency_map,) = session.run(None, {session.get_inputs()[0].name: PHOTO[None]})
    assert np.array_equal(saliency_map[0], ours(files[".onnx"]))
    # Both would be wrong alike where sums of products are cut off at sixteen bits.
    expected = IntegerProgram(one_module_program("stick_breaking"), "float", "float").run(PHOTO)
    assert np.abs(saliency_map[0].astype(int) - expected).mean() < 0.02
    assert session.get_modelmeta().custom_metadata_map == METADATA


def test_onnx_reference_evaluator(files: dict[str, Path]) -> None:
    from onnx.reference import ReferenceEvaluator

    (saliency_map,) = ReferenceEvaluator(str(files[".onnx"])).run(None, {"photo": PHOTO[None]})
    difference = np.abs(saliency_map[0].astype(int) - ours(files[".onnx"]))
    # It computes in float, where the runtime rounds between integer kernels.
    assert difference.max() <= 3 and difference.mean() < 0.2


@pytest.fixture
def netron(request: pytest.FixtureRequest, files: dict[str, Path]) -> Iterator[str]:
    """The address at which Netron serves a file."""
    if importlib.util.find_spec("netron") is None:
        pytest.skip("needs netron; pip install -e '.[dev]'")
    script = (
        "import netron, sys; "
        "print(netron.start(sys.argv[1], ('127.0.0.1', 0), browse=False)[1], flush=True); "
        "netron.wait()"
    )
    command = [sys.executable, "-c", script, str(files[request.param])]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


@pytest.mark.parametrize("netron", SUFFIXES, indirect=True)
def test_netron_serves_it(
    netron: str, files: dict[str, Path], request: pytest.FixtureRequest
) -> None:
    path = files[request.node.callspec.params["netron"]]
    assert f"/data/{path.name}".encode() in fetch(netron)
    assert fetch(f"{netron}/data/{path.name}") == path.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("netron", "expected"),
    [
        (".tflite", {"TensorFlow Lite v3", "one", "SAMNet on the edge", "Apache-2.0"}),
        (".pte", {"ExecuTorch v0"}),
        (".onnx", {"ONNX v10", "samnet convert onnx", "Apache-2.0", "int8"}),
    ],
    indirect=["netron"],
)
def test_netron_shows_it(netron: str, expected: set[str], tmp_path: Path) -> None:
    if BROWSER is None:
        pytest.skip("needs a Chromium; apt-get install chromium")
    pytest.importorskip("aiohttp")
    with started(tmp_path / "profile") as address:
        nodes, properties = asyncio.run(look(address, netron, tmp_path / "netron.png"))
    assert nodes > 3 and (tmp_path / "netron.png").stat().st_size > 10_000
    assert expected <= set(properties), properties


async def look(address: str, url: str, picture: Path) -> tuple[int, list[str]]:
    """Opens Netron, waits for its drawing, and reads what it says of the whole file."""
    async with tab(address) as it:
        # In place of a click on what it asks about its statistics, which reach nobody from here.
        await it.tell("Network.setCookie", name="consent", value="1", url=url)
        await it.tell("Page.navigate", url=url)
        for _ in range(int(PATIENCE)):
            await asyncio.sleep(1)
            if await it.value("document.body.classList.contains('default')"):
                break
        await it.value("document.getElementById('sidebar-model-button').click()")
        await asyncio.sleep(1)
        await it.shoot(picture)
        nodes = await it.value("document.querySelectorAll('.node').length")
        text = await it.value("document.getElementById('sidebar').innerText")
        return nodes, text.splitlines()


def fetch(url: str) -> bytes:
    """What a server answers, once it does."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                return bytes(answer.read())
        except urllib.error.URLError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


@pytest.mark.slow
def test_mediapipes_parser_reads_the_metadata(files: dict[str, Path], tmp_path: Path) -> None:
    from ai_edge_litert.tools import flatbuffer_utils

    schema = mediapipe_schema(tmp_path)
    content = files[".tflite"].read_bytes()
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    (entry,) = (e for e in model.metadata if e.name == b"TFLITE_METADATA")
    data = bytes(model.buffers[entry.buffer].data)
    assert schema.ModelMetadata.ModelMetadataBufferHasIdentifier(data, 0)
    found = schema.ModelMetadataT.InitFromObj(schema.ModelMetadata.GetRootAs(data, 0))
    assert (found.name, found.author) == (b"one", b"SAMNet on the edge")
    assert (found.license, found.minParserVersion) == (b"Apache-2.0", b"1.5.0")
    (graph,) = found.subgraphMetadata
    (photo,), (saliency_map,) = graph.inputTensorMetadata, graph.outputTensorMetadata
    assert photo.content.contentPropertiesType == schema.ContentProperties.ImageProperties
    image = photo.content.contentProperties
    assert image.colorSpace == schema.ColorSpaceType.RGB
    assert (image.defaultSize.width, image.defaultSize.height) == (SIZE, SIZE)
    (unit,) = photo.processUnits
    assert unit.optionsType == schema.ProcessUnitOptions.NormalizationOptions
    assert (*unit.options.mean, *unit.options.std) == (128.0, 64.0)
    assert (*photo.stats.min, *photo.stats.max) == (0.0, 255.0)
    assert saliency_map.content.contentProperties.colorSpace == schema.ColorSpaceType.GRAYSCALE
    (labels,) = saliency_map.associatedFiles
    assert labels.name == LABELS.encode()
    assert labels.type == schema.AssociatedFileType.TENSOR_AXIS_LABELS
    (custom,) = graph.customMetadata
    assert custom.name == b"SEGMENTER_METADATA" and bytes(custom.data)[4:8] == b"V001"


def test_mediapipes_segmenter_gives_our_probabilities(files: dict[str, Path]) -> None:
    vision = pytest.importorskip(
        "mediapipe.tasks.python.vision", reason="needs mediapipe 1.2, in an environment of its own"
    )
    import mediapipe as mp

    options = vision.ImageSegmenterOptions(
        mp.tasks.BaseOptions(model_asset_path=str(files[".tflite"])), output_confidence_masks=True
    )
    photo = mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(PHOTO))
    with vision.ImageSegmenter.create_from_options(options) as segmenter:
        (mask,) = segmenter.segment(photo).confidence_masks
    expected = LOGITS.probabilities(ours(files[".tflite"]))
    assert np.abs(255 * mask.numpy_view().squeeze() - expected).max() <= 1


def mediapipe_schema(folder: Path) -> Any:
    """MediaPipe's generated parser, out of the wheel that :mod:`benchmarks.peers` takes.

    The wheel cannot be installed: it asks for an earlier NumPy.
    """
    from benchmarks.peers.sources import Wheel
    from benchmarks.peers.table import PEERS

    member = "mediapipe/tasks/metadata/metadata_schema_py_generated.py"
    try:
        content = Wheel(PEERS["selfie"].origin, member).read()
    except InputError as error:
        pytest.skip(f"needs MediaPipe's wheel, once: {error}")
    path = folder / "mediapipe_schema.py"
    path.write_bytes(content)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
