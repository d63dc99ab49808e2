"""Recommends a precision for a processor, and the shipped file that goes with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path
from typing import Literal

from common.processor import DOT_PRODUCTS, VNNI
from edge_apps.formats import FORMATS
from edge_apps.shipped import DEFAULT, FOLDER, default_model

NETWORK = DEFAULT.partition("_")[0]
"""The network that is recommended everywhere; what depends on the processor is its precision."""


@dataclasses.dataclass(frozen=True)
class Core:
    """A kind of processor core.

    Args:
        name: as tables show it.
        features: instruction sets of which it has at least one, as the Linux kernel names them.
        precision: of the file to run on it.
        reason: why, as the end of a sentence.
    """

    name: str
    features: tuple[str, ...]
    precision: Literal["int8", "fp32"]
    reason: str


CORES = (
    Core(
        "x86 with VNNI",
        VNNI,
        "int8",
        "VNNI sums products of bytes in one instruction, and int8 takes half to three quarters of "
        "float32's time",
    ),
    Core(
        "x86 with AVX2, without VNNI",
        ("avx2",),
        "fp32",
        "without VNNI bytes are widened before they are multiplied: int8 takes as long as float32 "
        "(samnet-lite) or longer (samnet-edge), and gains size and memory alone",
    ),
    Core(
        "x86 without AVX2",
        ("sse4_2",),
        "int8",
        "which precision is faster without AVX2 is not known; int8 is the smaller file",
    ),
    Core(
        "arm with dot products",
        DOT_PRODUCTS,
        "int8",
        "dot products of bytes are one instruction, and int8 has less than half of float32's "
        "instructions (samnet-lite) to three quarters (samnet); times on a board are not known",
    ),
    Core(
        "arm without dot products",
        ("asimd",),
        "int8",
        "int8 has somewhat fewer instructions than float32; times on a board are not known",
    ),
)
"""From those that have most to those that have least: the first one that fits is meant.

What is said of times holds for the results that ``benchmarks.report.cores`` tabulates.
"""

UNKNOWN = Core(
    "another processor",
    (),
    "int8",
    "which precision is faster on a processor with none of the instruction sets that matter is "
    "not known; int8 is the smaller file",
)


def core(features: Collection[str]) -> Core:
    """Tell the kind of a core by its instruction sets, :data:`UNKNOWN` where none fits."""
    return next((it for it in CORES if set(it.features) & set(features)), UNKNOWN)


def recommended_files(precision: str, folder: Path = FOLDER) -> list[Path]:
    """List the shipped files of the recommended network in a precision, ``.tflite`` first."""
    found = (folder.glob(f"{NETWORK}_*_{precision}{suffix}") for suffix in FORMATS)
    return [path for paths in found for path in sorted(paths)]


def conversion(precision: str) -> str:
    """Write the command that makes the recommended network's ``.tflite`` in a float precision."""
    output = default_model().name.replace("int8", precision)
    return f"samnet convert tflite {NETWORK} --precision {precision} --output {output}"


def recommendation(features: Collection[str]) -> list[str]:
    """Recommend a file for a processor: a line with the precision and why, and one with the file.

    Args:
        features: its instruction sets, as the Linux kernel names them.

    Raises:
        InputError: if the installation has no file to recommend.
    """
    found = core(features)
    lines = [f"{found.precision}: {found.reason}"]
    files = recommended_files(found.precision)
    if not files:
        shipped = f"shipped, about as fast and much smaller: {default_model().name}"
        return [*lines, f"made by: {conversion(found.precision)}", shipped]
    first, *others = files
    also = "".join(f", {it.name} with {FORMATS[it.suffix].runtime}" for it in others)
    return [*lines, f"file: {first.name}{also}"]
