"""The table of forms: format, precision and engine of every file this project can write.

A new format is a package with its converter, a backend in :mod:`edge_apps.formats`, and rows here.

It imports nothing that may be missing.
"""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path
from typing import Any, Literal

from common.errors import InputError
from edge_apps.formats import FORMATS
from edge_apps.manifest import Precision

Engine = Literal["litert", "onnx2tf", "executorch", "torch.onnx"]

Start = Literal["checkpoint", "program", "checkpoint and photos"]
"""What a form is made from: a float ``.safetensors``, a quantized ``.pt2``, or the former together
with photos to calibrate on."""


@dataclasses.dataclass(frozen=True)
class Form:
    """One way to convert a network.

    Args:
        suffix: of the file.
        precision: of its arithmetic.
        engine: what converts.
        start: what it is made from.
        scheme: how its numbers became integers, as programs and manifests name it; empty for a
            float network.
        arithmetic: what that means, for readers.
    """

    suffix: str
    precision: Precision
    engine: Engine
    start: Start
    scheme: str
    arithmetic: str

    @property
    def command(self) -> str:
        """What a user types to convert, as ``samnet convert tflite``."""
        return f"samnet {CONVERTERS[self.suffix].package.replace('.', ' ')}"

    @property
    def label(self) -> str:
        """Names it in tables, as ``LiteRT int8``."""
        return f"{FORMATS[self.suffix].runtime} {self.precision}"

    @property
    def ending(self) -> str:
        """How the files' names end, behind the network's name and its size in pixels."""
        preferred = self.engine == engines_of(self.suffix)[0]
        return f"{self.precision}{'' if preferred else f'-{self.engine}'}{self.suffix}"

    def path(self, folder: Path, name: str, size: int) -> Path:
        """Return the file that a network of a name becomes at a size in pixels."""
        return folder / f"{name}_{size}_{self.ending}"


@dataclasses.dataclass(frozen=True)
class Converter:
    """What writes a format of :data:`edge_apps.formats.FORMATS`.

    Args:
        package: its command, with the modules ``command`` (``FORMAT``, see
            :class:`convert.contract.engine.Format`), ``intermediates`` (what a file's operations
            give for a photo, maps as (1, C, H, W), or None) and ``reader`` (``read_contents``,
            what an inspection says of a file).
    """

    package: str

    def module(self, name: str) -> Any:
        """Import one of its modules."""
        return importlib.import_module(f"{self.package}.{name}")


CONVERTERS = {
    ".tflite": Converter("convert.tflite"),
    ".pte": Converter("convert.executorch"),
    ".onnx": Converter("convert.onnx"),
}
"""By suffix."""

_INT8 = "weights and activations int8"

FORMS = (
    Form(".tflite", "fp32", "litert", "checkpoint", "", "float32"),
    Form(".tflite", "fp16", "litert", "checkpoint", "", "weights float16, computed in float32"),
    Form(
        *(".tflite", "dynamic", "litert", "checkpoint", "dynamic_wi8_afp32"),
        "weights int8, activations int8 by a scale found at every inference; depthwise in float32",
    ),
    Form(".tflite", "int8", "litert", "program", "static_wi8_ai8", _INT8),
    Form(
        *(".tflite", "int16x8", "litert", "program", "static_wi8_ai16"),
        "weights int8, activations int16",
    ),
    Form(".tflite", "fp32", "onnx2tf", "checkpoint", "", "float32"),
    Form(
        *(".tflite", "int8", "onnx2tf", "checkpoint and photos", "tensorflow_int8"),
        f"{_INT8}, scales by TensorFlow",
    ),
    Form(".pte", "fp32", "executorch", "checkpoint", "", "float32"),
    Form(".pte", "int8", "executorch", "program", "static_wi8_ai8", _INT8),
    Form(".onnx", "fp32", "torch.onnx", "checkpoint", "", "float32"),
    Form(
        *(".onnx", "int8", "torch.onnx", "program", "static_wi8_ai8"),
        f"{_INT8}, as QDQ; weights of 7 bits except depthwise ones",
    ),
)


def forms_of(suffix: str) -> tuple[Form, ...]:
    """Return the forms of a format."""
    return tuple(form for form in FORMS if form.suffix == suffix)


def engines_of(suffix: str) -> tuple[Engine, ...]:
    """Return the engines of a format, the preferred one first."""
    return tuple(dict.fromkeys(form.engine for form in forms_of(suffix)))


def choose(
    suffix: str,
    source: str,
    precision: Precision | None = None,
    engine: Engine | None = None,
) -> Form:
    """Choose the form that a command line asks for.

    Args:
        suffix: of the file to write.
        source: suffix of what is converted, ``.safetensors`` or ``.pt2``.
        precision: as asked for; the first that the source leads to by default.
        engine: as asked for; the format's preferred one by default.

    Raises:
        InputError: if the source leads to no such form.
    """
    engine = engine or engines_of(suffix)[0]
    if engine not in engines_of(suffix):
        raise InputError(
            f"engine {engine} writes no {suffix}; expected {' or '.join(engines_of(suffix))}"
        )
    program = source == ".pt2"
    found = [
        form
        for form in forms_of(suffix)
        if form.engine == engine and (form.start == "program") == program
    ]
    if not found:
        raise InputError(
            f"engine {engine} reads checkpoints only; give the .safetensors, or convert the "
            f"program with --engine {engines_of(suffix)[0]}"
        )
    for form in found:
        if precision in (None, form.precision):
            return form
    leads = " or ".join(form.precision for form in found)
    raise InputError(
        f"a {source} leads to {leads}, not {precision}, in {suffix}; give a .safetensors "
        "checkpoint for float forms, a .pt2 of samnet quantize ptq or qat for int8"
    )


def table() -> str:
    """Format all forms as a table in Markdown."""
    head = ("command", "precision", "engine", "made from", "arithmetic")
    rows = [
        (f"`{f.command}`", f"`{f.precision}`", f"`{f.engine}`", _made_from(f), f.arithmetic)
        for f in FORMS
    ]
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _made_from(form: Form) -> str:
    if form.start == "program":
        return f"`.pt2`, recipe `{form.scheme}`"
    return f"`.safetensors`{' and photos' if form.start != 'checkpoint' else ''}"
