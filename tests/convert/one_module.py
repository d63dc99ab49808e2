"""A network of one module and what is made of it, which takes seconds."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from edge_apps.maps.coding import LOGITS
from samnet import Preprocessing, SAMNetConfig
from samnet.data.synthetic import scene
from samnet.networks.attention import SAM
from samnet.networks.layers import ConvBN, resize
from samnet.networks.pyramid import PyramidPooling

if TYPE_CHECKING:
    from common.images.photos import Bytes
    from quantize.quantized_program import QuantizedProgram

SIZE = 48
RECORD = {"count": 8, "seed": 0, "sha256": "0" * 64}
SCENES = [(str(seed), scene(seed, SIZE)[0]) for seed in range(8)]


class OneModule(nn.Module):
    """A network of one SAM module, or none, which converts in seconds."""

    def __init__(self, attention: str) -> None:
        super().__init__()
        self.size = SIZE
        self.stem = ConvBN(3, 8, 3, stride=2)
        self.sam = SAM(8, (1, 2), attention, "shared") if attention else nn.Identity()  # type: ignore[arg-type]
        self.head = nn.Conv2d(8, 1, 1)
        with torch.no_grad():
            self.head.weight *= 4  # a map as sure as a trained network's

    def forward(self, x: Tensor) -> Tensor:
        return resize(self.head(self.sam(self.stem(x))), (SIZE, SIZE))


@functools.cache
def one_module(attention: str) -> OneModule:
    """With normalization statistics of photos: fresh ones would leave it ill-conditioned."""
    from quantize.calibration import normalize

    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        network = OneModule(attention)
        photos = torch.cat([normalize(photo, Preprocessing()) for _, photo in SCENES])
        for _ in range(30):
            network(photos)
    return network.eval()


class FaintPyramid(nn.Module):
    """Pools, with activations so small that all of them get the least scale there is."""

    size = 12

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvBN(3, 8, 3, stride=2)
        self.pyramid = PyramidPooling(8).fixed(self.size // 2)
        self.head = nn.Conv2d(8, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return resize(self.head(self.pyramid(self.stem(x))), (self.size, self.size))


@functools.cache
def faint_pyramid_int8() -> QuantizedProgram:
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        network = FaintPyramid().eval()
        network.stem.conv.weight *= 0.02
    return quantized([scene(seed, network.size)[0] for seed in range(8)], network)


@functools.cache
def one_module_int8(attention: str) -> QuantizedProgram:
    return quantized([photo for _, photo in SCENES], one_module(attention))


def quantized(photos: list[Bytes], network: nn.Module) -> QuantizedProgram:
    from torchao.quantization.pt2e.quantize_pt2e import prepare_pt2e

    from quantize.batch_norm_folding import fold_batch_norm
    from quantize.calibration import normalize
    from quantize.conversion import convert
    from quantize.quantized_program import ProgramInfo, QuantizedProgram
    from quantize.quantizer import NAME, RecipeQuantizer

    folded, size = fold_batch_norm(network), cast(int, network.size)
    with torch.no_grad():
        exported = torch.export.export(folded, (torch.zeros(1, 3, size, size),))
        prepared = prepare_pt2e(exported.module(), RecipeQuantizer("minmax"))
        for photo in photos:
            prepared(normalize(photo, Preprocessing()))
    info = ProgramInfo(
        SAMNetConfig(), Preprocessing(), size, "ptq", NAME, "minmax", RECORD, stride=1
    )
    return QuantizedProgram(convert(prepared, size), info)


@functools.cache
def one_module_tflite(attention: str, precision: str) -> bytes:
    from convert.tflite import litert

    if precision == "int8":
        return litert.convert_int8(one_module_int8(attention))
    return litert.convert_float(one_module(attention), Preprocessing())  # type: ignore[arg-type]


@functools.cache
def one_module_pte(attention: str) -> bytes:
    from convert.executorch.lowering import PhotoToMap, fold_weights, lower

    # A program of its own: its weights are replaced by their codes.
    weights = fold_weights(one_module_int8(attention).exported)
    return lower(PhotoToMap(weights, 1 / 64, 2.0, LOGITS, codes=True), SIZE)[0]
