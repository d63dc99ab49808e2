"""Every kind of operation that is known: its names, its integers, its cost.

The readers of all formats, the model of XNNPACK's integers, the counts of multiply-adds and the
profiler read this table: an operation that is added to int8 is a row here, beside what the recipe
makes of it (:mod:`quantize.quantizer`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of operation.

    Args:
        name: name in profiles.
        torch: operators of exported programs.
        dispatched: operators that torch executes for them, where these are others.
        tflite: builtin operators of LiteRT's schema.
        pte: nodes of XNNPACK's graph in ExecuTorch.
        onnx: operators of ONNX.
        timed: parts of the names under which XNNPACK times it; kinds that have the same are told
            apart by their order alone.
        product: for convolutions and matrix products with constant weights, which sides of a
            weight are summed over: (O, H, W, I) but the first, or those of (1, H, W, O) between.
        integers: the arithmetic of its codes in :mod:`convert.checks.xnnpack_integers`.
        exact: True where torch in float gives the codes that XNNPACK gives: functions of a single
            code, moves of codes, and resizing by pixels' centers where it is in float.
        commutative: True where converters may swap its operands.
        float_only: True for what XNNPACK executes in float and in no integer type.
        role: ``value`` gives values of its own; ``clip`` and ``move`` change none that a scale
            depends on, so that converters add, merge and drop them; a ``move`` does no arithmetic.
    """

    name: str
    torch: tuple[str, ...] = ()
    dispatched: tuple[str, ...] = ()
    tflite: tuple[str, ...] = ()
    pte: tuple[str, ...] = ()
    onnx: tuple[str, ...] = ()
    timed: tuple[str, ...] = ()
    product: Literal["dense", "depthwise"] | None = None
    integers: Literal["product", "sum", "difference", "scaled", "mean", "resize"] | None = None
    exact: bool = False
    commutative: bool = False
    float_only: bool = False
    role: Literal["value", "clip", "move"] = "value"

    @property
    def graph_name(self) -> str:
        """What it is called where formats are compared, which write products in many ways."""
        return "product" if self.product else self.name


_DENSE = ("Convolution", "Fully Connected")
# XNNPACK calls an operation invalid that it has replaced by a table, as the sigmoid of bytes.
_UNARY = ("Sigmoid", "Exp", "Invalid Unary Op")

KINDS = (
    # Before the other convolutions: XNNPACK's name holds theirs.
    Kind(
        "depthwise",
        tflite=("DEPTHWISE_CONV_2D",),
        pte=("XNNDepthwiseConv2d",),
        timed=("DWConv",),
        product="depthwise",
        integers="product",
    ),
    Kind(
        "convolution",
        torch=("aten.conv2d.default",),
        dispatched=("aten.convolution.default",),
        tflite=("CONV_2D",),
        pte=("XNNConv2d",),
        onnx=("Conv",),
        timed=_DENSE,
        product="dense",
        integers="product",
    ),
    Kind(
        "pointwise",
        torch=("aten.linear.default",),
        dispatched=("aten.mm.default", "aten.bmm.default", "aten.addmm.default"),
        tflite=("FULLY_CONNECTED",),
        pte=("XNNFullyConnected",),
        onnx=("Gemm", "MatMul"),
        timed=_DENSE,
        product="dense",
        integers="product",
    ),
    Kind(
        "add",
        torch=("aten.add.Tensor",),
        tflite=("ADD",),
        pte=("XNNAdd",),
        onnx=("Add",),
        timed=("Add",),
        integers="sum",
        commutative=True,
    ),
    Kind(
        "sub",
        torch=("aten.sub.Tensor",),
        tflite=("SUB",),
        pte=("XNNSubtract",),
        onnx=("Sub",),
        timed=("Subtract",),
        integers="difference",
    ),
    Kind(
        "mul",
        torch=("aten.mul.Tensor",),
        tflite=("MUL",),
        pte=("XNNMultiply",),
        onnx=("Mul",),
        timed=("Multiply",),
        integers="scaled",
        commutative=True,
    ),
    Kind(
        "div",
        torch=("aten.div.Tensor",),
        tflite=("DIV",),
        pte=("XNNDiv",),
        onnx=("Div",),
        timed=("Divide",),
        float_only=True,
    ),
    Kind(
        "maximum",
        torch=("aten.maximum.default",),
        tflite=("MAXIMUM",),
        pte=("XNNMaximum",),
        onnx=("Max",),
        timed=("Maximum",),
        commutative=True,
        float_only=True,
    ),
    Kind(
        "exp",
        torch=("aten.exp.default",),
        tflite=("EXP",),
        pte=("XNNExp",),
        onnx=("Exp",),
        timed=_UNARY,
        float_only=True,
    ),
    Kind(
        "sigmoid",
        torch=("aten.sigmoid.default",),
        tflite=("LOGISTIC",),
        pte=("XNNSigmoid",),
        onnx=("Sigmoid",),
        timed=_UNARY,
        exact=True,
    ),
    Kind(
        "mean",
        torch=("aten.mean.dim",),
        tflite=("MEAN",),
        pte=("XNNGlobalAvgPooling2d",),
        onnx=("ReduceMean",),
        timed=("Mean", "Global Average Pooling"),
        integers="mean",
    ),
    Kind(
        "cat",
        torch=("aten.cat.default",),
        tflite=("CONCATENATION",),
        pte=tuple(f"XNNConcatenate{count}" for count in range(2, 6)),
        onnx=("Concat",),
        timed=("Copy", "Concatenate"),
        exact=True,
    ),
    Kind(
        "resize",
        torch=("aten.upsample_bilinear2d.vec",),
        dispatched=("aten.upsample_bilinear2d.default",),
        tflite=("RESIZE_BILINEAR",),
        pte=("XNNStaticResizeBilinear2D",),
        onnx=("Resize",),
        timed=("Resize Bilinear",),
        integers="resize",
        exact=True,
    ),
    Kind(
        "maxpool",
        torch=("aten.max_pool2d.default",),
        tflite=("MAX_POOL_2D",),
        pte=("XNNMaxPooling2d",),
        onnx=("MaxPool",),
        exact=True,
    ),
    Kind(
        "slice",
        torch=("aten.slice.Tensor",),
        tflite=("SLICE", "STRIDED_SLICE"),
        pte=("XNNStaticSlice",),
        onnx=("Slice",),
        exact=True,
    ),
    Kind(
        "convert",
        torch=(
            "quantized_decomposed.quantize_per_tensor.default",
            "quantized_decomposed.dequantize_per_tensor.default",
        ),
        tflite=("QUANTIZE", "DEQUANTIZE"),
        pte=("XNNConvert",),
        onnx=("QuantizeLinear", "DequantizeLinear"),
        timed=("Convert",),
        role="move",
    ),
    Kind(
        "reshape",
        torch=(
            *("aten.reshape.default", "aten.view.default"),
            *("aten.clone.default", "aten.contiguous.default"),
        ),
        tflite=("RESHAPE", "SQUEEZE", "EXPAND_DIMS"),
        pte=("XNNStaticReshape", "XNNCopy"),
        onnx=("Reshape", "Squeeze", "Unsqueeze", "Gather", "Identity"),
        timed=("Static Reshape",),
        exact=True,
        role="move",
    ),
    Kind(
        "transpose",
        torch=("aten.transpose.int", "aten.permute.default"),
        tflite=("TRANSPOSE",),
        pte=("XNNStaticTranspose",),
        onnx=("Transpose",),
        timed=("Transpose",),
        exact=True,
        role="move",
    ),
    Kind(
        "pad",
        torch=("aten.pad.default",),
        tflite=("PAD", "PADV2"),
        pte=("XNNStaticConstantPad",),
        onnx=("Pad",),
        timed=("Constant Pad",),
        role="move",
    ),
    Kind(
        "clamp",
        torch=("aten.relu.default", "aten.hardtanh.default", "aten.clamp.default"),
        tflite=("RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1"),
        pte=("XNNClamp",),
        onnx=("Relu", "Clip"),
        role="clip",
    ),
)
"""The table."""

UNKNOWN = Kind("unknown")
"""Stands for operations that are not in the table."""

Names = Mapping[str, Kind]
"""Kinds by the names that one format has for them."""

BY_NAME: Names = {kind.name: kind for kind in KINDS}
TORCH: Names = {name: kind for kind in KINDS for name in kind.torch}
DISPATCHED: Names = {name: kind for kind in KINDS for name in kind.dispatched or kind.torch}
TFLITE: Names = {name: kind for kind in KINDS for name in kind.tflite}
PTE: Names = {name: kind for kind in KINDS for name in kind.pte}
ONNX: Names = {name: kind for kind in KINDS for name in kind.onnx}


def graph_name(names: Names, name: str) -> str:
    """Return what an operation is called where formats are compared, else its own name."""
    return names[name].graph_name if name in names else name


def is_product(names: Names, name: str) -> bool:
    """Tell whether an operation is a convolution or a matrix product with constant weights."""
    return name in names and names[name].product is not None


def changes_no_value(names: Names, name: str) -> bool:
    """Tell whether an operation only moves, re-encodes or clips values."""
    return name in names and names[name].role != "value"
