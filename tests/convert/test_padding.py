"""Padding of ``.tflite`` files: inside convolutions where TFLite pads alike, never transposed."""

from __future__ import annotations

import copy
import functools
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

pytest.importorskip("litert_torch", reason="needs the extra `tflite`")

from one_module import RECORD

from convert.tflite import litert
from convert.tflite.interface import add_tensor
from convert.tflite.padding import fold_padding, same_margin
from convert.tflite.weight_quantization import dynamic_weights, half_weights
from edge_apps.backends.tflite import interpreter_class
from quantize.calibration import normalize
from quantize.conversion import convert
from quantize.ptq import prepare
from quantize.quantized_program import ProgramInfo, QuantizedProgram
from quantize.recipes import STATIC_WI8_AI8, STATIC_WI8_AI16
from samnet import Preprocessing, SAMNetConfig
from samnet.data.synthetic import scene
from samnet.networks.lite_trunk import SamePadConv

SIZE = 38
"""Sides of the maps are 38, 19, 10, 5 and 3: even and odd ones before either kernel."""

PHOTOS = [scene(seed, SIZE)[0] for seed in range(4)]

RECIPES = {"int8": STATIC_WI8_AI8, "int16x8": STATIC_WI8_AI16}


class Padded(nn.Module):
    """Convolutions of stride 2 behind TensorFlow's padding, and one behind another padding."""

    size = SIZE

    def __init__(self) -> None:
        super().__init__()
        self.same = nn.ModuleList(
            [
                SamePadConv(3, 8, 3, stride=2),
                SamePadConv(8, 8, 5, stride=2, groups=8),
                SamePadConv(8, 8, 5, stride=2),
                SamePadConv(8, 8, 3, stride=2, groups=8),
            ]
        )
        self.other = nn.Conv2d(8, 8, 3, stride=2)
        self.head = nn.Conv2d(8, 1, 1)
        with torch.no_grad():
            for convolution in self.same:
                # Few zeros in the maps, so that others in place of padding would be seen.
                convolution.bias.fill_(0.5)
            for convolution in (*self.same, self.other, self.head):
                convolution.weight *= 3

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for convolution in self.same:
            x = F.relu6(convolution(x))
        x = F.relu6(self.other(F.pad(x, (2, 1, 1, 0))))
        return self.head(x)


def padded() -> Padded:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Padded().eval()


def program(precision: str) -> QuantizedProgram:
    recipe = RECIPES[precision]
    with torch.no_grad():
        prepared = prepare(padded(), SIZE, "minmax", recipe)
        for photo in PHOTOS:
            prepared(normalize(photo, Preprocessing()))
    info = ProgramInfo(SAMNetConfig(), Preprocessing(), SIZE, "ptq", recipe.name, "minmax", RECORD)
    return QuantizedProgram(convert(prepared, SIZE), info)


@functools.cache
def made(precision: str) -> bytes:
    """The network's file of a precision, between bytes."""
    if precision == "int8":
        return litert.convert_int8(program(precision))
    if precision == "int16x8":
        return litert.convert_int16x8(program(precision))
    weights = {"fp16": half_weights, "dynamic": dynamic_weights}
    return litert.float_interface(
        weights.get(precision, bytes)(bare()), Preprocessing(), tensors="bytes"
    )


@functools.cache
def bare() -> bytes:
    return litert.bare_float(padded(), Preprocessing())


def counted(content: bytes) -> Counter[str]:
    interpreter = interpreter_class()(model_content=content, num_threads=1)
    return Counter(o["op_name"] for o in interpreter._get_ops_details())


def run(content: bytes, photo: np.ndarray) -> np.ndarray:
    interpreter = interpreter_class()(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], photo[None])
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.mark.parametrize("precision", ["fp32", "fp16", "dynamic", "int8", "int16x8"])
def test_padding_goes_into_convolutions(precision):
    content = made(precision)
    apart = unfolded(content)
    folded = fold_padding(apart)
    assert [counted(apart)[name] for name in ("PAD", "TRANSPOSE")] == [5, 10]
    # What is no padding of TFLite's remains, without its transpositions.
    assert [counted(content)[name] for name in ("PAD", "TRANSPOSE")] == [1, 0]
    assert counted(folded) == counted(content)
    maps = [run(content, photo) for photo in PHOTOS]
    assert len(np.unique(maps)) > 4
    for other in (apart, folded):
        np.testing.assert_array_equal(maps, [run(other, photo) for photo in PHOTOS])
    assert fold_padding(content) is content


def unfolded(content: bytes) -> bytes:
    """The same with TRANSPOSE, PAD and TRANSPOSE before every convolution of stride 2."""
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    graph = model.subgraphs[0]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.TRANSPOSE
    code.version = 2
    model.operatorCodes.append(code)
    pad = next(o for o in graph.operators if isinstance(o.builtinOptions, schema.PadOptionsT))
    operators: list[Any] = []

    def constant(values: Any) -> int:
        array = np.array(values, np.int32)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(array.tobytes(), np.uint8)
        model.buffers.append(buffer)
        added = add_tensor(model, 0, f"constant {len(graph.tensors)}".encode(), 2)
        graph.tensors[added].shape = np.array(array.shape, np.int32)
        graph.tensors[added].buffer = len(model.buffers) - 1
        return added

    def mapped(like: int, shape: Any) -> int:
        origin = graph.tensors[like]
        added = add_tensor(model, like, f"map {len(graph.tensors)}".encode(), origin.type)
        graph.tensors[added].quantization = origin.quantization
        graph.tensors[added].shape = np.array(shape, np.int32)
        return added

    def add(like: Any, given: int, how: int, result: int) -> None:
        operator = copy.copy(pad) if like is pad else schema.OperatorT()
        if like is not pad:
            operator.opcodeIndex = len(model.operatorCodes) - 1
        operator.inputs = np.array([given, how], np.int32)
        operator.outputs = np.array([result], np.int32)
        operators.append(operator)

    def wrap(given: int, margins: np.ndarray, result: int) -> None:
        first, last = [0, 3, 1, 2], [0, 2, 3, 1]
        shapes = (np.array(graph.tensors[t].shape)[first] for t in (given, result))
        inner = [mapped(given, shape) for shape in shapes]
        add(None, given, constant(first), inner[0])
        add(pad, inner[0], constant(margins[first]), inner[1])
        add(None, inner[1], constant(last), result)

    for operator in graph.operators:
        options, given = operator.builtinOptions, int(operator.inputs[0])
        if operator is pad:
            found = model.buffers[graph.tensors[pad.inputs[1]].buffer].data
            margins = np.frombuffer(bytes(found), np.int32).reshape(4, 2)
            wrap(given, margins, int(pad.outputs[0]))
            continue
        if getattr(options, "strideH", 1) == 2 and options.padding == schema.Padding.SAME:
            kernel = graph.tensors[operator.inputs[1]].shape[1]
            margin = same_margin(int(graph.tensors[given].shape[1]), int(kernel), 2)
            margins = np.array([(0, 0), margin, margin, (0, 0)])
            larger = mapped(given, np.array(graph.tensors[given].shape) + margins.sum(1))
            wrap(given, margins, larger)
            operator.inputs[0], options.padding = larger, schema.Padding.VALID
        operators.append(operator)
    graph.operators = operators
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("side", [7, 8, 9, 10])
def test_same_margin_is_the_networks(side, kernel):
    convolution = SamePadConv(1, 1, kernel, stride=2)
    assert same_margin(side, kernel, 2) == convolution._margins(side)
    assert same_margin(side, kernel, 1, dilation=2) == (kernel - 1, kernel - 1)
