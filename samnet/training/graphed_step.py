"""Replays the forward and backward pass of a training step as one CUDA graph.

A step of these networks is some thousands of small kernels. A GPU computes them faster than Python
launches them; recorded once, they are launched together
(https://docs.pytorch.org/docs/stable/notes/cuda.html#whole-network-capture).
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from samnet.training.network_with_losses import NetworkWithLosses

WARM_UP = 3
"""Passes before a recording, in which libraries choose and load their kernels."""


@dataclasses.dataclass(frozen=True)
class Recording:
    """A recorded step and the memory that it reads and writes."""

    graph: torch.cuda.CUDAGraph
    photos: Tensor
    truth: Tensor
    losses: dict[str, Tensor]


class GraphedStep:
    """Losses and gradients of batches without features to imitate, on one GPU.

    Args:
        network: computes the losses; its gradients stay in place from here on.
        optimizer: of the network's parameters; sets them to zero.
    """

    def __init__(self, network: NetworkWithLosses, optimizer: torch.optim.Optimizer) -> None:
        self.network, self.optimizer = network, optimizer
        trained = [p for p in network.model.parameters() if p.requires_grad]
        for parameter in trained:
            parameter.grad = torch.zeros_like(parameter)
        self.share = torch.zeros((), device=trained[0].device)
        # Recordings of several sizes replay one after the other, in the same memory.
        self.pool = torch.cuda.graph_pool_handle()
        self.recordings: dict[torch.Size, Recording] = {}

    def __call__(self, photos: Tensor, truth: Tensor, share: float) -> dict[str, Tensor]:
        """Compute the losses of a batch, and its gradients in place of those before.

        Args:
            photos: normalized, (N, 3, H, W) with the channels last.
            truth: (N, 1, H, W) in 0 to 1.
            share: share of all steps done, 0 to 1.
        """
        found = self.recordings.get(photos.shape) or self._record(photos, truth)
        found.photos.copy_(photos)
        found.truth.copy_(truth)
        self.share.fill_(share)
        self.optimizer.zero_grad(set_to_none=False)
        found.graph.replay()
        return found.losses

    def _record(self, photos: Tensor, truth: Tensor) -> Recording:
        photos, truth = photos.clone(), truth.clone()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                self._pass(photos, truth)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self.pool):
            losses = self._pass(photos, truth)
        recording = Recording(graph, photos, truth, losses)
        self.recordings[photos.shape] = recording
        return recording

    def _pass(self, photos: Tensor, truth: Tensor) -> dict[str, Tensor]:
        with torch.autocast("cuda", torch.bfloat16):
            losses = self.network(photos, truth, None, self.share)
        losses["loss"].backward()
        return {name: value.detach() for name, value in losses.items()}
