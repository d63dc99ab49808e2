"""``.tflite`` artifacts: bytes in and out, one delegate, scales kept, nothing unchecked written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from common.errors import CheckFailedError, InputError
from edge_apps.backends.tflite import open_tflite
from edge_apps.manifest import manifest_path, read_manifest
from edge_apps.runtime import load

if TYPE_CHECKING:
    from quantize.quantized_program import QuantizedProgram

pytest.importorskip("litert_torch", reason="needs the extra `tflite`")

from one_module import (
    SCENES,
    SIZE,
    faint_pyramid_int8,
    one_module,
    one_module_int8,
    one_module_tflite,
)

from convert.checks.maps import Limit, compare
from convert.checks.operations import compare_steps
from convert.tflite import litert
from convert.tflite.command import COMMAND, FORMAT, Options, convert_tflite, main
from convert.tflite.delegation import delegation, interfaces
from samnet import Preprocessing
from samnet.data.synthetic import scene


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("attention", ["softmax", "stick_breaking"])
def test_both_attentions_convert_into_one_delegate(
    tmp_path: Path, attention: str, precision: str
) -> None:
    import torch

    from samnet.networks.deployed import ByteInterface

    content = one_module_tflite(attention, precision)
    path = tmp_path / "x.tflite"
    path.write_bytes(content)
    took = delegation(content)
    # Bytes become int8 and back by one flip of the sign bit each, which XNNPACK does not know.
    assert took.partitions == 1
    assert took.outside == ({"QUANTIZE": 2} if precision == "int8" else {})
    assert took.reasons.keys() == took.outside.keys()
    reference = one_module_int8(attention).run
    if precision == "fp32":
        whole = ByteInterface(one_module(attention), Preprocessing()).eval()

        def reference(photo: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                return whole(torch.from_numpy(photo)[None])[0].numpy()

    parity = compare(open_tflite(path, 1).run, reference, "torch", SCENES)
    assert parity.steps_max <= (1 if precision == "fp32" else 3), parity
    assert parity.mean < (0.01 if precision == "fp32" else 0.5), parity


def test_interface_is_the_cameras_byte() -> None:
    photo, saliency_map = interfaces(one_module_tflite("stick_breaking", "int8"))
    assert (photo.shape, photo.type) == ((1, SIZE, SIZE, 3), "uint8")
    assert (photo.scale, photo.zero_point) == (1 / 64, 128)
    assert (saliency_map.shape, saliency_map.type) == ((1, SIZE, SIZE, 1), "uint8")
    assert (saliency_map.scale, saliency_map.zero_point) == (1 / 16, 128)
    photo, saliency_map = interfaces(one_module_tflite("stick_breaking", "fp32"))
    assert (photo.scale, photo.zero_point) == (pytest.approx(1 / 64), 128)
    assert (saliency_map.scale, saliency_map.zero_point) == (1 / 16, 128)


def test_another_interface_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    content = one_module_tflite("", "int8")
    monkeypatch.setattr(litert, "_convert", lambda *_, **__: content)
    with pytest.raises(InputError, match="scales and zero points"):
        litert.convert_int8(one_module_int8(""))


@pytest.mark.parametrize("attention", ["softmax", "stick_breaking"])
def test_every_operation_does_what_the_programs_does(attention: str) -> None:
    content, program = one_module_tflite(attention, "int8"), one_module_int8(attention)
    for steps in compare_steps(content, program, [photo for _, photo in SCENES]):
        steps.check()
        assert steps.found == steps.tensors > 15
        assert steps.wrong <= 1e-4 * steps.codes, steps


def test_tensors_of_one_scale_are_told_apart_by_their_place() -> None:
    program = faint_pyramid_int8()
    content = litert.convert_int8(program)
    photos = (scene(seed, program.info.size)[0] for seed in range(8))
    for steps in compare_steps(content, program, photos):
        # The artifact merged four reshapes, whose scale and shape others have.
        assert (steps.tensors - steps.found, steps.lost, steps.wrong) == (4, 0, 0), steps


def test_photos_are_compared_one_by_one_as_together() -> None:
    content, program = one_module_tflite("softmax", "int8"), one_module_int8("softmax")
    photos = [photo for _, photo in SCENES[:2]]
    alone = [steps for photo in photos for steps in compare_steps(content, program, [photo])]
    assert alone == compare_steps(content, program, photos) and alone[0] != alone[1]


def test_data_behind_a_flatbuffer_are_packed_as_they_are() -> None:
    """Files of ai-edge-quantizer keep data behind the flatbuffer."""
    from convert.tflite.flatbuffer import read_flatbuffer, write_flatbuffer
    from convert.tflite.weight_quantization import half_weights

    content = half_weights(litert.bare_float(one_module("softmax"), Preprocessing()))  # type: ignore[arg-type]
    model = read_flatbuffer(content)
    buffers = [buffer for buffer in model.buffers if buffer.data is not None]
    assert {type(buffer.data) for buffer in buffers} == {np.ndarray}
    packed = write_flatbuffer(model)
    for buffer in buffers:
        buffer.data = buffer.data.tobytes()
    assert write_flatbuffer(model) == packed


@pytest.mark.parametrize("fault", ["scale", "zero point", "weight", "input"])
def test_one_fault_in_one_operation_is_found(fault: str) -> None:
    program = one_module_int8("stick_breaking")
    (steps,) = compare_steps(damaged(fault), program, [SCENES[0][1]])
    with pytest.raises(CheckFailedError, match="departs from its program"):
        steps.check()


def damaged(fault: str) -> bytes:
    """An artifact with a fault at its first convolution, or at the input."""
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    content = bytearray(one_module_tflite("stick_breaking", "int8"))
    model = flatbuffer_utils.read_model_from_bytearray(content)
    graph = model.subgraphs[0]
    codes = [code.builtinCode for code in model.operatorCodes]
    convolution = codes.index(schema.BuiltinOperator.CONV_2D)
    first = next(o for o in graph.operators if o.opcodeIndex == convolution)
    if fault == "weight":
        weights = model.buffers[graph.tensors[first.inputs[1]].buffer]
        weights.data = np.array(weights.data, np.uint8) ^ 8
    else:
        tensor = graph.tensors[graph.inputs[0] if fault == "input" else first.outputs[0]]
        if fault == "scale":
            tensor.quantization.scale = tensor.quantization.scale * np.float32(1.05)
        else:
            tensor.quantization.zeroPoint = tensor.quantization.zeroPoint + 1
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def test_other_preprocessing_is_kept(tmp_path: Path) -> None:
    import torch

    from samnet.networks.deployed import ByteInterface

    network, other = one_module(""), Preprocessing(mean=0.4837, std=0.27)
    path = tmp_path / "x.tflite"
    path.write_bytes(litert.convert_float(network, other))  # type: ignore[arg-type]
    whole = ByteInterface(network, other).eval()

    def reference(photo: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return whole(torch.from_numpy(photo)[None])[0].numpy()

    assert compare(open_tflite(path, 1).run, reference, "torch", SCENES).steps_max <= 1


def test_whole_network_becomes_an_artifact(
    taught: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "net_96_fp32.tflite"
    main(Options(taught("stick_breaking"), output))
    said = capsys.readouterr().out
    assert "against the network in torch" in said and "outside: none" in said
    manifest = read_manifest(output)
    assert (manifest.precision, manifest.size, manifest.quantization) == ("fp32", 96, None)
    assert manifest.delegation.partitions == 1
    assert manifest.parity["float"]["steps_max"] <= 1
    output_ = manifest.output
    assert (output_.kind, output_.scale, output_.zero_point) == ("logits", 1 / 16, 128)
    assert output_.shape == (1, 24, 24, 1)
    assert load(output)(np.zeros((50, 60, 3), np.uint8)).shape == (50, 60)

    # The second half needs a converted network as well, and conversion is what takes time.
    wrong = bytearray(output.read_bytes())
    other = tmp_path / "other.tflite"
    monkeypatch.setattr(litert, "bare_float", lambda *_: bytes(wrong))
    with pytest.raises(InputError, match="already exists"):
        convert_tflite(taught("stick_breaking"), output)
    monkeypatch.setitem(FORMAT.limits, "fp32", Limit(mean=-1, within_2=1))  # type: ignore[arg-type]
    with pytest.raises(CheckFailedError, match="differs from its origin"):
        convert_tflite(taught("stick_breaking"), other)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        output.name,
        manifest_path(output).name,
    ]


@pytest.mark.slow
def test_whole_program_becomes_an_artifact(
    quantized: Callable[[str], QuantizedProgram], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from quantize.quantized_program import save_program

    source, output = tmp_path / "net.pt2", tmp_path / "net_96_int8.tflite"
    save_program(source, quantized("stick_breaking"))
    # A minute of teaching leaves a network that amplifies every rounding.
    monkeypatch.setitem(FORMAT.limits, "int8", Limit(mean=12, within_2=0.2))  # type: ignore[arg-type]
    manifest = convert_tflite(source, output).manifest
    assert manifest == load(output).manifest
    assert manifest.quantization is not None
    assert manifest.quantization.scheme == "static_wi8_ai8"
    assert manifest.quantization.calibration_count == 16
    assert manifest.delegation.partitions == 1
    steps = manifest.parity["steps"]
    assert steps["found"] > 0.95 * steps["tensors"] and steps["largest"] < 0.6


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--model", "absent.safetensors", "--output", "x.tflite"], "no such file"),
        (["--model", "net.pth", "--output", "x.tflite"], "suffix is '.pth'"),
        (["--model", "absent.pt2", "--output", "x.tflite"], "no such file"),
        (["--model", "absent.pt2", "--output", "x.pte"], "ends in .tflite"),
        (["--model", "a.pt2", "--output", "x.tflite", "--precision", "fp32"], "leads to int8"),
        (["--model", "noise.pt2", "--output", "x.tflite"], "not a readable"),
        (["--model", "noise.safetensors", "--output", "x.tflite"], "not a readable"),
    ],
)
def test_wrong_input_ends_with_status_2(
    arguments: list[str],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("noise.pt2", "noise.safetensors"):
        Path(name).write_bytes(np.random.default_rng(0).bytes(500))
    monkeypatch.setattr("sys.argv", ["convert.tflite", *arguments])
    with pytest.raises(SystemExit) as ended:
        COMMAND.run()
    said = capsys.readouterr().err.strip()
    assert ended.value.code == 2 and expected in said and "\n" not in said
    assert not list(tmp_path.glob("*x.*"))
