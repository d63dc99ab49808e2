"""Manifests: written, read back, verified; damaged ones refused."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.errors import InputError
from edge_apps.manifest import (
    Manifest,
    Quantization,
    manifest_path,
    read_manifest,
    verify,
    write_manifest,
)

Describe = Callable[[Path], Manifest]


def test_read_gives_what_was_written(tflite: Path, describe: Describe) -> None:
    how = Quantization("static_wi8_ai8", "ptq", "minmax", 128, "1" * 64)
    manifest = dataclasses.replace(describe(tflite), quantization=how)
    write_manifest(tflite, manifest)
    assert manifest_path(tflite).name == "mean_32_int8.tflite.json"
    assert read_manifest(tflite) == manifest == verify(tflite)


def test_changed_artifact_is_refused(tflite: Path, describe: Describe) -> None:
    write_manifest(tflite, describe(tflite))
    tflite.write_bytes(tflite.read_bytes() + b"\0")
    with pytest.raises(InputError, match="hash"):
        verify(tflite)


def test_existing_manifest_is_kept(tflite: Path, describe: Describe) -> None:
    write_manifest(tflite, describe(tflite))
    with pytest.raises(InputError, match="--overwrite"):
        write_manifest(tflite, describe(tflite))


def test_missing_files_are_named(tmp_path: Path, tflite: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        verify(tmp_path / "absent.tflite")
    with pytest.raises(InputError, match="cannot be read"):
        verify(tflite)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"format": "other-9"}',
        '{"format": "samnet-artefact-1"}',
        "\x00\x01",
        " " * (2 << 20),
    ],
)
def test_anything_but_a_manifest_is_refused(tflite: Path, text: str) -> None:
    manifest_path(tflite).write_text(text)
    with pytest.raises(InputError):
        verify(tflite)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", "32"),
        ("size", True),
        ("precision", "int4"),
        ("input", [1]),
        ("output", {"shape": "x"}),
        ("versions", {"torch": 2}),
        ("delegation", None),
        ("surplus", 1),
    ],
)
def test_fields_of_another_kind_are_refused(
    tflite: Path, describe: Describe, field: str, value: Any
) -> None:
    write_manifest(tflite, describe(tflite))
    path = manifest_path(tflite)
    values = json.loads(path.read_text())
    path.write_text(json.dumps({**values, field: value}))
    with pytest.raises(InputError, match="damaged manifest"):
        read_manifest(tflite)
