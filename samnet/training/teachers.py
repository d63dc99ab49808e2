"""Opens teachers, networks whose maps others learn from: ``--teacher FILE``.

A teacher is a checkpoint of this project, of any of its networks, or an ONNX network; see
:class:`samnet.training.onnx_teacher.MapTeacher` for what the latter has to be. The maps of both,
and the features of the former, are those of whole photos at the teacher's own size.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from common.errors import InputError
from common.files import sha256
from common.images.photos import Bytes
from samnet.checkpoints.checkpoint import load_checkpoint
from samnet.evaluation.predictor import CHECKPOINT
from samnet.training.augmentation import normalize
from samnet.training.onnx_teacher import MapTeacher

STRIDES = (4, 8, 16, 32)
"""Of the features that a student's are compared with."""


class Teacher(Protocol):
    """What training asks of a teacher."""

    path: Path
    size: int
    """Height and width of the photos that it sees, in pixels."""
    sha256: str
    channels: tuple[int, ...]
    """Of its features at the strides 4 to 32; empty where it has none to show."""
    batch: int
    """Photos that it looks at together."""

    def look(self, photos: Bytes, *, features: bool) -> list[np.ndarray]:
        """Yield maps (N, S, S) uint8 of photos (N, S, S, 3), then where asked for the features.

        Raises:
            InputError: if it gives anything but maps.
        """
        ...


def open_teacher(
    path: Path, threads: int | None = None, device: torch.device | None = None
) -> Teacher:
    """Open a teacher.

    Args:
        path: a checkpoint of this project, or an ONNX network.
        threads: CPU threads of the latter; None for all.
        device: where the former computes; None for the CPU.

    Raises:
        InputError: if the file is missing, unreadable, or no network that gives maps.
    """
    if path.suffix == CHECKPOINT:
        return CheckpointTeacher(path, device or torch.device("cpu"))
    return OnnxTeacher(path, threads)


class CheckpointTeacher:
    """A network of this project as a teacher."""

    def __init__(self, path: Path, device: torch.device) -> None:
        checkpoint = load_checkpoint(path)
        self.device, self.batch = device, 128 if device.type == "cuda" else 16
        self.path, self.sha256 = path, sha256(path)
        self.preprocessing = checkpoint.preprocessing
        self.size = checkpoint.preprocessing.size
        self.channels = tuple(checkpoint.model.config.channels[1:])
        self.model = checkpoint.model
        self.model.requires_grad_(False)
        self.model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.no_grad()
    def look(self, photos: Bytes, *, features: bool) -> list[np.ndarray]:
        """See :class:`Teacher`; features are (N, C, S / stride, S / stride) float16."""
        x = torch.from_numpy(photos).to(self.device).permute(0, 3, 1, 2).float() / 255
        x = normalize(x, self.preprocessing).contiguous(memory_format=torch.channels_last)
        stages = self.model.encoder(x)
        logits = self.model.decoded_heads[0](self.model.fuse(stages)[0])
        # As in training, logits are enlarged and not probabilities: edges stay sharper.
        maps = torch.sigmoid(self.model.enlarge(logits, (self.size, self.size)))[:, 0]
        if not torch.isfinite(maps).all():
            raise InputError(f"{self.path}: its maps are not finite; give another teacher")
        found = [(maps * 255).round().byte().cpu().numpy()]
        if features:
            found += [stage.half().cpu().numpy() for stage in stages[1:5]]
        return found


class OnnxTeacher:
    """A network of others as a teacher; it shows no features."""

    batch = 16

    def __init__(self, path: Path, threads: int | None = None) -> None:
        self.network = MapTeacher(path, threads)
        self.path, self.sha256 = path, sha256(path)
        self.size = self.network.size
        self.channels: tuple[int, ...] = ()

    def look(self, photos: Bytes, *, features: bool) -> list[np.ndarray]:
        """See :class:`Teacher`."""
        assert not features
        return [np.stack([self.network(photo) for photo in photos])]


def describe(teacher: Teacher) -> dict[str, Any]:
    """Describe a run's teacher for its record."""
    return {"file": teacher.path.name, "sha256": teacher.sha256, "size": teacher.size}


def feature_sides(size: int) -> list[int]:
    """Compute height and width of the maps at the strides 4 to 32 of photos (size, size)."""
    return [-(-size // stride) for stride in STRIDES]
