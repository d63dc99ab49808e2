"""Annotates an exported network with a recipe."""

from __future__ import annotations

from typing import Any, ClassVar, cast

import torch
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import XNNPACKQuantizer
from torch.fx import GraphModule, Node
from torchao.quantization.pt2e.quantizer import (
    QuantizationAnnotation,
    QuantizationConfig,
    SharedQuantizationSpec,
)
from torchao.quantization.pt2e.quantizer.quantizer import Q_ANNOTATION_KEY

from quantize.conversion import WEIGHTED
from quantize.module_map import inside, module_of
from quantize.quantization_specs import Observer, activation_spec, fixed_spec, weight_spec
from quantize.recipes import INT8, STATIC_WI8_AI8, Activations, Recipe
from quantize.split_concat import sum_parts

NAME = STATIC_WI8_AI8.name
"""Of the recipe that the int8 runtimes execute."""

INPUT_SCALE, INPUT_ZERO_POINT = INT8.input.scale, INT8.input.zero_point

_ops = torch.ops.aten
_EXPONENTIAL = {_ops.exp.default, _ops.maximum.default, _ops.div.Tensor}
_MOVES = {
    *(_ops.view.default, _ops.reshape.default, _ops.transpose.int, _ops.permute.default),
    *(_ops.contiguous.default, _ops.clone.default, _ops.slice.Tensor, _ops.max_pool2d.default),
    # Zeros, which every scale has a code for.
    _ops.pad.default,
}
_ELEMENTWISE = {_ops.add.Tensor, _ops.sub.Tensor, _ops.mul.Tensor}


def softmax_nodes(model: GraphModule) -> set[Node]:
    """Find the nodes of every softmax over branches, from the product to the division."""
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


def _is_activation(node: Node, floating: set[Node]) -> bool:
    """Tell whether a convolution or a matrix product gives its result to this node alone."""
    (product,) = node.all_input_nodes
    return product.target in WEIGHTED and len(product.users) == 1 and product not in floating


class RecipeQuantizer(XNNPACKQuantizer):  # type: ignore[misc]
    """Annotates an exported network with a recipe.

    XNNPACK's own quantizer knows convolutions, matrix products, additions, products and
    concatenations. This one adds the ops of the network that it leaves in float although
    LiteRT executes them in int8, the fixed scales, and what stays in float.

    Args:
        observer: how activation ranges are found in post-training quantization: their extremes,
            those of all but the oddest photos, or the range of least squared error, over the
            values themselves (``mse``) or a histogram with evenly filled bins (``histogram``).
        qat: whether the graph is prepared for training; ranges are then moving averages.
        recipe: see :mod:`quantize.recipes`.
    """

    # The others look for batch normalization, which is folded before, and cost seconds each.
    SUPPORTED_PATTERNS: ClassVar = [p for p in XNNPACKQuantizer.SUPPORTED_PATTERNS if not p.is_qat]

    def __init__(
        self,
        observer: Observer = "percentile",
        *,
        qat: bool = False,
        recipe: Recipe = STATIC_WI8_AI8,
    ) -> None:
        super().__init__()
        self.recipe = recipe
        self.weight = weight_spec(qat=qat)
        if recipe.activations is not None:
            self.activation = activation_spec(recipe.activations, observer, qat=qat)
            self.set_global(
                QuantizationConfig(self.activation, self.activation, self.weight, None, qat)
            )

    def transform_for_annotation(self, model: GraphModule) -> GraphModule:
        """Turn concatenations into sums where the recipe asks for it, before annotation."""
        scheme = self.recipe.activations
        if scheme is not None and not scheme.concatenates:
            sum_parts(model)
        return cast(GraphModule, super().transform_for_annotation(model))

    def annotate(self, model: GraphModule) -> GraphModule:
        """Write on each node of the graph how the recipe quantizes it."""
        floating = softmax_nodes(model)
        if self.recipe.keep_float:
            floating |= {
                node
                for node in model.graph.nodes
                if inside(module_of(node), self.recipe.keep_float)
            }
        if self.recipe.activations is None:
            self._annotate_weights(model, floating)
            return model
        self.set_filter_function(lambda node: node not in floating)
        fixed = self._annotate_others(model, floating, self.recipe.activations)
        model = super().annotate(model)
        self._annotate_moves(model, floating, fixed)
        fixed.append(self._fix_map(model, self.recipe.activations))
        for node in fixed:
            # A consumer would otherwise observe the tensor anew and quantize it a second time.
            for user in node.users:
                annotation = user.meta.get(Q_ANNOTATION_KEY)
                if annotation is not None and node in annotation.input_qspec_map:
                    annotation.input_qspec_map[node] = SharedQuantizationSpec(node)
        return model

    def _annotate_others(
        self, model: GraphModule, floating: set[Node], scheme: Activations
    ) -> list[Node]:
        """Annotate what XNNPACK's quantizer does not; return the nodes with a fixed scale."""
        fixed = []
        for node in model.graph.nodes:
            if node in floating:
                continue
            if node.op == "placeholder" and node.users and "val" in node.meta:
                self._annotate(node, [], fixed_spec(scheme, scheme.input))
                fixed.append(node)
            elif node.target == _ops.sigmoid.default:
                self._annotate(node, node.all_input_nodes, fixed_spec(scheme, scheme.sigmoid))
                fixed.append(node)
            elif node.target == _ops.mul.Tensor and _is_gate(node):
                self._annotate(node, node.all_input_nodes, fixed_spec(scheme, scheme.gate))
                fixed.append(node)
            elif node.target == _ops.hardtanh.default and _is_activation(node, floating):
                # As XNNPACK's quantizer has it for a ReLU.
                product: Any = node.args[0]
                given, weight, *bias = product.args[:3]
                product.meta[Q_ANNOTATION_KEY] = QuantizationAnnotation(
                    input_qspec_map={
                        given: self.activation,
                        weight: self.weight,
                        **{it: None for it in bias if it is not None},
                    },
                    _annotated=True,
                )
                self._annotate(node, [], self.activation)
            elif node.target in (_ops.sub.Tensor, _ops.mean.dim):
                self._annotate(node, node.all_input_nodes, self.activation)
            elif node.target == _ops.upsample_bilinear2d.vec:
                source = node.args[0]
                self._annotate(node, [source], SharedQuantizationSpec((source, node)))
                if source in fixed:
                    fixed.append(node)
        return fixed

    def _fix_map(self, model: GraphModule, scheme: Activations) -> Node:
        """Fix the scale of the map where it is computed, before any enlarging; return that node."""
        (output,) = (node for node in model.graph.nodes if node.op == "output")
        source: Node
        (source,) = output.all_input_nodes
        while source.target == _ops.upsample_bilinear2d.vec:
            source = cast(Node, source.args[0])
        # A head that the recipe keeps in float gives what is rounded behind it.
        annotation = source.meta.setdefault(
            Q_ANNOTATION_KEY, QuantizationAnnotation(_annotated=True)
        )
        annotation.output_qspec = fixed_spec(scheme, scheme.map)
        return source

    def _annotate_moves(self, model: GraphModule, floating: set[Node], fixed: list[Node]) -> None:
        """Have operations that change no value keep the scale of what they are given.

        Those that are given a fixed scale join ``fixed``.
        """
        for node in model.graph.nodes:
            if node.target not in _MOVES or node in floating or Q_ANNOTATION_KEY in node.meta:
                continue
            source = node.args[0]
            if (given := source.meta.get(Q_ANNOTATION_KEY)) and given.output_qspec is not None:
                shared = SharedQuantizationSpec(source)
                self._annotate(node, [], shared)
                node.meta[Q_ANNOTATION_KEY].input_qspec_map[source] = shared
                if source in fixed:
                    fixed.append(node)

    def _annotate_weights(self, model: GraphModule, floating: set[Node]) -> None:
        for node in model.graph.nodes:
            if node.target in WEIGHTED and node not in floating:
                node.meta[Q_ANNOTATION_KEY] = QuantizationAnnotation(
                    input_qspec_map={node.args[1]: self.weight}, _annotated=True
                )

    def _annotate(self, node: Node, inputs: list[Node], output: Any) -> None:
        node.meta[Q_ANNOTATION_KEY] = QuantizationAnnotation(
            input_qspec_map=dict.fromkeys(inputs, self.activation),
            output_qspec=output,
            _annotated=True,
        )
