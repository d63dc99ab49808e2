"""ICC profiles of color spaces that files name by numbers or in EXIF, without a profile of theirs.

In the order in which PNG's standard prefers them: a cICP chunk, a profile, an sRGB chunk, gAMA and
cHRM; of other formats EXIF's mark of Adobe RGB (1998), which many cameras write.
"""

from __future__ import annotations

import contextlib
import functools
import struct
from pathlib import Path

import numpy as np
from PIL import Image

from common.input_notice import notice

CICP = "cicp"
"""Key of ``Image.info``: the four numbers of a PNG file's cICP chunk (ITU-T H.273)."""

Chromaticities = tuple[float, ...]
"""x and y of white, red, green and blue."""

D65 = (0.3127, 0.3290)
SRGB = (*D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
ADOBE_RGB = (*D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
PRIMARIES = {
    1: SRGB,
    9: (*D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    12: (*D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
"""By their numbers in H.273: BT.709, BT.2020 and Display P3."""

SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
BT709_CURVE = (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)
CURVES = {1: BT709_CURVE, 4: (2.2,), 5: (2.8,), 8: (1.0,), 13: SRGB_CURVE, 14: BT709_CURVE}
"""Exponent, or all of ICC's parametric curve of type 3, by the numbers of H.273."""

HIGH_RANGE = {16: "PQ", 18: "HLG"}

USUAL_GAMMA = 1 / 2.2
"""What writers of sRGB put into gAMA, whose one exponent cannot say sRGB's curve."""

_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_D50 = np.array([0.9642, 1.0, 0.8249])


def declared_profile(image: Image.Image, path: str | Path) -> bytes | None:
    """Build the profile of what a picture says of its colors; None if it says nothing or sRGB.

    Args:
        image: image as :func:`common.images.decoding.open_picture` gives it.
        path: path for messages.
    """
    info = image.info
    if CICP in info:
        primaries, transfer = info[CICP][:2]
        if transfer in HIGH_RANGE:
            notice(
                f"{path}: of high dynamic range ({HIGH_RANGE[transfer]}), read as sRGB with dull "
                "colors; save it with 8 bits and sRGB"
            )
            return None
        if primaries in PRIMARIES and transfer in CURVES:
            return _profile(PRIMARIES[primaries], CURVES[transfer])
    if info.get("icc_profile"):
        profile: bytes = info["icc_profile"]
        return profile
    if "srgb" in info:
        return None
    gamma, points = info.get("gamma"), tuple(info.get("chromaticity") or SRGB)
    if gamma and not (points == SRGB and abs(gamma - USUAL_GAMMA) < 0.001):
        return _profile(points, (1 / gamma,))
    if points != SRGB:
        return _profile(points, SRGB_CURVE)
    return _profile(ADOBE_RGB, (563 / 256,)) if _is_adobe_rgb(image) else None


def cicp_of(content: bytes) -> tuple[int, ...] | None:
    """Read the numbers of a cICP chunk among the chunks that begin a PNG file."""
    at = 8
    while at + 8 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        kind = content[at + 4 : at + 8]
        if kind == b"cICP" and length == 4 and at + 12 <= len(content):
            return tuple(content[at + 8 : at + 12])
        if kind in (b"PLTE", b"IDAT"):  # before which it has to stand
            break
        at += 12 + length
    return None


def _is_adobe_rgb(image: Image.Image) -> bool:
    # Damaged EXIF data raise errors of any kind.
    with contextlib.suppress(Exception):
        exif = image.getexif()
        space = exif.get_ifd(0x8769).get(0xA001)
        return space == 2 or (space == 0xFFFF and exif.get_ifd(0xA005).get(1) == "R03")
    return False


@functools.lru_cache(maxsize=32)
def _profile(chromaticities: Chromaticities, curve: tuple[float, ...]) -> bytes | None:
    """Build a matrix profile; None of chromaticities that span no colors."""
    if len(chromaticities) != 8:
        return None
    x, y = np.array(chromaticities, float).reshape(4, 2).T
    if not (y > 0).all():
        return None
    white, *primaries = np.stack([x / y, np.ones(4), (1 - x - y) / y], 1)
    matrix = np.array(primaries).T
    if abs(np.linalg.det(matrix)) < 1e-6:
        return None
    matrix = matrix * np.linalg.solve(matrix, white)
    scale = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    matrix = np.linalg.inv(_BRADFORD) @ np.diag(scale) @ _BRADFORD @ matrix
    kind = 3 if len(curve) > 1 else 0
    tone = b"para" + bytes(4) + struct.pack(">HH", kind, 0) + _fixed(curve)
    tags = {b"wtpt": _xyz(_D50)}
    tags |= {name + b"XYZ": _xyz(matrix[:, i]) for i, name in enumerate((b"r", b"g", b"b"))}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), tone)
    table, body, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += data
    head = struct.pack(">I4sI", start + len(body), bytes(4), 0x04000000) + b"mntrRGB XYZ "
    head += bytes(12) + b"acsp" + bytes(28) + _fixed(_D50)
    return head.ljust(128, b"\0") + table + body


def _xyz(values: np.ndarray) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(values)


def _fixed(values: np.ndarray | tuple[float, ...]) -> bytes:
    return b"".join(struct.pack(">i", round(float(value) * 65536)) for value in values)
