"""Runs all checks of an artifact and collects their figures."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from common.errors import CheckFailedError, InputError
from common.images.photos import Bytes
from convert.checks.maps import INTEGER_LIMIT, ISLAND_LIMIT, Parity, compare
from convert.checks.scales import compare_scales
from convert.contract.engine import Content, Format
from convert.contract.forms import Form
from convert.contract.source import Source
from edge_apps.backends.float_io import Floats
from edge_apps.runtime import Backend

if TYPE_CHECKING:
    from quantize.quantized_program import QuantizedProgram
    from samnet.networks.deployed import DeployedNetwork

INTEGERS = "the program in XNNPACK's integers"
"""Names that reference in figures."""

FORGIVEN = 1e-9
"""Share of the multiply-adds that rounding may hide."""


@dataclasses.dataclass(frozen=True)
class Figures:
    """What the gates measured.

    Args:
        parity: maps against those of the origin in torch.
        integers: maps against the program in the runtime's own integers; None for other forms.
        others: of every further gate, by its name in the manifest.
    """

    parity: Parity
    integers: Parity | None
    others: dict[str, dict[str, Any]]


def check(
    kind: Format,
    form: Form,
    source: Source,
    artifact: Path,
    backend: Backend,
    floats: Floats | None,
    photos: Sequence[tuple[str, Bytes]],
    *,
    allow_scales: bool,
) -> Figures:
    """Compare an artifact with its origin.

    Args:
        kind: the format.
        form: what was made.
        source: of what.
        artifact: the file as it was written.
        backend: the same, opened.
        floats: what bytes mean to it.
        photos: names and photos (S, S, 3) uint8.
        allow_scales: whether scales may differ from the program's.

    Raises:
        CheckFailedError: if a gate is missed; where that can be found, with the worst photo and the
            first module that departs.
    """
    reference, name = source.reference, source.reference_name
    parity = compare(backend.run, reference, name, photos, source.coding)
    others: dict[str, dict[str, Any]] = {}
    integers = None
    worst = dict(photos)[parity.worst]
    located = functools.partial(_located, kind, source, artifact, floats, worst)
    if source.is_program:
        program = cast("QuantizedProgram", source.network)
        # First, since they say what is wrong where whole maps only show that something is.
        others = _scales(kind, program, artifact, allow_scales)
        if form.precision == "int8":
            with located():
                found = _integers(kind, program, backend, photos, allow_scales)
            integers, others["integers"] = found
        others |= kind.gates(program, artifact.read_bytes(), allow_scales)
    # What does the same in integers is right, however far an ill-conditioned network's maps
    # depart from those of its program in float.
    if integers is None or not INTEGER_LIMIT.holds(integers):
        with located():
            kind.limits[form.precision].check(parity)
    return Figures(parity, integers, others)


def check_delegation(content: Content, required: float | None) -> None:
    """Make sure that enough of the work is on the fast path.

    Args:
        content: with its delegation.
        required: share of the multiply-adds, 0 to 1; None for any.

    Raises:
        CheckFailedError: if less is, with what is outside and why.
    """
    took = content.delegation
    if required is None:
        return
    if took.share is None:
        raise InputError(
            f"what share of the multiply-adds {took.delegate} takes is not known, so "
            "--require-delegated cannot be checked; leave it out"
        )
    if took.share < required - FORGIVEN:
        outside = "; ".join(
            f"{count} {name} with {took.shares.get(name, 0):.2%}, {took.reasons.get(name, '')}"
            for name, count in took.outside.items()
        )
        raise CheckFailedError(
            f"{took.delegate} takes {took.share:.2%} of the multiply-adds, --require-delegated "
            f"asks for {required:.2%}; outside: {outside}; nothing was written"
        )


def _scales(
    kind: Format, program: QuantizedProgram, artifact: Path, allow_scales: bool
) -> dict[str, dict[str, Any]]:
    from convert.graphs.program import program_graph

    # Read back from the file that is written: memory could hold scales that the file does not.
    scales = compare_scales(program_graph(program.module), kind.graph(artifact.read_bytes()))
    if not allow_scales:
        scales.check()
    return {"scales": scales.figures()}


def _integers(
    kind: Format,
    program: QuantizedProgram,
    backend: Backend,
    photos: Sequence[tuple[str, Bytes]],
    allow_scales: bool,
) -> tuple[Parity, dict[str, Any]]:
    from convert.checks.xnnpack_integers import IntegerProgram

    reference = IntegerProgram(program, kind.resize, kind.sums)
    integers = compare(backend.run, reference.run, INTEGERS, photos, program.coding)
    if not allow_scales:
        # Of onnxruntime's integers only the sums are modeled, the rest is XNNPACK's.
        loose = reference.in_float or kind.sums == "float"
        (ISLAND_LIMIT if loose else INTEGER_LIMIT).check(integers)
    return integers, {**integers.figures(), "in_float": reference.in_float}


@contextlib.contextmanager
def _located(
    kind: Format, source: Source, artifact: Path, floats: Floats | None, photo: Bytes
) -> Iterator[None]:
    """Add the first module that departs to what is raised inside, where it can be found."""
    try:
        yield
    except CheckFailedError as error:
        where = _mismatch(kind, source, artifact, floats, photo)
        raise CheckFailedError(f"{error}{where}") from error


def _mismatch(
    kind: Format, source: Source, artifact: Path, floats: Floats | None, photo: Bytes
) -> str:
    """Name the first module that departs, as an error's end; empty where it cannot be found."""
    from convert.checks.first_mismatch import first_mismatch, network_outputs, program_outputs

    found = kind.intermediates(artifact.read_bytes(), floats, photo)
    if found is None:
        return ""
    if source.is_program:
        expected = program_outputs(cast("QuantizedProgram", source.network), photo)
    else:
        network = cast("DeployedNetwork", source.network)
        expected = network_outputs(network, source.preprocessing, photo)
    where = first_mismatch(found, expected)
    return f"; first departs at {where}" if where else ""
