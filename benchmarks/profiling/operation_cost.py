"""Cost of an artifact's operations, read from the file: multiply-adds and bytes moved."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from convert.graphs.kinds import BY_NAME, KINDS, UNKNOWN, Names

MOVING = frozenset(kind.name for kind in KINDS if kind.role == "move")
"""Kinds that move or re-encode values; converters and runtimes add, merge and drop them."""


def kind_of(names: Names, name: str, window: Sequence[int]) -> str:
    """Name the kind of a file's operation, products with a single weight apart.

    Args:
        names: kinds by the names of the format.
        name: name of the operation.
        window: height and width of its weight; empty for others.
    """
    kind = names[name].name if name in names else name.lower()
    return "pointwise" if kind == "convolution" and set(window) <= {1} else kind


@dataclasses.dataclass(frozen=True)
class OperationCost:
    """One operation of a file.

    Args:
        kind: as ``pointwise`` (1x1 convolutions and matrix products), ``depthwise``, ``add``.
        shape: of its result, in the file's own layout.
        multiply_adds: of its products with weights; 0 where it has none.
        bytes: read and written: weights, inputs and result once each.
        inputs: identify the tensors it takes.
        output: identifies the tensor it gives.
    """

    kind: str
    shape: tuple[int, ...]
    multiply_adds: int
    bytes: int
    inputs: tuple[int, ...]
    output: int

    @property
    def values(self) -> int:
        """How many numbers its result has."""
        return math.prod(self.shape)

    @property
    def operations(self) -> int:
        """Multiply-adds, or one operation for each value of a result made without products."""
        return self.multiply_adds or (0 if self.kind in MOVING else self.values)


def match_operations(names: Sequence[str], works: Sequence[OperationCost]) -> list[int | None]:
    """Find the file's operation behind each one that XNNPACK executed.

    XNNPACK keeps their order and leaves some out that move values. Each name is given the next
    operation of its kind, or of one that XNNPACK names alike, if nothing but such operations
    stands in between.

    Args:
        names: XNNPACK's, in the order of execution.
        works: the file's operations in their order.

    Returns:
        For each name the index of its operation; None where the order does not tell.
    """
    placed: list[int | None] = []
    at = 0
    for name in names:
        wanted = next((kind.timed for kind in KINDS for part in kind.timed if part in name), None)
        ahead = at
        while ahead < len(works) and _timed(works[ahead]) != wanted and works[ahead].kind in MOVING:
            ahead += 1
        if ahead < len(works) and _timed(works[ahead]) == wanted:
            placed.append(ahead)
            at = ahead + 1
        else:
            placed.append(None)
    return placed


def _timed(work: OperationCost) -> tuple[str, ...]:
    return BY_NAME.get(work.kind, UNKNOWN).timed
