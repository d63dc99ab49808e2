"""The quantisation recipe: which op gets which scheme.

There is one named variant, after the law of ai-edge-quantizer:

``static_wi8_ai8``
    * weights of convolutions and matrix products: int8, symmetric, one scale an output channel;
    * activations: int8, affine, one scale a tensor, observed on photos;
    * input: fixed to scale 1/64, zero point 0, so that a camera's byte is its own code
      (see :class:`samnet.preprocessing.Preprocessing`);
    * sigmoid: fixed to scale 1/256, zero point -128, which is what runtimes demand of it;
    * gate logits, products that a sigmoid follows: fixed to scale 1/16, zero point 0. They reach
      far beyond the 8 at which a sigmoid ends, and with a scale for their whole range one code
      more or less would move a gate by a third;
    * bilinear resize and reshapes keep the scale of what they are given;
    * concatenation shares one scale among its inputs and its output;
    * the softmax over the branches of a SAM module stays in float, from the logits' product to
      the division: no int8 runtime has a fast exponential, maximum or division, and its weights
      would lose most of their precision in eight bits.

Both attentions and both methods, PTQ and QAT, use it without exception.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import XNNPACKQuantizer
from torch.fx import GraphModule, Node
from torchao.quantization.pt2e import (
    FusedMovingAvgObsFakeQuantize,
    HistogramObserver,
    MinMaxObserver,
    MovingAverageMinMaxObserver,
    MovingAveragePerChannelMinMaxObserver,
    PerChannelMinMaxObserver,
)
from torchao.quantization.pt2e.quantizer import (
    FixedQParamsQuantizationSpec,
    QuantizationAnnotation,
    QuantizationConfig,
    QuantizationSpec,
    SharedQuantizationSpec,
)
from torchao.quantization.pt2e.quantizer.quantizer import Q_ANNOTATION_KEY

from quantize.observers import PercentileObserver

NAME = "static_wi8_ai8"

Observer = Literal["histogram", "minmax", "percentile"]

INPUT_SCALE, INPUT_ZERO_POINT = 1 / 64, 0
OUTPUT_SCALE, OUTPUT_ZERO_POINT = 1 / 256, -128
GATE_SCALE, GATE_ZERO_POINT = 1 / 16, 0

ACTIVATION_EPS = 2.0**-12
WEIGHT_EPS = 2.0**-20
"""Smallest scales. That of the activations keeps dead ones finite. Depthwise filters with folded
batch normalisation have channels whose largest weight is far below 127 * 2**-12, so weights need
a smaller one; runtimes accept ratios of scales down to 2**-32."""

_ops = torch.ops.aten
_EXPONENTIAL = {_ops.exp.default, _ops.maximum.default, _ops.div.Tensor}
_ELEMENTWISE = {_ops.add.Tensor, _ops.sub.Tensor, _ops.mul.Tensor}


def _fixed(scale: float, zero_point: int) -> FixedQParamsQuantizationSpec:
    return FixedQParamsQuantizationSpec(
        dtype=torch.int8,
        scale=scale,
        zero_point=zero_point,
        quant_min=-128,
        quant_max=127,
        qscheme=torch.per_tensor_affine,
    )


def activation_spec(observer: Observer, *, qat: bool) -> QuantizationSpec:
    """int8, affine, one scale a tensor."""
    if qat:
        constructor: Any = FusedMovingAvgObsFakeQuantize.with_args(
            observer=MovingAverageMinMaxObserver, eps=ACTIVATION_EPS
        )
    else:
        kinds = {
            "histogram": HistogramObserver,
            "minmax": MinMaxObserver,
            "percentile": PercentileObserver,
        }
        constructor = kinds[observer].with_args(eps=ACTIVATION_EPS)
    return QuantizationSpec(
        dtype=torch.int8,
        quant_min=-128,
        quant_max=127,
        qscheme=torch.per_tensor_affine,
        observer_or_fake_quant_ctr=constructor,
    )


def weight_spec(*, qat: bool) -> QuantizationSpec:
    """int8, symmetric, one scale an output channel."""
    constructor: Any = (
        FusedMovingAvgObsFakeQuantize.with_args(
            observer=MovingAveragePerChannelMinMaxObserver, averaging_constant=1.0, eps=WEIGHT_EPS
        )
        if qat
        else PerChannelMinMaxObserver.with_args(eps=WEIGHT_EPS)
    )
    return QuantizationSpec(
        dtype=torch.int8,
        quant_min=-127,
        quant_max=127,
        qscheme=torch.per_channel_symmetric,
        ch_axis=0,
        observer_or_fake_quant_ctr=constructor,
    )


def softmax_nodes(model: GraphModule) -> set[Node]:
    """The nodes of every softmax over branches, from the logits' product to the division."""
    found: set[Node] = set()
    for node in model.graph.nodes:
        inside = any(n in found and n.target != _ops.div.Tensor for n in node.all_input_nodes)
        if node.target in _EXPONENTIAL or (node.target in _ELEMENTWISE and inside):
            found.add(node)
    for node in reversed(model.graph.nodes):
        if node.target in _ELEMENTWISE and node.users and all(n in found for n in node.users):
            found.add(node)
    return found


def _is_gate(node: Node) -> bool:
    return bool(node.users) and all(user.target == _ops.sigmoid.default for user in node.users)


class RecipeQuantizer(XNNPACKQuantizer):
    """Annotates an exported network with the recipe.

    XNNPACK's own quantizer knows convolutions, matrix products, additions, products and
    concatenations. This one adds the ops of the network that it leaves in float although
    LiteRT executes them in int8, the fixed scales, and the softmax that stays in float.

    Args:
        observer: how activation ranges are found in post-training quantisation: their extremes,
            those of all but the oddest photos, or the range of least squared error over their
            histogram.
        qat: whether the graph is prepared for training; ranges are then moving averages.
    """

    # The others look for batch normalisation, which is folded before, and cost seconds each.
    SUPPORTED_PATTERNS: ClassVar = [p for p in XNNPACKQuantizer.SUPPORTED_PATTERNS if not p.is_qat]

    def __init__(self, observer: Observer = "percentile", *, qat: bool = False) -> None:
        super().__init__()
        self.activation = activation_spec(observer, qat=qat)
        self.set_global(
            QuantizationConfig(self.activation, self.activation, weight_spec(qat=qat), None, qat)
        )

    def annotate(self, model: GraphModule) -> GraphModule:
        floating = softmax_nodes(model)
        self.set_filter_function(lambda node: node not in floating)
        fixed = []
        for node in model.graph.nodes:
            if node in floating:
                continue
            if node.op == "placeholder" and node.users and "val" in node.meta:
                self._annotate(node, [], _fixed(INPUT_SCALE, INPUT_ZERO_POINT))
                fixed.append(node)
            elif node.target == _ops.sigmoid.default:
                output = _fixed(OUTPUT_SCALE, OUTPUT_ZERO_POINT)
                self._annotate(node, node.all_input_nodes, output)
                fixed.append(node)
            elif node.target == _ops.mul.Tensor and _is_gate(node):
                gate = _fixed(GATE_SCALE, GATE_ZERO_POINT)
                self._annotate(node, node.all_input_nodes, gate)
                fixed.append(node)
            elif node.target in (_ops.sub.Tensor, _ops.mean.dim):
                self._annotate(node, node.all_input_nodes, self.activation)
            elif node.target == _ops.upsample_bilinear2d.vec:
                source = node.args[0]
                self._annotate(node, [source], SharedQuantizationSpec((source, node)))
        model = super().annotate(model)
        for node in fixed:
            # A consumer would otherwise observe the tensor anew and quantise it a second time.
            for user in node.users:
                annotation = user.meta.get(Q_ANNOTATION_KEY)
                if annotation is not None and node in annotation.input_qspec_map:
                    annotation.input_qspec_map[node] = SharedQuantizationSpec(node)
        return model

    def _annotate(self, node: Node, inputs: list[Node], output: Any) -> None:
        node.meta[Q_ANNOTATION_KEY] = QuantizationAnnotation(
            input_qspec_map=dict.fromkeys(inputs, self.activation),
            output_qspec=output,
            _annotated=True,
        )
