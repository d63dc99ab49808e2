"""Scale check: the scales of a quantized program compared with those of its artifact.

Both graphs are walked together from the output back, operand by operand, so that every scale is
compared with the one at the same place, whatever order the file keeps its operations in.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from common.errors import CheckFailedError
from convert.graphs.kinds import BY_NAME
from convert.graphs.operation import Operand, Operation, Scheme

NAMED = 10
"""Differences that an error or a summary spells out."""

COMMUTATIVE = {kind.name for kind in BY_NAME.values() if kind.commutative}


@dataclasses.dataclass(frozen=True)
class Scales:
    """How an artifact's scales compare with the program's, bit by bit.

    Args:
        activations: operations whose result is quantized, the input among them.
        weights: convolutions and matrix products with quantized weights; each has one scale a
            channel, all of which must be equal.
        changed: one line for each of both that differs, with both values.
    """

    activations: int
    weights: int
    changed: tuple[str, ...]

    @property
    def share(self) -> float:
        """Of activations and weights that arrived unchanged, 0 to 1."""
        count = self.activations + self.weights
        return max(0.0, 1 - len(self.changed) / count) if count else 0.0

    def figures(self) -> dict[str, Any]:
        """Return plain values for a manifest."""
        return {**dataclasses.asdict(self), "changed": list(self.changed), "share": self.share}

    def check(self) -> None:
        """Raise CheckFailedError if anything changed."""
        if self.changed or not self.activations:
            more = len(self.changed) - NAMED
            raise CheckFailedError(
                f"{100 * self.share:.2f} % of {self.activations + self.weights} scales arrived "
                f"unchanged, expected all: {'; '.join(self.changed[:NAMED])}"
                f"{f'; and {more} more' if more > 0 else ''}; nothing was written, "
                "pass --allow-scales to write it all the same"
            )


def describe_scales(figures: dict[str, Any]) -> list[str]:
    """Describe a comparison: its figures in a line, and a line for each difference."""
    return [
        f"  {100 * figures['share']:.2f} % of the scales as in the program: "
        f"{figures['activations']} activations, {figures['weights']} weight tensors",
        *(f"    {line}" for line in figures["changed"]),
    ]


def compare_scales(program: Operand, artifact: Operand) -> Scales:
    """Compare an artifact's scales with those of the program it was made from.

    Args:
        program: the output of :func:`convert.graphs.program.program_graph`.
        artifact: the output of the artifact's graph, read from its file.
    """
    walk = _walk(program, artifact)
    quantized = {operation for operation, schemes in walk.schemes.items() if schemes}
    return Scales(
        activations=len(quantized),
        weights=sum(operation.weights is not None for operation in walk.schemes),
        changed=tuple(sorted(walk.changed.values())),
    )


def same_place(program: Operand, artifact: Operand) -> list[tuple[Operation, Operation]]:
    """List the pairs of operations that stand at the same place in both graphs.

    Args:
        program: as of :func:`compare_scales`.
        artifact: likewise.
    """
    return _walk(program, artifact).pairs


def _walk(program: Operand, artifact: Operand) -> _Walk:
    walk = _Walk()
    pending = [(program, artifact)]
    while pending:
        pending += walk.meet(*pending.pop())
    return walk


class _Walk:
    """What was met so far.

    ``schemes`` holds the program's operations, ``changed`` a line for each that differs, ``pairs``
    the operations of the same kind at the same place.
    """

    def __init__(self) -> None:
        self.schemes: dict[Operation, tuple[Scheme, ...]] = {}
        self.changed: dict[tuple[Operation, str], str] = {}
        self.pairs: list[tuple[Operation, Operation]] = []
        self._visited: set[tuple[Operation, Operation]] = set()

    def meet(self, ours: Operand, theirs: Operand) -> list[tuple[Operand, Operand]]:
        """Compare two operands and what made them; return the operands behind them."""
        first, second = ours.source, theirs.source
        self.schemes[first] = self.schemes.get(first) or ours.schemes
        if ours.schemes != theirs.schemes:
            line = f"{first.name} ({first.kind}): {_text(ours.schemes)} → {_text(theirs.schemes)}"
            self.changed[first, "activation"] = line
        if (first, second) in self._visited:
            return []
        self._visited.add((first, second))
        if first.kind != second.kind or len(first.operands) != len(second.operands):
            line = f"{first.name} ({first.kind}) became {second.name}"
            self.changed[first, "kind"] = line
            return []
        self.pairs.append((first, second))
        self._compare_weights(first, second)
        given = list(second.operands)
        if first.kind in COMMUTATIVE and _closeness(first, given[::-1]) > _closeness(first, given):
            given.reverse()
        return list(zip(first.operands, given, strict=True))

    def _compare_weights(self, first: Operation, second: Operation) -> None:
        ours, theirs = first.weights, second.weights
        if ours is None and theirs is None:
            return
        if ours is None or theirs is None or ours.shape != theirs.shape:
            counts = ["float" if w is None else f"{w.size} scales" for w in (ours, theirs)]
            line = f"{first.name} (weight): {counts[0]} → {counts[1]}"
            self.changed[first, "weight"] = line
        elif not np.array_equal(ours, theirs):
            wrong = np.flatnonzero(ours != theirs)
            worst = wrong[0]
            self.changed[first, "weight"] = (
                f"{first.name} (weight): {wrong.size} of {ours.size} channels, channel {worst} "
                f"{ours[worst]:.9g} → {theirs[worst]:.9g}"
            )


def _closeness(operation: Operation, operands: list[Operand]) -> int:
    pairs = zip(operation.operands, operands, strict=True)
    return sum((a.source.kind == b.source.kind) + 2 * (a.schemes == b.schemes) for a, b in pairs)


def _text(schemes: tuple[Scheme, ...]) -> str:
    return ", ".join(f"{scale:.9g} at {zero_point}" for scale, zero_point in schemes) or "float"
