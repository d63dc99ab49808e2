"""The coding of an artifact's map: what its bytes stand for, and their decoding."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from common.images.photos import Bytes
from edge_apps.manifest import Manifest, MapKind


@dataclasses.dataclass(frozen=True)
class Coding:
    """Real value = (byte - zero_point) * scale.

    Args:
        kind: whether real values are logits, whose sigmoid is the probability that a pixel is
            salient, or that probability itself, which files of earlier versions give.
        scale: scale of a byte.
        zero_point: the byte of 0.
        aligned: whether the map's corners lie on those of the network's input, or its pixels'
            centers as resizing pictures has them.
    """

    kind: MapKind
    scale: float
    zero_point: int
    aligned: bool = False

    @property
    def limits(self) -> tuple[float, float]:
        """The least and the largest real value that a byte can stand for."""
        least, most = ((byte - self.zero_point) * self.scale for byte in (0, 255))
        return least, most

    def bytes(self, values: NDArray[Any]) -> Bytes:
        """Round real values to the nearest bytes, of their shape."""
        codes = np.rint(values / self.scale) + self.zero_point
        return np.clip(codes, 0, 255).astype(np.uint8)

    def probabilities(self, saliency_map: Bytes) -> Bytes:
        """Look up the map that bytes stand for, of their shape, 255 is salient."""
        if self.kind == "probability":
            # Of scale 1/255, or 1/256 in quantized files, which is as good.
            return saliency_map
        return np.asarray(_sigmoids(self.scale, self.zero_point)[saliency_map])

    def logits(self, saliency_map: Bytes) -> NDArray[np.float32]:
        """Look up the logits that bytes stand for, of their shape, within :data:`LOGITS`."""
        return np.asarray(_logits(self)[saliency_map])

    def describe(self, *, in_bytes: bool) -> str:
        """Describe a file's map to programs that read it by themselves."""
        if self.kind == "probability":
            return f"{'255' if in_bytes else '1'} is salient"
        ends = "corners" if self.aligned else "pixels' centers"
        value = f"(byte - {self.zero_point}) / {1 / self.scale:g}" if in_bytes else "value"
        return (
            f"logits: enlarge to the photo's size, bilinear, {ends} aligned; logit = {value}; "
            "probability = 1 / (1 + exp(-logit))"
        )

    def enlarge(self, saliency_map: Bytes, side: int, size: tuple[int, int]) -> Bytes:
        """Enlarge an artifact's map to the whole photo: logits are enlarged, then looked up.

        Args:
            saliency_map: (M, M) uint8, coded.
            side: S, height and width of the network's input.
            size: (height, width) of the photo.

        Returns:
            (height, width) uint8, 255 is salient.
        """
        return self.probabilities(self.placed(saliency_map, side, size))

    def placed(self, saliency_map: Bytes, side: int, size: tuple[int, int]) -> Bytes:
        """Enlarge the coded bytes without the lookup.

        Where corners are aligned, the map's outermost pixels lie on those of the network's input,
        so that the photo begins and ends within them.
        """
        height, width = size
        inner = len(saliency_map)
        edge = (1 - (inner - 1) / (side - 1)) / 2 if self.aligned and 1 < inner < side else 0.0
        box = (edge, edge, inner - edge, inner - edge)
        image = Image.fromarray(saliency_map)
        return np.array(image.resize((width, height), Image.Resampling.BILINEAR, box))


PROBABILITIES = Coding("probability", 1 / 255, 0)
"""What a file gives that says nothing else."""

LOGITS = Coding("logits", 1 / 16, 128)
"""What deployed networks give: logits from -8 to 7.94, whose sigmoids are 0.0003 to 0.9996."""


def coding_of(manifest: Manifest) -> Coding:
    """Tell what the bytes of an artifact's map stand for."""
    output = manifest.output
    return Coding(output.kind, output.scale, output.zero_point, output.aligned)


def coding_by(scale: float, zero_point: int) -> Coding:
    """Do the same by a scale and zero point that stand in the artifact itself."""
    logits = (LOGITS.scale, LOGITS.zero_point)
    return LOGITS if (scale, zero_point) == logits else PROBABILITIES


@functools.lru_cache(maxsize=8)
def _logits(coding: Coding) -> NDArray[np.float32]:
    """Compute the logit of every byte, (256,)."""
    values = (np.arange(256) - coding.zero_point) * coding.scale
    if coding.kind == "probability":
        share = np.clip(values, 1 / 512, 1 - 1 / 512)
        values = np.log(share / (1 - share))
    return np.clip(values, *LOGITS.limits).astype(np.float32)


@functools.lru_cache(maxsize=8)
def _sigmoids(scale: float, zero_point: int) -> Bytes:
    """Compute the sigmoid of every byte in steps of 1/255, (256,) uint8."""
    logits = (np.arange(256) - zero_point) * scale
    sigmoids: Bytes = np.rint(255 / (1 + np.exp(-logits))).astype(np.uint8)
    return sigmoids
