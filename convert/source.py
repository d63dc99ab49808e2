"""What an artefact is made from: a float checkpoint or a quantised program."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from convert.parity import Runner
from edge_apps.errors import InputError
from edge_apps.files import sha256
from edge_apps.manifest import Quantisation
from edge_apps.photos import Bytes

if TYPE_CHECKING:
    from quantize.program import QuantizedProgram
    from samnet.deployment import DeployedNetwork
    from samnet.preprocessing import Preprocessing
    from samnet.saliency import NetworkConfig

RECIPE = "static_wi8_ai8"
"""The recipe whose programs become artefacts, with or without modules kept in float."""

Precision = Literal["fp32", "int8"]


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
        quantisation: None for a float network.
        reference: runs it in torch, photo (S, S, 3) uint8 to map (M, M) uint8.
    """

    path: Path
    checkpoint_sha256: str
    config: dict[str, Any]
    preprocessing: Preprocessing
    size: int
    network: DeployedNetwork | QuantizedProgram
    quantisation: Quantisation | None
    reference: Runner

    @property
    def map_size(self) -> int:
        """M, height and width of the map in pixels."""
        return self.size // int(self.config["map_stride"])

    @property
    def precision(self) -> Precision:
        """The arithmetic of the artefact."""
        return "int8" if self.quantisation else "fp32"

    @property
    def reference_name(self) -> str:
        """Names the reference in figures."""
        return "the converted program in torch" if self.quantisation else "the network in torch"


def precision_of(path: str | Path) -> Precision:
    """The arithmetic that a source leads to, by its suffix.

    Raises:
        InputError: for another suffix.
    """
    suffix = Path(path).suffix
    if suffix == ".safetensors":
        return "fp32"
    if suffix == ".pt2":
        return "int8"
    raise InputError(
        f"{path}: suffix is {suffix!r}, expected a .safetensors checkpoint for fp32 "
        "or a .pt2 program of quantize.ptq or quantize.qat for int8"
    )


def open_source(path: str | Path, size: int | None = None) -> Source:
    """Reads a checkpoint or a program.

    Args:
        path: ``.safetensors`` or ``.pt2``.
        size: height and width in pixels; its own by default. A program has only its own.

    Raises:
        InputError: if it cannot be read, or does not run at that size.
    """
    path = Path(path)
    return _checkpoint(path, size) if precision_of(path) == "fp32" else _program(path, size)


def _checkpoint(path: Path, size: int | None) -> Source:
    import torch

    from samnet.checkpoint import load_checkpoint
    from samnet.deployment import ByteInterface, DeployedNetwork

    checkpoint = load_checkpoint(path)
    network = DeployedNetwork(checkpoint.model, size or checkpoint.preprocessing.size).eval()
    whole = ByteInterface(network, checkpoint.preprocessing).eval()

    def reference(photo: Bytes) -> Bytes:
        with torch.no_grad():
            map: Bytes = whole(torch.from_numpy(photo)[None])[0].numpy()
            return map

    return Source(
        path=path,
        checkpoint_sha256=sha256(path),
        config=_plain(checkpoint.model.config),
        preprocessing=checkpoint.preprocessing,
        size=network.size,
        network=network,
        quantisation=None,
        reference=reference,
    )


def _program(path: Path, size: int | None) -> Source:
    from quantize.program import load_program

    program = load_program(path)
    info = program.info
    if info.recipe.partition("+")[0] != RECIPE:
        raise InputError(
            f"{path}: was quantised with {info.recipe}, which runs in torch only; expected "
            f"{RECIPE}, quantise the checkpoint with that"
        )
    if size not in (None, info.size):
        raise InputError(
            f"{path}: was quantised for {info.size} px, not {size}; quantise it at that size"
        )
    return Source(
        path=path,
        checkpoint_sha256=info.source_sha256,
        config=_plain(info.config),
        preprocessing=info.preprocessing,
        size=info.size,
        network=program,
        quantisation=Quantisation(
            scheme=info.recipe,
            method="qat" if info.method == "qat" else "ptq",
            observer=info.observer,
            calibration_count=int(info.calibration["count"]),
            calibration_sha256=str(info.calibration["sha256"]),
        ),
        reference=program.run,
    )


def _plain(config: NetworkConfig) -> dict[str, Any]:
    """The configuration as a manifest that was read gives it, with lists for tuples."""
    values: dict[str, Any] = json.loads(json.dumps(config.to_dict()))
    return values
