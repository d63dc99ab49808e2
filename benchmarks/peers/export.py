"""Exports a network whose code was fetched, in a process that :mod:`benchmarks.peers.fetch` starts.

``python -m benchmarks.peers.export FOLDER PACKAGE NETWORK WEIGHTS SIZE SUFFIX OUTPUT``. The hashes
of everything below FOLDER were checked by the caller; the weights are a state dict and are read as
nothing else.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

OPSET = 17


class FirstMap(nn.Module):
    """A network that gives its first output alone.

    Args:
        network: takes photos (1, 3, S, S), gives a tuple of maps (1, 1, S, S).
        last: whether channels come last, as LiteRT has them.
    """

    def __init__(self, network: nn.Module, *, last: bool) -> None:
        super().__init__()
        self.network = network
        self.last = last

    def forward(self, photo: Tensor) -> Tensor:
        """Compute the map of a photo."""
        if self.last:
            photo = photo.permute(0, 3, 1, 2)
        saliency_map: Tensor = self.network(photo)[0]
        return saliency_map.permute(0, 2, 3, 1) if self.last else saliency_map


def main(arguments: list[str]) -> None:
    """Write the file."""
    folder, package, name, weights, size, suffix, output = arguments
    sys.path.insert(0, folder)
    network: nn.Module = getattr(importlib.import_module(package), name)()
    state = torch.load(Path(folder) / weights, map_location="cpu", weights_only=True)
    network.load_state_dict(state)
    side, last = int(size), suffix == ".tflite"
    whole = FirstMap(network, last=last).eval()
    photo = torch.zeros(1, side, side, 3) if last else torch.zeros(1, 3, side, side)
    if last:
        import litert_torch

        litert_torch.convert(whole, (photo,)).export(output)
        return
    warnings.filterwarnings("ignore")
    torch.onnx.export(
        whole,
        (photo,),
        output,
        input_names=["photo"],
        output_names=["map"],
        opset_version=OPSET,
        dynamo=False,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
