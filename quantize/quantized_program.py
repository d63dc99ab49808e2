"""Quantized programs: the int8 network as torch executes it, in a ``.pt2`` file."""

from __future__ import annotations

import dataclasses
import json
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram

from common.errors import InputError
from common.files import replacing
from common.images.input_file import check_is_file
from common.images.photos import Bytes, resize_photo
from common.safe_json import parse_json
from edge_apps.manifest import MapKind
from edge_apps.maps.coding import LOGITS, Coding
from quantize import program_archive
from quantize.calibration import normalize
from quantize.conversion import check_scales
from quantize.recipes import INT8
from samnet.networks.base import NetworkConfig
from samnet.networks.preprocessing import Preprocessing
from samnet.networks.registry import read_config

FORMAT = "samnet-int8-1"
"""Names the layout of the file; a reader refuses any other."""

CODINGS: dict[MapKind, Coding] = {
    "logits": LOGITS,
    "probability": Coding("probability", INT8.sigmoid.scale, INT8.sigmoid.zero_point + 128),
}
"""What a byte of a program's map stands for: its int8 code and 128 more."""

CURE = "give the path of a .pt2 program of samnet quantize ptq or qat"

_RECORD = "samnet.json"


@dataclasses.dataclass(frozen=True)
class ProgramInfo:
    """Where a quantized program comes from.

    Args:
        config: the network.
        preprocessing: how photos become its input.
        size: S, height and width of the input in pixels.
        method: ``ptq`` or ``qat``.
        recipe: name of the recipe.
        observer: how activation ranges were found.
        calibration: ``count``, ``seed`` and ``sha256`` of the photos they were observed on.
        source_sha256: SHA-256 of the float checkpoint's file, empty for a network that has none.
        training: summary of quantization-aware training; empty for PTQ.
        stride: stride of the map.
        map: what the program gives; programs of earlier versions end with a sigmoid.
    """

    config: NetworkConfig
    preprocessing: Preprocessing
    size: int
    method: str
    recipe: str
    observer: str
    calibration: dict[str, Any]
    source_sha256: str = ""
    training: dict[str, Any] = dataclasses.field(default_factory=dict)
    stride: int = 4
    map: MapKind = "logits"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as stored in the file."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ProgramInfo:
        """Invert :meth:`to_dict`."""
        made: dict[str, Any] = {
            "config": read_config(values["config"]),
            "preprocessing": Preprocessing(**values["preprocessing"]),
        }
        if "map" not in values:
            made |= {"map": "probability", "stride": int(values["config"].get("map_stride", 1))}
        return cls(**{**values, **made})


@dataclasses.dataclass
class QuantizedProgram:
    """An int8 network with every quantization explicit in its graph.

    Calling it segments a photo (H, W, 3) uint8 of any size into a map (H, W) uint8.

    Args:
        exported: maps a normalized photo (1, 3, S, S) to logits (1, 1, M, M); weights are float
            and quantized in the graph, activations are quantized and dequantized around every op.
        info: where it comes from.
    """

    exported: ExportedProgram
    info: ProgramInfo

    @cached_property
    def module(self) -> torch.fx.GraphModule:
        """The program as a callable graph."""
        return self.exported.module()

    @property
    def coding(self) -> Coding:
        """What a byte of :meth:`run`'s map stands for."""
        coding = CODINGS[self.info.map]
        if self.info.map == "logits":
            return dataclasses.replace(coding, aligned=self.info.config.corners_aligned)
        return coding

    def run(self, photo: Bytes) -> Bytes:
        """Compute the coded map (M, M) uint8 of a photo (S, S, 3) uint8 of the program's size."""
        with torch.no_grad():
            saliency_map = self.module(normalize(photo, self.info.preprocessing))
        return map_bytes(saliency_map[0, 0], self.coding)

    def __call__(self, photo: Bytes) -> Bytes:
        """Predict the saliency map (H, W) uint8 of a photo (H, W, 3) uint8."""
        side = self.info.size
        raw = self.run(resize_photo(photo, (side, side)))
        height, width = photo.shape[:2]
        return self.coding.enlarge(raw, side, (height, width))


def map_bytes(saliency_map: Tensor, coding: Coding = LOGITS) -> Bytes:
    """Turn a map (M, M) into bytes: the codes of a program's quantized output, and 128."""
    return coding.bytes(saliency_map.numpy())


def save_program(path: str | Path, program: QuantizedProgram, *, overwrite: bool = False) -> None:
    """Write a program whole or not at all.

    Raises:
        InputError: if the name does not end in ``.pt2``, or the file exists or cannot be written.
    """
    if Path(path).suffix != ".pt2":
        raise InputError(f"{path}: a quantized program is a .pt2 file; name it so")
    record = json.dumps({"format": FORMAT, **program.info.to_dict()})
    with replacing(path, overwrite=overwrite) as temporary:
        program_archive.write(temporary, program.exported, {_RECORD: record})


def load_program(path: str | Path) -> QuantizedProgram:
    """Read a program.

    Raises:
        InputError: if the file is missing, damaged, holds what may run code, was not written by
            this project, or has a scale that is zero or not finite.
    """
    # Registers the quantized ops, without which no program can be read.
    import torchao.quantization.pt2e.quantize_pt2e  # noqa: F401

    check_is_file(path, CURE)
    try:
        exported, extra = program_archive.read(Path(path), [_RECORD])
        record = parse_json(extra[_RECORD] or "{}")
    except Exception as error:
        # The reader raises whatever its zip, JSON and tensor parsers do; none is documented.
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{path}: not a readable .pt2 program ({reason}); {CURE}") from error
    if record.pop("format", None) != FORMAT:
        raise InputError(
            f"{path}: was not written by samnet quantize ptq or qat of this version; "
            "quantize the checkpoint again"
        )
    try:
        program = QuantizedProgram(exported, ProgramInfo.from_dict(record))
    except (KeyError, TypeError, ValueError, InputError) as error:
        raise InputError(f"{path}: its record is damaged ({error})") from error
    try:
        check_scales(program.module)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return program
