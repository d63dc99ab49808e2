"""What an artifact has to pass before it gets its name: a list of checks, each with figures."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

from common.errors import CheckFailedError, InputError
from common.images.photos import Bytes, resize_photo
from convert.checks.context import Check, Context, Figures
from convert.checks.maps import INTEGER_LIMIT, ISLAND_LIMIT, Parity, compare
from convert.checks.scales import Scales, compare_scales
from convert.contract.source import Source, open_source
from edge_apps.runtime import Segmenter

if TYPE_CHECKING:
    from samnet.evaluation.predictor import Predictor

INTEGERS = "the program in XNNPACK's integers"
"""Names that reference in figures."""

FORGIVEN = 1e-9
"""Share of the multiply-adds that rounding may hide."""


def run_checks(context: Context) -> dict[str, Figures]:
    """Run every check that applies to an artifact; the format's own come before the maps.

    Returns:
        The figures of those that leave some, by name.

    Raises:
        CheckFailedError: if one is missed; it says which and why and, where that can be found, the
            worst photo and the first module that departs.
    """
    # First what says what is wrong, since whole maps only show that something is.
    first: tuple[Check, ...] = (Delegated(), ProgramScales(), ProgramIntegers())
    last: tuple[Check, ...] = (Maps(), LostAccuracy())
    for check in (*first, *context.kind.checks, *last):
        try:
            figures = check.run(context)
        except CheckFailedError as error:
            raise CheckFailedError(f"check of {check.name}: {error}") from error
        if figures is not None:
            context.found[check.name] = figures
    return context.found


class Delegated:
    """Enough of the work is on the runtime's fast path."""

    name = "delegation"

    def run(self, context: Context) -> None:
        """Say what is outside and why, if it is too much."""
        took, required = context.content.delegation, context.require_delegated
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
                f"{took.delegate} takes {took.share:.2%} of the multiply-adds, "
                f"--require-delegated asks for {required:.2%}; outside: {outside}; nothing was "
                "written"
            )


class ProgramScales:
    """A program's scales stand in the artifact, bit by bit."""

    name = "scales"

    def run(self, context: Context) -> Scales | None:
        """Compare the graphs of both."""
        from convert.graphs.program import program_graph

        if context.program is None:
            return None
        graph = program_graph(context.program.module)
        scales = compare_scales(graph, context.kind.graph(context.file))
        if not context.allow_scales:
            scales.check()
        return scales


@dataclasses.dataclass(frozen=True)
class Integers:
    """How an artifact's maps compare with those of its program in the runtime's own integers.

    Args:
        parity: comparison of the maps.
        in_float: kinds of operations that were met in float, where codes may tip over.
    """

    parity: Parity
    in_float: list[str]

    def figures(self) -> dict[str, Any]:
        """Return plain values for a manifest."""
        return {**self.parity.figures(), "in_float": self.in_float}


class ProgramIntegers:
    """An int8 artifact gives the maps of its program in the runtime's own integers."""

    name = "integers"

    def run(self, context: Context) -> Integers | None:
        """Execute the program in integers on every photo."""
        from convert.checks.xnnpack_integers import IntegerProgram

        program, kind = context.program, context.kind
        if program is None or context.form.precision != "int8":
            return None
        reference = IntegerProgram(program, kind.resize, kind.sums)
        with context.located():
            run = context.backend.run
            parity = compare(run, reference.run, INTEGERS, context.photos, program.coding)
            if not context.allow_scales:
                # Of onnxruntime's integers only the sums are modeled, the rest is XNNPACK's.
                loose = reference.in_float or kind.sums == "float"
                (ISLAND_LIMIT if loose else INTEGER_LIMIT).check(parity)
        return Integers(parity, reference.in_float)


class Maps:
    """The artifact gives the maps of its source in torch."""

    name = "maps"

    def run(self, context: Context) -> Parity:
        """Judge the maps, unless they are right in integers.

        What does the same in integers is right, however far an ill-conditioned network's maps
        depart from those of its program in float.
        """
        integers = context.found.get(ProgramIntegers.name)
        if not isinstance(integers, Integers) or not INTEGER_LIMIT.holds(integers.parity):
            with context.located():
                context.kind.limits[context.form.precision].check(context.parity)
        return context.parity


class LostAccuracy:
    """The artifact is about as accurate as its source, or as the checkpoint behind that."""

    name = "accuracy"

    def run(self, context: Context) -> Figures | None:
        """Measure max F and MAE of both on photos with masks."""
        trial, source = context.trial, context.source
        if trial is None:
            return None
        from convert.checks.accuracy import LOSSES, measure

        origin, name = source, source.reference_name
        if trial.origin is not None:
            origin = open_source(trial.origin, source.size, source.stride)
            name = "the checkpoint in torch"
            if origin.checkpoint_sha256 != source.checkpoint_sha256:
                raise InputError(
                    f"{trial.origin}: hash is {origin.checkpoint_sha256[:12]}…, {source.path} was "
                    f"made from {source.checkpoint_sha256[:12]}…; give that checkpoint as --origin"
                )
        segmenter = Segmenter(context.backend, coding=source.coding)
        plain = functools.partial(segmenter, refine=False)
        found = measure(plain, whole_photos(origin), name, trial.data)
        found.check(LOSSES[context.form.precision])
        return found


def whole_photos(source: Source) -> Predictor:
    """Make a predictor of a source's reference, (H, W, 3) uint8 to (H, W) uint8."""

    def predict(photo: Bytes) -> Bytes:
        small = resize_photo(photo, (source.size, source.size))
        return source.coding.enlarge(source.reference(small), source.size, photo.shape[:2])

    return predict
