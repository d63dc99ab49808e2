"""Runs the same photos through the same networks on several backends."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import InputError, SamnetError
from common.images.photos import Bytes, resize_map, resize_photo
from common.map_accuracy import Accuracy, AccuracyMeter
from common.map_difference import Agreement
from edge_apps.compare.backends import Backend, Maps
from edge_apps.manifest import Manifest, manifest_path, verify
from edge_apps.maps.coding import Coding, coding_of
from edge_apps.runtime import load


@dataclasses.dataclass(frozen=True)
class Photo:
    """What is compared.

    Args:
        name: its file's name.
        photo: (H, W, 3) uint8.
        mask: (H, W) uint8; None where there is none.
    """

    name: str
    photo: Bytes
    mask: Bytes | None = None


@dataclasses.dataclass(frozen=True)
class Row:
    """One network on one backend.

    Args:
        model: its file's name.
        place: where it ran, or should have.
        why: why there are no figures; "" if there are.
        same_file: how far its maps are from those of the same file on this CPU.
        reference: how far they are from the first file's on this CPU.
        accuracy: against masks; None without.
        latency_ms: median over the photos; None where it would mean nothing.
    """

    model: str
    place: str
    why: str = ""
    same_file: Agreement | None = None
    reference: Agreement | None = None
    accuracy: Accuracy | None = None
    latency_ms: float | None = None


def compare(
    models: Sequence[Path],
    backends: Sequence[Backend],
    photos: Sequence[Photo],
    begin: Callable[[str], None] = lambda _: None,
) -> list[Row]:
    """Run every model on every backend.

    Maps are compared at the size at which their network takes photos, enlarged where they are
    smaller, and with the reference's at that one's; masks at the photo's own size.

    Args:
        models: artifacts; the first is the reference of the others.
        backends: the first is this CPU, with which the others are compared.
        photos: what to run.
        begin: is told what is being done.

    Raises:
        InputError: if the reference cannot run on this CPU.
    """
    rows: list[Row] = []
    reference: list[Bytes] | None = None
    for model in models:
        here: list[Bytes] | None = None
        size, coding = _described(model)
        frames = np.stack([resize_photo(it.photo, (size, size)) for it in photos])
        for backend in backends:
            begin(f"{model.name}, {backend.name}")
            try:
                if here is None and backend is not backends[0]:
                    raise InputError("the CPU's maps are missing, nothing to compare with")
                found = backend.run(model, frames)
            except SamnetError as error:
                if reference is None:
                    raise
                rows.append(Row(model.name, backend.name, why=str(error)))
                continue
            maps = [coding.enlarge(saliency_map, size, (size, size)) for saliency_map in found.maps]
            here = here or maps
            reference = reference or maps
            row = _row(model, backend, found, maps, here, reference)
            rows.append(dataclasses.replace(row, accuracy=_accuracy(found, size, coding, photos)))
    return rows


def protocol(models: Sequence[Path], photos: Sequence[Photo], threads: int) -> dict[str, Any]:
    """Describe the circumstances of a comparison, as plain JSON values."""
    return {
        "threads": threads,
        "reference": models[0].name,
        "photos": [photo.name for photo in photos],
        "masks": sum(photo.mask is not None for photo in photos),
        "latency": "median over the photos of one run each after three others; network alone",
    }


def strangers(models: Sequence[Path]) -> list[str]:
    """Name the models that come from another checkpoint than the first one."""
    known = [_manifest(model) for model in models]
    first = known[0]
    return [
        model.name
        for model, manifest in zip(models, known, strict=True)
        if first and manifest and manifest.source_sha256 != first.source_sha256
    ]


def _row(
    model: Path,
    backend: Backend,
    found: Maps,
    maps: list[Bytes],
    here: list[Bytes],
    reference: list[Bytes],
) -> Row:
    size = reference[0].shape
    return Row(
        model.name,
        backend.name,
        same_file=None if maps is here else Agreement.of_all(maps, here),
        reference=None
        if maps is reference
        else Agreement.of_all([resize_map(saliency_map, size) for saliency_map in maps], reference),
        latency_ms=None if found.taken is None else float(np.median(found.taken)),
    )


def _accuracy(found: Maps, size: int, coding: Coding, photos: Sequence[Photo]) -> Accuracy | None:
    """Score the maps of photos that have masks; None without any."""
    meter, masked = AccuracyMeter(), False
    for saliency_map, it in zip(found.maps, photos, strict=True):
        if it.mask is not None:
            masked = True
            meter.add(coding.enlarge(saliency_map, size, it.photo.shape[:2]), it.mask)
    return meter.accuracy() if masked else None


def _described(model: Path) -> tuple[int, Coding]:
    """Say at how many pixels a model runs, and what the bytes of its map stand for."""
    if manifest := _manifest(model):
        return manifest.size, coding_of(manifest)
    segmenter = load(model, threads=1)
    return segmenter.size, segmenter.coding


def _manifest(model: Path) -> Manifest | None:
    return verify(model) if manifest_path(model).exists() else None
