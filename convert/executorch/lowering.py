"""Lowers a network to an ExecuTorch program whose arithmetic XNNPACK executes."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from common.quiet_libraries import no_warnings
from convert.executorch.fast_lowering import shortcuts
from convert.graphs.multiply_adds import of_torch
from convert.tflite.interface import Tensors
from edge_apps.backends.pte import SCALE, ZERO_POINT
from edge_apps.manifest import Delegation
from edge_apps.maps.coding import LOGITS, Coding

REASONS = {
    "_to_copy": "converts bytes to floats, or back: XNNPACK takes and gives no unsigned bytes",
    "view_copy": "changes a shape without touching a value",
}
"""Why XNNPACK leaves an operation, by its name."""


class PhotoToMap(nn.Module):
    """Wraps a network: photo (1, S, S, 3) uint8 to map (1, M, M) uint8.

    Only the two conversions of bytes run outside XNNPACK. They stand at the very ends, where
    each is a single pass over one tensor; permuting bytes outside costs eight times as much.

    Args:
        network: maps a normalized photo (1, 3, S, S) to (1, 1, M, M).
        scale: step of a byte in the normalized photo.
        offset: normalized value of byte 0, negated.
        coding: of the map.
        codes: whether the network's values are those of bytes already, as a program's are.
    """

    scale: Tensor
    offset: Tensor
    steps: Tensor
    zero: Tensor

    def __init__(
        self, network: nn.Module, scale: float, offset: float, coding: Coding, *, codes: bool
    ) -> None:
        super().__init__()
        self.network = network
        # Tensors, since plain numbers would be converted to float32 at every inference.
        self.register_buffer("scale", torch.full((1, 1, 1, 1), scale))
        self.register_buffer("offset", torch.full((1, 1, 1, 1), offset))
        self.register_buffer("steps", torch.full((1, 1, 1, 1), 1 / coding.scale))
        # The fraction is cut off.
        zero = coding.zero_point + (0.0 if codes else 0.5)
        self.register_buffer("zero", torch.full((1, 1, 1, 1), zero))
        self.codes = codes

    def forward(self, photo: Tensor) -> Tensor:
        """Compute the map of one photo."""
        x = (photo.to(torch.float32) * self.scale - self.offset).permute(0, 3, 1, 2)
        saliency_map: Tensor = self.network(x) * self.steps + self.zero
        if not self.codes:
            saliency_map = saliency_map.clamp(0, 255)
        return saliency_map.reshape(1, saliency_map.shape[2], saliency_map.shape[3]).to(torch.uint8)


def lower(
    module: nn.Module, size: int, tensors: Tensors = "bytes", coding: Coding = LOGITS
) -> tuple[bytes, Delegation]:
    """Lower a module that maps (1, S, S, 3) to (1, M, M), both uint8 or both float32.

    Args:
        module: in evaluation mode.
        size: S.
        tensors: what it takes and gives.
        coding: of the map; the file has methods that give its scale and zero point.

    Returns:
        The content of a ``.pte``, and which of its operations XNNPACK executes.
    """
    with no_warnings(), shortcuts():
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import EdgeCompileConfig, to_edge_transform_and_lower

        kind = torch.uint8 if tensors == "bytes" else torch.float32
        photo = torch.zeros(1, size, size, 3, dtype=kind)
        with torch.no_grad():
            exported = torch.export.export(module, (photo,))
        edge = to_edge_transform_and_lower(
            exported,
            partitioner=[XnnpackPartitioner()],
            constant_methods={SCALE: coding.scale, ZERO_POINT: coding.zero_point},
            # The operators that carry a dimension order convert bytes four times as slowly, and
            # the verifier costs time without looking at what XNNPACK will refuse to load.
            compile_config=EdgeCompileConfig(_check_ir_validity=False, _skip_dim_order=True),
        )
        total = sum(of_torch(exported.graph).values())
        delegation = _delegation(edge.exported_program().graph_module, total)
        return bytes(edge.to_executorch().buffer), delegation


def fold_weights(program: torch.export.ExportedProgram) -> nn.Module:
    """Return a quantized program as a module whose weights are stored as int8.

    Each weight's own quantization step is executed now in place of in every lowering pass.
    """
    from torchao.quantization.pt2e.constant_fold import constant_fold

    def quantizes(node: torch.fx.Node) -> bool:
        return "quantized_decomposed.quantize_" in str(node.target)

    module: Any = program.module()
    constant_fold(module, quantizes)
    return cast(nn.Module, module)


def _delegation(graph: torch.fx.GraphModule, total: int) -> Delegation:
    from executorch.devtools.backend_debug import get_delegation_info

    info = get_delegation_info(graph)
    outside = {
        name.removeprefix("aten_").removesuffix("_default"): found.non_delegated
        for name, found in sorted(info.delegation_by_operator.items())
        if found.non_delegated and name != "getitem"
    }
    left = of_torch(graph.graph)
    shares = {name: left.get(name, 0) / max(1, total) for name in outside}
    return Delegation(
        delegate="XNNPACK",
        partitions=info.num_delegated_subgraphs,
        inside=info.num_delegated_nodes,
        outside=outside,
        reasons={name: REASONS.get(name, "XNNPACK's partitioner refused it") for name in outside},
        share=1 - sum(left.values()) / total if total else None,
        shares=shares,
    )
