"""Rewrites the padding of a finished ``.tflite`` flatbuffer into the forms that runtimes want.

litert-torch's layout pass knows no ``aten.pad``: a convolution behind one gets TRANSPOSE, PAD,
TRANSPOSE in front of it, three walks over a map that TFLite's padding ``SAME`` does without. The
flatbuffer is rewritten rather than the pass taught, so that no private part of it is touched.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.tflite.flatbuffer import code_names, read_flatbuffer, write_flatbuffer
from convert.tflite.interface import add_tensor

_REMOVED = ("PAD", "PADV2", "TRANSPOSE")
"""Operations that a rewrite may leave without a reader, and that go then."""


def fold_padding(content: bytes) -> bytes:
    """Fold padding into convolutions, and take it out of transpositions.

    * PAD between two TRANSPOSE that cancel becomes one PAD of the transposed map.
    * PAD with zeros in front of a convolution with padding ``VALID`` goes, where ``SAME`` reads
      the same zeros and gives as many rows and columns. In integers zero is the zero point, which
      input and output of a PAD share.

    What nothing reads any more is removed. Results do not change by a bit.

    Args:
        content: a flatbuffer whose sides are fixed.

    Returns:
        The rewritten flatbuffer, or ``content`` itself where there is nothing to rewrite.
    """
    model = read_flatbuffer(content)
    rewriting = _Rewriting(model)
    if not rewriting.untranspose() + rewriting.fold():
        return content
    rewriting.remove_unread()
    return write_flatbuffer(model)


def same_margin(side: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Count the rows of zeros that TFLite's padding ``SAME`` puts before and after a side."""
    made = -(-side // stride)
    total = max(0, (made - 1) * stride + (kernel - 1) * dilation + 1 - side)
    return total // 2, total - total // 2


class _Rewriting:
    """A flatbuffer's first subgraph, rewritten in place."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.graph = model.subgraphs[0]
        self.names = code_names(model)
        self.makers = {int(t): o for o in self.graph.operators for t in o.outputs}

    def untranspose(self) -> int:
        """Pad in the layout that both neighbors have; return how many PAD moved."""
        moved = 0
        for operator in self._operators("TRANSPOSE"):
            pad = self._maker(operator, "PAD", "PADV2")
            first = None if pad is None else self._maker(pad, "TRANSPOSE")
            if pad is None or first is None:
                continue
            before, after, margins = (
                self._constant(int(o.inputs[1])) for o in (first, operator, pad)
            )
            if before is None or after is None or margins is None:
                continue
            if not np.array_equal(before[after], np.arange(len(after))):
                continue
            name = self.graph.tensors[operator.outputs[0]].name + b"/margins"
            placed = self._add_constant(int(pad.inputs[1]), name, margins.reshape(-1, 2)[after])
            operator.opcodeIndex = pad.opcodeIndex
            operator.builtinOptions = pad.builtinOptions
            operator.builtinOptionsType = pad.builtinOptionsType
            operator.inputs = np.array([first.inputs[0], placed, *pad.inputs[2:]], np.int32)
            moved += 1
        return moved

    def fold(self) -> int:
        """Pad inside convolutions; return how many do so now."""
        from ai_edge_litert import schema_py_generated as schema

        folded = 0
        for operator in self._operators("CONV_2D", "DEPTHWISE_CONV_2D"):
            pad = self._maker(operator, "PAD")
            valid = operator.builtinOptions.padding == schema.Padding.VALID
            if pad is not None and valid and self._is_same(pad, operator):
                operator.builtinOptions.padding = schema.Padding.SAME
                operator.inputs[0] = pad.inputs[0]
                folded += 1
        return folded

    def remove_unread(self) -> None:
        """Remove what no output needs: operations of padding, tensors, buffers and codes."""
        graph, model = self.graph, self.model
        read, kept = {int(t) for t in graph.outputs}, []
        for operator in reversed(graph.operators):
            removable = self.names[operator.opcodeIndex] in _REMOVED
            if not removable or read.intersection(map(int, operator.outputs)):
                kept.append(operator)
                read.update(map(int, operator.inputs))
        graph.operators = kept[::-1]
        made = {int(t) for o in graph.operators for t in o.outputs}
        graph.tensors, tensors = _pick(graph.tensors, {*read, *made, *map(int, graph.inputs)})
        for holder in (graph, *graph.operators):
            for side in ("inputs", "outputs"):
                indices = [tensors.get(int(t), -1) for t in getattr(holder, side)]
                setattr(holder, side, np.array(indices, np.int32))
        for signature in model.signatureDefs or []:
            for entry in (*signature.inputs, *signature.outputs):
                entry.tensorIndex = tensors[entry.tensorIndex]

        operators = [o for g in model.subgraphs for o in g.operators]
        codes = {o.opcodeIndex for o in operators}
        model.operatorCodes, numbers = _pick(model.operatorCodes, codes)
        for operator in operators:
            operator.opcodeIndex = numbers[operator.opcodeIndex]
        holders = [t for g in model.subgraphs for t in g.tensors] + list(model.metadata or [])
        model.buffers, places = _pick(model.buffers, {0, *(h.buffer for h in holders)})
        for holder in holders:
            holder.buffer = places[holder.buffer]

    def _is_same(self, pad: Any, convolution: Any) -> bool:
        """Tell whether a PAD in front of a convolution gives what padding ``SAME`` would give."""
        margins = self._constant(int(pad.inputs[1]))
        tensors, options = self.graph.tensors, convolution.builtinOptions
        given, padded = tensors[pad.inputs[0]], tensors[pad.outputs[0]]
        if margins is None or margins.size != 8 or _scheme(given) != _scheme(padded):
            return False
        margins = margins.reshape(4, 2)
        weight, made = tensors[convolution.inputs[1]], tensors[convolution.outputs[0]]
        axes = (
            (1, options.strideH, options.dilationHFactor),
            (2, options.strideW, options.dilationWFactor),
        )
        return not margins[[0, 3]].any() and all(
            # Rows behind the last one that the convolution reads make no difference.
            margins[axis, 0] == same_margin(side, int(weight.shape[axis]), stride, dilation)[0]
            and int(made.shape[axis]) == -(-side // stride)
            for axis, stride, dilation in axes
            for side in (int(given.shape[axis]),)
        )

    def _operators(self, *names: str) -> list[Any]:
        return [o for o in self.graph.operators if self.names[o.opcodeIndex] in names]

    def _maker(self, operator: Any, *names: str) -> Any:
        """Find what makes an operation's first input, if it has one of the names."""
        maker = self.makers.get(int(operator.inputs[0]))
        return maker if maker is not None and self.names[maker.opcodeIndex] in names else None

    def _constant(self, tensor: int) -> NDArray[Any] | None:
        from ai_edge_litert import schema_py_generated as schema

        found = self.graph.tensors[tensor]
        data = self.model.buffers[found.buffer].data
        types = {schema.TensorType.INT32: np.int32, schema.TensorType.INT64: np.int64}
        if data is None or found.type not in types:
            return None
        return np.frombuffer(bytes(data), types[found.type])

    def _add_constant(self, like: int, name: bytes, values: NDArray[Any]) -> int:
        from ai_edge_litert import schema_py_generated as schema

        added = add_tensor(self.model, like, name, self.graph.tensors[like].type)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        self.graph.tensors[added].buffer = len(self.model.buffers) - 1
        return added


def _scheme(tensor: Any) -> tuple[list[float], list[int]] | None:
    found = tensor.quantization
    if found is None or found.scale is None:
        return None
    return found.scale.tolist(), found.zeroPoint.tolist()


def _pick(items: list[Any], used: Iterable[int]) -> tuple[list[Any], dict[int, int]]:
    """Pick the used items in their order, and their new places by their old ones."""
    kept = sorted({int(i) for i in used} - {-1})
    return [items[i] for i in kept], {old: new for new, old in enumerate(kept)}
