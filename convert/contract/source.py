"""Sources of a conversion: float checkpoints and quantized programs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.errors import InputError
from common.files import sha256
from common.images.photos import Bytes
from convert.checks.maps import Runner
from convert.contract.forms import FORMS, Form
from edge_apps.manifest import Precision, Quantization
from edge_apps.maps.coding import LOGITS, Coding

if TYPE_CHECKING:
    from quantize.quantized_program import QuantizedProgram
    from samnet.networks.base import NetworkConfig
    from samnet.networks.deployed import DeployedNetwork
    from samnet.networks.preprocessing import Preprocessing

SOURCES = (".safetensors", ".pt2")
"""Suffixes of checkpoints and of programs."""


@dataclasses.dataclass(frozen=True)
class Source:
    """Describes what is converted, for every format alike.

    Args:
        path: the checkpoint or the program.
        checkpoint_sha256: of the float checkpoint's file, also behind a program.
        config: the network's configuration, plain values.
        preprocessing: how photos become the network's input.
        size: S, height and width of the input in pixels.
        network: the float network, or the program.
        quantization: of a program; None for a float network.
        reference: runs it in torch, photo (S, S, 3) uint8 to coded map (M, M) uint8.
        stride: of the map.
        coding: of the map.
        calibration: photos at any size for engines that quantize by themselves.
        made: what engines made on the way and other forms of the same source start from, by name.
    """

    path: Path
    checkpoint_sha256: str
    config: dict[str, Any]
    preprocessing: Preprocessing
    size: int
    network: DeployedNetwork | QuantizedProgram
    quantization: Quantization | None
    reference: Runner
    stride: int = 4
    coding: Coding = LOGITS
    calibration: Sequence[Bytes] = ()
    made: dict[str, bytes] = dataclasses.field(default_factory=dict)

    @property
    def map_size(self) -> int:
        """M, height and width of the map in pixels."""
        return self.size // self.stride

    @property
    def is_program(self) -> bool:
        """Whether it was quantized before."""
        return self.quantization is not None

    @property
    def precision(self) -> Precision:
        """The arithmetic that it leads to unless another is asked for."""
        for form in FORMS:
            if self.quantization and form.start == "program" and self.follows(form):
                return form.precision
        return "fp32"

    def follows(self, form: Form) -> bool:
        """Tell whether its recipe, with or without modules kept in float, is that of a form."""
        return self.quantization is None or form.scheme == base_recipe(self.quantization.scheme)

    @property
    def reference_name(self) -> str:
        """Names the reference in figures."""
        return "the converted program in torch" if self.is_program else "the network in torch"


def base_recipe(name: str) -> str:
    """Strip a recipe's name of the modules that it keeps in float."""
    return name.partition("+")[0]


def kind_of_source(path: str | Path) -> str:
    """Return the suffix of a source.

    Raises:
        InputError: if it is none of :data:`SOURCES`.
    """
    suffix = Path(path).suffix
    if suffix not in SOURCES:
        raise InputError(
            f"{path}: suffix is {suffix!r}, expected a .safetensors checkpoint for float forms "
            "or a .pt2 program of samnet quantize ptq or qat for int8"
        )
    return suffix


def open_source(
    path: str | Path, size: int | None = None, output_stride: int | None = None
) -> Source:
    """Read a checkpoint or a program.

    Args:
        path: ``.safetensors`` or ``.pt2``.
        size: height and width in pixels; its own by default. A program has only its own.
        output_stride: of the map; that of a checkpoint's decoder by default.

    Raises:
        InputError: if it cannot be read, or does not run at that size or stride.
    """
    path = Path(path)
    if kind_of_source(path) == ".pt2":
        return _program(path, size, output_stride)
    return _checkpoint(path, size, output_stride)


def _checkpoint(path: Path, size: int | None, output_stride: int | None) -> Source:
    import torch

    from samnet.checkpoints.checkpoint import load_checkpoint
    from samnet.networks.deployed import (
        ByteInterface,
        DeployedNetwork,
        coding_of_network,
        deployed_size,
    )

    checkpoint = load_checkpoint(path)
    size = deployed_size(size, checkpoint.preprocessing)
    network = DeployedNetwork(checkpoint.model, size, output_stride).eval()
    whole = ByteInterface(network, checkpoint.preprocessing).eval()

    def reference(photo: Bytes) -> Bytes:
        with torch.no_grad():
            saliency_map: Bytes = whole(torch.from_numpy(photo)[None])[0].numpy()
            return saliency_map

    return Source(
        path=path,
        checkpoint_sha256=sha256(path),
        config=_plain(checkpoint.model.config),
        preprocessing=checkpoint.preprocessing,
        size=network.size,
        network=network,
        quantization=None,
        reference=reference,
        stride=network.stride,
        coding=coding_of_network(checkpoint.model.config),
    )


def _program(path: Path, size: int | None, output_stride: int | None) -> Source:
    from quantize.quantized_program import load_program

    program = load_program(path)
    info = program.info
    recipes = sorted({form.scheme for form in FORMS if form.start == "program"})
    if base_recipe(info.recipe) not in recipes:
        raise InputError(
            f"{path}: was quantized with {info.recipe}, which runs in torch only; expected "
            f"{' or '.join(recipes[::-1])}, quantize the checkpoint with that, or convert it with "
            "--precision dynamic"
        )
    if size not in (None, info.size):
        raise InputError(
            f"{path}: was quantized for {info.size} px, not {size}; quantize it at that size"
        )
    if output_stride not in (None, info.stride):
        raise InputError(
            f"{path}: was quantized for a map of stride {info.stride}, not {output_stride}; "
            f"quantize it with --output-stride {output_stride}"
        )
    return Source(
        path=path,
        checkpoint_sha256=info.source_sha256,
        config=_plain(info.config),
        preprocessing=info.preprocessing,
        size=info.size,
        network=program,
        quantization=Quantization(
            scheme=info.recipe,
            method="qat" if info.method == "qat" else "ptq",
            observer=info.observer,
            calibration_count=int(info.calibration["count"]),
            calibration_sha256=str(info.calibration["sha256"]),
        ),
        reference=program.run,
        stride=info.stride,
        coding=program.coding,
    )


def _plain(config: NetworkConfig) -> dict[str, Any]:
    """Return the configuration as a manifest that was read gives it, with lists for tuples."""
    values: dict[str, Any] = json.loads(json.dumps(config.to_dict()))
    return values
