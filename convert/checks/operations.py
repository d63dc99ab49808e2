"""Operation check of a quantized ``.tflite``: each operation compared with its program's.

Whole maps cannot tell a right artifact from a slightly wrong one: the network amplifies a single
code that falls between two. So every operation of the program is given what the artifact's own
operation was given, and must come to the same codes.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from common.errors import CheckFailedError
from common.images.photos import Bytes
from convert.checks.scales import same_place
from convert.graphs.program import program_graph
from convert.graphs.tflite import tflite_graph
from convert.tflite.intermediates import ExposedSteps
from quantize.calibration import normalize
from quantize.quantized_program import QuantizedProgram

Key = tuple[float, int, tuple[int, ...]]
"""Scale, zero point and shape; tensors of a program and its artifact meet by it, and where several
have the same by the place of their operation."""

Codes = dict[Key, dict[int, np.ndarray]]
"""Tensors of an artifact as stored, by key and number."""

TOLERANCE = 0.01
"""A code is right if it is one of those next to the value: nobody can say which of two codes is
right for a value between them, and products of equal scales often are."""

LARGEST, SHARE, FOUND = 0.65, 0.01, 0.9
"""Allowed: the distance of a code from its value, where 0.5 is exact rounding and bilinear resizing
with weights of 11 bits adds up to 255 / 2048; the share of an operation's codes that are not right;
and the least share of the program's tensors that could be compared."""


UNITS = {torch.int8: 1, torch.int16: 16}
"""Codes that distances are told in. LiteRT's kernels of int16 multiply by numbers of sixteen bits
and read sigmoids from a table, which puts right results up to 6 codes from their values; 16 of
them are a sixteenth of an int8 code."""


@dataclasses.dataclass(frozen=True)
class Steps:
    """How an artifact's operations compare with the program's.

    Args:
        tensors: quantized tensors of the program.
        found: how many of them the artifact has; it merges some changes of shape.
        lost: how many have a scale and zero point that no tensor of the artifact has.
        codes: compared in all.
        wrong: how many are not next to their value.
        largest: distance of a code from its value, in codes, of int16 in sixteens of them.
        worst: the program's node with the largest share of wrong codes.
        worst_share: that share.
    """

    tensors: int
    found: int
    lost: int
    codes: int
    wrong: int
    largest: float
    worst: str
    worst_share: float

    def figures(self) -> dict[str, Any]:
        """Return plain values for a manifest."""
        return dataclasses.asdict(self)

    def check(self, *, allow_lost: bool = False) -> None:
        """Raise CheckFailedError if an operation does not do what the program's does.

        Args:
            allow_lost: whether tensors may have other scales than the program's.
        """
        compared = self.found >= FOUND * self.tensors and (allow_lost or not self.lost)
        if self.largest > LARGEST or self.worst_share > SHARE or not compared:
            raise CheckFailedError(
                f"the artifact departs from its program: {self.lost} of {self.tensors} scales "
                f"lost, {self.found} tensors compared, codes up to {self.largest:.2f} from their "
                f"values, at {self.worst} "
                f"{100 * self.worst_share:.2f} % of them wrong; nothing was written"
            )


def compare_steps(
    content: bytes, program: QuantizedProgram, photos: Iterable[Bytes]
) -> list[Steps]:
    """Run the artifact on each photo, and the program, fed with the artifact's tensors.

    Args:
        content: the flatbuffer, with bytes as input and output.
        program: what it was made from.
        photos: each (S, S, 3) uint8.
    """
    artifact, places = ExposedSteps(content), _places(content, program)
    return [_compared(program, _codes(artifact, photo), places, photo) for photo in photos]


def _compared(
    program: QuantizedProgram, codes: Codes, places: dict[torch.fx.Node, set[int]], photo: Bytes
) -> Steps:
    replay = _Replay(program.module, codes, places)
    with torch.no_grad():
        replay.run(normalize(photo, program.info.preprocessing))
    shares = {name: float(_wrong(d).mean()) for name, d in replay.distances.items()}
    worst = max(shares, key=lambda name: shares[name], default="")
    return Steps(
        tensors=replay.tensors,
        found=len(replay.distances),
        lost=replay.lost,
        codes=sum(d.size for d in replay.distances.values()),
        wrong=sum(int(_wrong(d).sum()) for d in replay.distances.values()),
        largest=max((float(d.max()) for d in replay.distances.values()), default=0.0),
        worst=worst,
        worst_share=shares.get(worst, 0.0),
    )


def _wrong(distances: np.ndarray) -> np.ndarray:
    return distances > 0.5 + TOLERANCE


def _is_right(distances: np.ndarray) -> bool:
    return float(distances.max()) <= LARGEST and float(_wrong(distances).mean()) <= SHARE


def _codes(artifact: ExposedSteps, photo: Bytes) -> Codes:
    """Find the artifact's quantized tensors by scheme and number, maps as (N, C, H, W)."""
    found: Codes = defaultdict(dict)
    for tensor, codes, scheme in artifact.run(photo[None]):
        if codes.dtype in (np.int8, np.int16):
            found[(*scheme, codes.shape)][tensor] = codes
    return found


def _places(content: bytes, program: QuantizedProgram) -> dict[torch.fx.Node, set[int]]:
    """Find the artifact's tensors that hold the result of the same operation as a program's."""
    nodes = list(program.module.graph.nodes)
    found: dict[torch.fx.Node, set[int]] = defaultdict(set)
    for ours, theirs in same_place(program_graph(program.module), tflite_graph(content)):
        for position in ours.tensors:
            found[nodes[position]].update(theirs.tensors)
    return found


class _Replay(torch.fx.Interpreter):
    """Runs a program, replacing each quantized tensor by the artifact's once it is compared."""

    def __init__(
        self,
        module: torch.fx.GraphModule,
        codes: Codes,
        places: dict[torch.fx.Node, set[int]],
    ) -> None:
        super().__init__(module)
        self.codes, self.places = codes, places
        self.scales = {key[:2] for key in codes}
        self.tensors = self.lost = 0
        self.distances: dict[str, np.ndarray] = {}

    def run_node(self, node: torch.fx.Node) -> Any:
        result = super().run_node(node)
        if node.target != torch.ops.quantized_decomposed.quantize_per_tensor.default:
            return result
        self.tensors += 1
        x, scale, zero_point, low, high, kind = self.fetch_args_kwargs_from_env(node)[0]
        key = (float(np.float32(scale)), zero_point, tuple(result.shape))
        candidates = self.codes.get(key, {})
        place = self.places.get(node)
        # A change of shape that the artifact merged: what others hold at that scale is not its own.
        merged = place is not None and place.isdisjoint(candidates)
        if merged or not candidates:
            self.lost += key[:2] not in self.scales
            return result
        value = np.clip(x.numpy().astype(np.float64) / scale + zero_point, low, high)
        distances = {t: np.abs(value - codes) / UNITS[kind] for t, codes in candidates.items()}
        by_nearness = sorted(candidates, key=lambda t: float(distances[t].sum()))
        # Operands of a sum may be swapped, so that a wrong one at a place says nothing yet.
        here = (t for t in by_nearness if t in (place or ()) and _is_right(distances[t]))
        chosen = next(here, by_nearness[0])
        self.distances[node.name] = distances[chosen]
        return torch.from_numpy(candidates[chosen].copy())
