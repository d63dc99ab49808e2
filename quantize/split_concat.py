"""Convolutions of a concatenation as sums of convolutions of its parts.

A concatenation forces one scale on all that it joins, and litert-torch has none of int16: there a
graph is rewritten before it is annotated. In float both are the same network.
"""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import nn
from torch.fx import GraphModule, Node

_ops = torch.ops.aten


def sum_parts(model: GraphModule) -> None:
    """Rewrite, in place, every concatenation of channels that only plain convolutions read."""
    for node in list(model.graph.nodes):
        if node.target == _ops.cat.default and _channels(node) and all(map(_plain, node.users)):
            for convolution in list(node.users):
                _replace(model, convolution, node.args[0])
    model.graph.eliminate_dead_code()
    model.recompile()


def _channels(node: Node) -> bool:
    """Tell whether a concatenation is along the second side."""
    side: Any = node.args[1] if len(node.args) > 1 else 0
    return bool(side in (1, 1 - node.meta["val"].ndim))


def _plain(node: Node) -> bool:
    """Tell whether a node is a convolution without groups."""
    groups: Any = node.args[6] if len(node.args) > 6 else 1
    return bool(node.target == _ops.conv2d.default and groups == 1)


def _replace(model: GraphModule, convolution: Node, parts: Any) -> None:
    """Put the sum in the place of a convolution; its bias goes to the first part."""
    arguments: Any = convolution.args
    _, weight, *rest = arguments
    bias, how = (rest[0], rest[1:]) if rest else (None, [])
    widths = [part.meta["val"].shape[1] for part in parts]
    values = operator.attrgetter(weight.target)(model).split(widths, dim=1)
    shapes = weight.meta["val"].split(widths, dim=1)
    total: Node | None = None
    for i, part in enumerate(parts):
        name = f"{weight.name}_of_part_{i}"
        model.register_parameter(name, nn.Parameter(values[i].detach().clone(), False))
        with model.graph.inserting_before(convolution):
            taken = model.graph.get_attr(name)
            taken.meta = {**weight.meta, "val": shapes[i]}
            given = (part, taken, None if i else bias, *how)
            product = _call(model, _ops.conv2d.default, given, convolution)
            if total is not None:
                product = _call(model, _ops.add.Tensor, (total, product), convolution)
        total = product
    assert total is not None
    convolution.replace_all_uses_with(total)
    model.graph.erase_node(convolution)


def _call(model: GraphModule, target: Any, arguments: tuple[Any, ...], like: Node) -> Node:
    node = model.graph.call_function(target, arguments)
    # Of the same module and the same shape.
    node.meta = dict(like.meta)
    return node
