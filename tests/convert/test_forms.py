"""Forms of ``.tflite`` beside fp32 and int8, the interface in floats, and the table of forms."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from one_module import RECORD, SCENES, SIZE, one_module

from common.errors import CheckFailedError, InputError
from convert.checks.maps import compare
from convert.checks.operations import compare_steps
from convert.checks.scales import compare_scales
from convert.contract.forms import CONVERTERS, FORMS, choose, table
from convert.graphs.program import program_graph
from convert.graphs.tflite import tflite_graph
from convert.tflite import litert, weight_quantization
from convert.tflite.delegation import delegation
from convert.tflite.flatbuffer import read_flatbuffer
from convert.tflite.metadata import Description, associated_files, with_metadata
from convert.tflite.metadata_reader import read_metadata
from convert.tflite.weight_quantization import dynamic_weights, half_weights
from edge_apps import runtime
from edge_apps.backends.float_io import Floats
from edge_apps.backends.tflite import open_tflite
from edge_apps.maps.coding import LOGITS, PROBABILITIES
from quantize.calibration import normalize
from quantize.quantized_program import ProgramInfo, QuantizedProgram
from quantize.recipes import STATIC_WI8_AI16, WEIGHT_EPS
from samnet import Preprocessing, SAMNetConfig
from samnet.networks.deployed import ByteInterface
from samnet.networks.pyramid import PyramidPooling


@pytest.fixture(scope="module")
def bare():
    return litert.bare_float(one_module("stick_breaking"), Preprocessing())


@pytest.fixture(scope="module")
def sixteen():
    """A program of the recipe with int16 activations, of a network with a concatenation."""
    network = copy.deepcopy(one_module("stick_breaking"))
    photos = torch.cat([normalize(photo, Preprocessing()) for _, photo in SCENES])
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        pyramid = PyramidPooling(8).fixed(SIZE // 2)
        network.sam = torch.nn.Sequential(network.sam, pyramid)
        pyramid.train()
        for _ in range(30):
            network(photos)
    return quantized_to_sixteen(network.eval())


def quantized_to_sixteen(network):
    from quantize.batch_norm_folding import fold_batch_norm
    from quantize.conversion import convert
    from quantize.ptq import prepare

    with torch.no_grad():
        prepared = prepare(fold_batch_norm(network), SIZE, "minmax", STATIC_WI8_AI16)
        for _, photo in SCENES:
            prepared(normalize(photo, Preprocessing()))
    name = STATIC_WI8_AI16.name
    info = ProgramInfo(
        SAMNetConfig(), Preprocessing(), SIZE, "ptq", name, "minmax", RECORD, stride=1
    )
    return QuantizedProgram(convert(prepared, SIZE), info)


@pytest.fixture(scope="module")
def sixteen_content(sixteen):
    return litert.convert_int16x8(sixteen)


def reference(photo):
    with torch.no_grad():
        whole = ByteInterface(one_module("stick_breaking"), Preprocessing()).eval()
        return whole(torch.from_numpy(photo)[None])[0].numpy()


def opened(tmp_path, content, floats=None):
    path = tmp_path / "x.tflite"
    path.write_bytes(content)
    return open_tflite(path, 1, floats)


@pytest.mark.parametrize(("half", "most"), [(True, 1), (False, 4)])
def test_smaller_weights_stay_on_the_fast_path(bare, tmp_path, half, most):
    smaller = half_weights(bare) if half else dynamic_weights(bare)
    content = litert.float_interface(smaller, Preprocessing(), "bytes")
    found = compare(opened(tmp_path, content).run, reference, "torch", SCENES)
    assert found.steps_max <= most and found.mean < 0.5
    took = delegation(content)
    assert took.share == 1 and took.outside == {}


def test_channels_with_nothing_left_may_have_a_finer_scale():
    network = copy.deepcopy(one_module(""))
    with torch.no_grad():
        network.stem.conv.weight[2] = 0
        network.stem.conv.weight[3] *= 1e-11
    content = dynamic_weights(litert.bare_float(network, Preprocessing()))
    tensors = read_flatbuffer(content).subgraphs[0].tensors
    found = [it.quantization.scale for it in tensors if it.quantization is not None]
    (scales,) = (it for it in found if it is not None and len(it) == len(network.stem.conv.weight))
    assert 0 < max(scales[2:4]) < WEIGHT_EPS < min(scales[4:])


def test_scales_of_another_rule_are_refused(bare, monkeypatch):
    monkeypatch.setattr(weight_quantization, "WEIGHT_MAX", 126)
    with pytest.raises(CheckFailedError, match=r"channel \d+ has a scale of .*rounds otherwise"):
        dynamic_weights(bare)


def test_sixteen_bits_keep_every_scale(sixteen, sixteen_content, tmp_path):
    found = compare_scales(program_graph(sixteen.module), tflite_graph(sixteen_content))
    found.check()
    assert found.activations > 20
    parity = compare(opened(tmp_path, sixteen_content).run, sixteen.run, "program", SCENES)
    assert parity.steps_max <= 1 and parity.mean < 0.1
    took = delegation(sixteen_content)
    assert took.share == pytest.approx(0) and "int16" in took.reasons["CONV_2D"]
    assert sum(took.shares.values()) == pytest.approx(1)


def test_sixteen_bits_hold_the_bias_of_a_channel_with_nothing_left(tmp_path):
    network = copy.deepcopy(one_module(""))
    with torch.no_grad():
        network.stem.conv.weight[2] = 0
        network.stem.bn.bias[2] = 5
    program = quantized_to_sixteen(network)
    parity = compare(
        opened(tmp_path, litert.convert_int16x8(program)).run, program.run, "program", SCENES
    )
    assert parity.steps_max <= 1


def test_sixteen_bits_do_what_the_program_does(sixteen, sixteen_content):
    for steps in compare_steps(sixteen_content, sixteen, [photo for _, photo in SCENES]):
        steps.check()
        assert steps.found == steps.tensors > 50 and steps.wrong <= 1e-4 * steps.codes
    # LiteRT's own kernel of int16 would be off by hundreds of codes.
    assert "RESIZE_BILINEAR" not in delegation(sixteen_content).outside


@pytest.mark.parametrize("fault", ["scale", "weight"])
def test_one_fault_in_sixteen_bits_is_found(fault, sixteen, sixteen_content):
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(sixteen_content))
    graph = model.subgraphs[0]
    first = next(o for o in graph.operators if len(o.inputs) == 3)
    if fault == "scale":
        quantization = graph.tensors[first.outputs[0]].quantization
        quantization.scale = quantization.scale * np.float32(1.01)
    else:
        weights = model.buffers[graph.tensors[first.inputs[1]].buffer]
        weights.data = np.array(weights.data, np.uint8) ^ 8
    content = bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    with pytest.raises(CheckFailedError, match="departs from its program"):
        compare_steps(content, sixteen, [SCENES[0][1]])[0].check()


def test_floats_are_the_bytes_they_stand_for(bare, tmp_path):
    content = litert.float_interface(bare, Preprocessing(), "float")
    floats = Floats(1 / 64, 128, LOGITS)
    found = compare(opened(tmp_path, content, floats).run, reference, "torch", SCENES)
    assert found.steps_max <= 1 and found.mean < 0.01
    with pytest.raises(InputError, match=r"float32.*without its manifest"):
        runtime.load(tmp_path / "x.tflite")


def test_metadata_stands_where_the_ecosystem_looks(bare, tmp_path):
    content = litert.float_interface(bare, Preprocessing(), "bytes")
    said = Description("one", "a test", SIZE, 128.0, 64.0, False, LOGITS)
    described = with_metadata(content, said)
    assert described == with_metadata(content, said)
    assert associated_files(described)["labels.txt"] == b"salient\n"
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(described))
    (entry,) = (e for e in model.metadata if e.name == b"TFLITE_METADATA")
    data = bytes(model.buffers[entry.buffer].data)
    assert data[4:8] == b"M001" and np.float32([128]).tobytes() in data
    plain, with_it = opened(tmp_path, content), opened(tmp_path, described)
    photo = SCENES[0][1]
    assert np.array_equal(plain.run(photo), with_it.run(photo))


@pytest.mark.parametrize(("coding", "activation"), [(LOGITS, "sigmoid"), (PROBABILITIES, "none")])
def test_metadata_says_what_makes_probabilities(coding, activation, bare):
    from ai_edge_litert.tools import flatbuffer_utils

    content = litert.float_interface(bare, Preprocessing(), "bytes")
    said = Description("one", "a test", SIZE, 128.0, 64.0, False, coding)
    described = with_metadata(content, said)
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(described))
    (entry,) = (e for e in model.metadata if e.name == b"TFLITE_METADATA")
    found = read_metadata(bytes(model.buffers[entry.buffer].data))
    assert found["activation"] == activation and found["oldest parser"] == "1.5.0"


def test_the_table_names_every_form_once():
    keys = [(f.suffix, f.precision, f.engine) for f in FORMS]
    assert len(set(keys)) == len(keys) and {f.suffix for f in FORMS} == set(runtime.SUFFIXES)
    assert len({form.ending for form in FORMS}) == len(FORMS)
    assert table().count("\n") == len(FORMS) + 1
    assert all(f"`{form.command}`" in table() for form in FORMS)
    assert {form.suffix for form in FORMS} == set(CONVERTERS)
    for form in FORMS:
        source = ".pt2" if form.start == "program" else ".safetensors"
        assert choose(form.suffix, source, form.precision, form.engine) == form


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((".tflite", ".pt2", "fp32"), "leads to int8 or int16x8, not fp32"),
        ((".pte", ".safetensors", "fp16"), "leads to fp32, not fp16"),
        ((".tflite", ".pt2", "int8", "onnx2tf"), "reads checkpoints only"),
        ((".pte", ".pt2", "int8", "litert"), "writes no .pte"),
    ],
)
def test_what_leads_to_no_form_is_refused(arguments, expected):
    with pytest.raises(InputError, match=expected):
        choose(*arguments)
