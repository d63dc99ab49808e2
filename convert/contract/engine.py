"""Interface of a conversion engine: what it is given and what it returns."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from convert.checks.maps import Limit
from convert.contract.forms import CONVERTERS, Form
from convert.contract.source import Source
from convert.graphs.operation import Operand
from convert.tflite.interface import Tensors
from edge_apps.backends.float_io import Floats
from edge_apps.manifest import Delegation, Interface, MapInterface, Precision
from edge_apps.runtime import Backend

if TYPE_CHECKING:
    from convert.checks.context import Check
    from convert.checks.xnnpack_integers import Resize, Sums


@dataclasses.dataclass(frozen=True)
class Content:
    """What an engine makes of a source.

    Args:
        file: the artifact's bytes.
        input: its input tensor.
        output: its output tensor.
        delegation: what the runtime's fast path executes of it.
    """

    file: bytes
    input: Interface
    output: MapInterface
    delegation: Delegation


class Open(Protocol):
    """Opens a file with a number of threads."""

    def __call__(self, path: Path, threads: int, floats: Floats | None = None) -> Backend:
        """Open an artifact; ``floats`` says how its tensors are normalized if they are float."""


def _as_it_is(source: Source) -> Source:
    return source


@dataclasses.dataclass(frozen=True)
class Format:
    """One kind of artifact; its forms stand in :data:`convert.contract.forms.FORMS`.

    Args:
        suffix: of its files.
        packages: by engine, those that take part; their versions stand in the manifest.
        limits: what the comparison of maps lets through, by precision.
        make: converts a source to a form, between bytes or floats.
        open: opens a file.
        graph: reads the operations of a file back.
        resize: in which arithmetic the runtime resizes int8 tensors.
        sums: in which it adds them.
        fit: changes a source into what the format can hold. What was changed counts as the
            source for all checks but that of the maps.
        checks: checks that the format has of its own.
    """

    suffix: str
    packages: Mapping[str, tuple[str, ...]]
    limits: Mapping[Precision, Limit]
    make: Callable[[Source, Form, Tensors], Content]
    open: Open
    graph: Callable[[bytes], Operand]
    resize: Resize
    sums: Sums = "integer"
    fit: Callable[[Source], Source] = _as_it_is
    checks: tuple[Check, ...] = ()


def format_of(suffix: str) -> Format:
    """Return the format of a suffix, with all that its engines need imported."""
    found: Format = CONVERTERS[suffix].module("command").FORMAT
    return found


def interfaces(
    source: Source, tensors: Tensors, saliency_map: tuple[int, ...]
) -> tuple[Interface, MapInterface]:
    """Describe the input and the output of an artifact, for its manifest.

    Args:
        source: what is converted.
        tensors: what goes in and comes out.
        saliency_map: shape of the output, with or without a last side of 1.
    """
    from samnet.networks.deployed import byte_scale

    scale, zero_point = byte_scale(source.preprocessing)
    kind = "float32" if tensors == "float" else "uint8"
    photo = Interface((1, source.size, source.size, 3), "NHWC", kind, scale, zero_point)
    coding = source.coding
    scheme = (coding.scale, coding.zero_point, coding.kind, coding.aligned)
    return photo, MapInterface(saliency_map, "NHWC"[: len(saliency_map)], kind, *scheme)
