"""Artifacts for onnxruntime: made, described, opened, refused."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from one_module import SCENES
from one_onnx import one_module_onnx, one_module_program

from common.errors import CheckFailedError, InputError
from convert.checks.maps import compare
from convert.checks.scales import compare_scales
from convert.checks.xnnpack_integers import IntegerProgram
from convert.graphs.onnx import onnx_graph
from convert.graphs.program import program_graph
from convert.onnx.command import convert_onnx
from convert.onnx.fusion import fusion
from edge_apps import runtime
from edge_apps.backends.onnx import open_onnx
from edge_apps.manifest import manifest_path, verify
from samnet import Preprocessing
from samnet.data.synthetic import scene

ATTENTIONS = ["stick_breaking", "softmax"]


@pytest.fixture
def opened(tmp_path):
    def open_int8(attention):
        path = tmp_path / "one.onnx"
        path.write_bytes(one_module_onnx(attention))
        return open_onnx(path, 1)

    return open_int8


@pytest.fixture(scope="module")
def fp32(taught, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "taught_96_fp32.onnx"
    photos = [(f"scene {seed}", scene(seed)[0]) for seed in (100, 101)]
    return convert_onnx(taught("stick_breaking"), path, photos=photos)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_int8_is_the_program_code_by_code(opened, attention):
    program = one_module_program(attention)
    reference = IntegerProgram(program, "float", "float")
    found = compare(opened(attention).run, reference.run, "integers", SCENES)
    assert found.mean < 0.02 and found.within_2 > 0.999
    assert np.ptp(program.run(SCENES[0][1])) > 20


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_every_scale_arrives(attention):
    found = compare_scales(
        program_graph(one_module_program(attention).module), onnx_graph(one_module_onnx(attention))
    )
    assert (
        found.changed == ()
        and found.activations > 20
        and found.weights == {"softmax": 19, "stick_breaking": 18}[attention]
    )


def test_no_sum_of_two_products_exceeds_sixteen_bits():
    """As x86 without VNNI needs it; depthwise convolutions are summed in 32 bits there."""
    graph = onnx.ModelProto.FromString(one_module_onnx("stick_breaking")).graph
    values = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
    made = {node.output[0]: node for node in graph.node}
    depthwise = others = 0
    for node in graph.node:
        if node.op_type not in ("Conv", "MatMul", "Gemm"):
            continue
        (weight,) = (made[n] for n in node.input[1:2])
        while weight.op_type != "DequantizeLinear":
            weight = made[weight.input[0]]
        codes = np.abs(values[weight.input[0]].astype(int))
        if next((a.i for a in node.attribute if a.name == "group"), 1) == len(codes) > 1:
            depthwise += codes.max() == 127
        else:
            others += codes.max() == 63
            assert codes.max() <= 63 and 2 * 255 * codes.max() < 2**15
    assert depthwise and others


def test_a_scale_that_changed_is_named():
    model = onnx.ModelProto.FromString(one_module_onnx("stick_breaking"))
    quantize = next(n for n in model.graph.node if n.op_type == "QuantizeLinear")
    for constant in model.graph.initializer:
        if constant.name == quantize.input[1]:
            value = onnx.numpy_helper.to_array(constant) * np.float32(1.01)
            constant.CopyFrom(onnx.numpy_helper.from_array(value, constant.name))
    program = program_graph(one_module_program("stick_breaking").module)
    found = compare_scales(program, onnx_graph(model.SerializeToString()))
    assert found.changed
    with pytest.raises(CheckFailedError, match="unchanged"):
        found.check()


def test_every_convolution_becomes_an_integer_kernel():
    took = fusion(one_module_onnx("stick_breaking"))
    assert not {"Conv", "Add", "Mul", "Sigmoid"} & took.outside.keys() and took.inside > 20
    assert took.outside.keys() == took.reasons.keys() and "in float" in took.reasons["Resize"]


def test_fp32_is_the_network(fp32):
    assert fp32.parity.max <= 1 and fp32.parity.mean < 0.05
    assert verify(fp32.path).size == 96 and fp32.manifest.quantization is None
    assert fp32.manifest.delegation.outside == {}


def test_int8_of_a_whole_network_passes_its_gates(quantized, tmp_path):
    from quantize.quantized_program import save_program

    save_program(tmp_path / "x.pt2", quantized("stick_breaking"))
    photos = [("scene 100", scene(100)[0])]
    done = convert_onnx(tmp_path / "x.pt2", tmp_path / "x.onnx", photos=photos)
    assert done.integers is not None and done.integers.mean < 0.05
    described = {it.key: it.value for it in onnx.load(done.path).metadata_props}
    assert "exact on every processor" in described["weights"]
    assert done.manifest.parity["scales"]["share"] == 1 and verify(done.path).precision == "int8"
    with pytest.raises(InputError, match="at that size"):
        convert_onnx(tmp_path / "x.pt2", tmp_path / "y.onnx", size=128)


def test_the_runtime_runs_it(fp32):
    segmenter = runtime.load(fp32.path, threads=1)
    assert segmenter.size == 96 and segmenter.manifest is not None
    assert segmenter(scene(7, (50, 120))[0]).shape == (50, 120)


def test_the_file_describes_itself(fp32):
    model = onnx.load(fp32.path)
    onnx.checker.check_model(model, full_check=True)
    found = {entry.key: entry.value for entry in model.metadata_props}
    assert found["size"] == "96" and found["license"] == "Apache-2.0"
    assert found["source_sha256"] == fp32.manifest.source_sha256
    preprocessing = json.loads(found["preprocessing"])
    assert preprocessing["mean"] == Preprocessing().mean
    # Exporters leave the paths and source lines of the machine they ran on.
    assert b'.py", line' not in fp32.path.read_bytes()


def test_damaged_and_foreign_files_are_refused(tmp_path):
    content = one_module_onnx("stick_breaking")
    other = onnx.helper.make_graph(
        [onnx.helper.make_node("Relu", ["x"], ["y"])],
        "other",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", 3])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["N", 3])],
    )
    opset = [onnx.helper.make_opsetid("", 20)]
    foreign = onnx.helper.make_model(other, opset_imports=opset, ir_version=10)
    for name, data in {
        "empty": b"",
        "text": b"not a network at all",
        "truncated": content[: len(content) // 2],
        "foreign": foreign.SerializeToString(),
    }.items():
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(data)
        with pytest.raises(InputError, match=name) as error:
            open_onnx(path, 1)
        assert "\n" not in str(error.value)


def test_nothing_is_overwritten_or_written_under_a_wrong_name(fp32, taught, tmp_path):
    before = fp32.path.read_bytes()
    with pytest.raises(InputError, match="--overwrite"):
        convert_onnx(taught("stick_breaking"), fp32.path)
    assert fp32.path.read_bytes() == before and manifest_path(fp32.path).exists()
    with pytest.raises(InputError, match=r"\.onnx"):
        convert_onnx(taught("stick_breaking"), tmp_path / "x.tflite")
    assert not list(tmp_path.iterdir())
