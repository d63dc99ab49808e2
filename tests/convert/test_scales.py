"""Scales are read back from the files that are written, and must be the program's."""

from __future__ import annotations

import copy
import dataclasses
import operator

import numpy as np
import pytest
import torch
from one_module import SIZE, one_module_int8, one_module_pte, one_module_tflite

from common.errors import CheckFailedError, InputError
from convert.artifact.write import Content, describe, write_artifact
from convert.checks.scales import compare_scales
from convert.executorch.command import FORMAT, convert_executorch
from convert.graphs.operation import Operand, Operation
from convert.graphs.program import program_graph
from convert.graphs.pte import pte_graph
from convert.graphs.tflite import tflite_graph
from edge_apps.manifest import Delegation, Interface, MapInterface, manifest_path
from quantize.quantized_program import load_program, save_program

QUANTIZE = torch.ops.quantized_decomposed.quantize_per_tensor.default


@pytest.fixture(params=["tflite", "pte"])
def kind(request):
    return request.param


def content(kind, attention="stick_breaking"):
    return one_module_pte(attention) if kind == "pte" else one_module_tflite(attention, "int8")


def graph(kind, file):
    return pte_graph(file) if kind == "pte" else tflite_graph(file)


def compared(kind, file, attention="stick_breaking"):
    return compare_scales(program_graph(one_module_int8(attention).module), graph(kind, file))


@pytest.mark.parametrize("attention", ["stick_breaking", "softmax"])
def test_all_scales_arrive_unchanged(kind, attention):
    scales = compared(kind, content(kind, attention), attention)
    scales.check()
    assert scales.share == 1 and not scales.changed
    nodes = list(one_module_int8(attention).module.graph.nodes)
    assert scales.activations == sum(node.target == QUANTIZE for node in nodes)
    assert scales.weights == sum(node.target == torch.ops.aten.conv2d.default for node in nodes)


def changed(file, before, after):
    """A file in which some bytes, which must occur in it once, are others."""
    assert file.count(before) == 1
    return file.replace(before, after)


def convolution():
    """Scale of the first convolution's output, and the scales of its weights."""
    module = one_module_int8("stick_breaking").module
    first = next(n for n in module.graph.nodes if n.target == torch.ops.aten.conv2d.default)
    output = next(iter(next(iter(first.users)).users))
    scales = operator.attrgetter(first.args[1].args[1].target)(module)
    return np.float32(output.args[1]), scales.numpy().astype(np.float32)


def test_a_changed_activation_is_named_with_both_values():
    scale, _ = convolution()
    other = np.nextafter(scale, np.float32(1))
    scales = compared("pte", changed_scale(content("pte"), scale, other))
    assert 0.9 < scales.share < 1
    (line,) = scales.changed
    assert line.startswith("stem.conv (product)")
    assert f"{scale:.9g} at" in line and f"{other:.9g} at" in line
    with pytest.raises(CheckFailedError, match=r"expected all: stem\.conv .*--allow-scales"):
        scales.check()


def changed_scale(file, before, after):
    """A file in which every tensor of a scale has another one."""
    pattern = np.float32(before).tobytes()
    assert pattern in file
    return file.replace(pattern, np.float32(after).tobytes())


def test_a_changed_channel_of_a_weight_is_named_with_both_values(kind):
    _, weights = convolution()
    others = weights.copy()
    others[3] *= np.float32(1.01)
    scales = compared(kind, changed(content(kind), weights.tobytes(), others.tobytes()))
    (line,) = scales.changed
    assert line.startswith("stem.conv (weight): 1 of 8 channels, channel 3")
    assert f"{weights[3]:.9g} → {others[3]:.9g}" in line


def test_operands_may_change_places_but_not_their_scales():
    def add(first, second):
        sources = [Operation("a", "input"), Operation("b", "exp")]
        operands = [Operand(s, ((scale, 0),)) for s, scale in zip(sources, (1.0, 2.0), strict=True)]
        return Operand(Operation("sum", "add", [operands[first], operands[second]]), ((3.0, 0),))

    assert compare_scales(add(0, 1), add(1, 0)).share == 1
    other = add(1, 0)
    other.source.operands[1] = dataclasses.replace(other.source.operands[1], schemes=((1.0, 1),))
    (line,) = compare_scales(add(0, 1), other).changed
    assert line == "a (input): 1 at 0 → 1 at 1"


def test_an_operation_of_another_kind_is_named():
    ours = Operand(Operation("a", "add"), ((1.0, 0),))
    theirs = Operand(Operation("SUB 7", "sub"), ((1.0, 0),))
    assert compare_scales(ours, theirs).changed == ("a (add) became SUB 7",)


def test_an_artifact_of_other_scales_is_refused_unless_allowed(tmp_path):
    source, output = tmp_path / "p.pt2", tmp_path / "out" / "x.pte"
    save_program(source, one_module_int8("stick_breaking"))
    scale, _ = convolution()
    file = changed_scale(content("pte"), scale, np.nextafter(scale, np.float32(1)))
    photo = Interface((1, SIZE, SIZE, 3), "NHWC", "uint8", 1 / 64, 128)
    saliency_map = MapInterface((1, SIZE, SIZE), "NHW", "uint8", 1 / 16, 128, "logits")
    ready = Content(file, photo, saliency_map, Delegation("XNNPACK", 1, 1, {}, {}))
    other = dataclasses.replace(FORMAT, make=lambda *_: ready)
    with pytest.raises(CheckFailedError, match=r"stem\.conv .* nothing was written"):
        write_artifact(other, source, output)
    assert not list(output.parent.glob("*"))
    done = write_artifact(other, source, output, allow_scales=True)
    assert output.exists() and manifest_path(output).exists()
    assert len(done.manifest.parity["scales"]["changed"]) == 1
    said = describe(done)
    assert "% of the scales as in the program" in said and "stem.conv (product)" in said


@pytest.mark.parametrize("scale", [0.0, float("nan"), float("inf")])
def test_programs_with_impossible_scales_are_refused(scale, tmp_path):
    program = copy.deepcopy(one_module_int8(""))
    node = next(n for n in program.exported.graph.nodes if n.target == QUANTIZE)
    node.args = (node.args[0], scale, *node.args[2:])
    path = tmp_path / "p.pt2"
    save_program(path, program)
    with pytest.raises(InputError, match=f"p.pt2: .* a scale of {scale}, expected a positive"):
        load_program(path)


def test_programs_of_another_recipe_are_refused(tmp_path):
    program = one_module_int8("")
    info = dataclasses.replace(program.info, recipe="dynamic_wi8_afp32")
    path = tmp_path / "p.pt2"
    save_program(path, dataclasses.replace(program, info=info))
    with pytest.raises(InputError, match=r"with dynamic_wi8_afp32, .* expected static_wi8_ai8"):
        convert_executorch(path, tmp_path / "x.pte")
    assert not (tmp_path / "x.pte").exists()
