"""The outcome of each photo on a device, and the result file."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from common.files import sha256
from common.map_difference import Agreement
from edge_apps.android.discovery import Description

EMULATED = "the device's processor is emulated: its latencies mean nothing and are left out"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One photo.

    Args:
        photo: its file's name.
        latency_ms: latency in ms of the network alone; None where it would mean nothing.
        agreement: agreement of the device's map with the desktop's of the same artifact.
    """

    photo: str
    latency_ms: float | None
    agreement: Agreement


def summary(outcomes: Sequence[Outcome]) -> str:
    """Write one line about all photos."""
    if not outcomes:
        return "no photo"
    worst = max(outcomes, key=lambda outcome: outcome.agreement.max)
    mean = float(np.mean([outcome.agreement.mean for outcome in outcomes]))
    latencies = [outcome.latency_ms for outcome in outcomes if outcome.latency_ms is not None]
    latency = f"median {np.median(latencies):.1f} ms" if latencies else EMULATED
    return (
        f"{len(outcomes)} photos: at most {worst.agreement.max} of 255 from the desktop "
        f"({worst.photo}), {mean:.3f} on average; {latency}"
    )


def protocol(model: Path, serial: str, about: Description, more: dict[str, Any]) -> dict[str, Any]:
    """Describe the circumstances of a measurement, as plain JSON values."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "model": {"name": model.name, "sha256": sha256(model)},
        "device": {"serial": serial, **dataclasses.asdict(about)},
        "adbutils": metadata.version("adbutils"),
        **more,
    }
