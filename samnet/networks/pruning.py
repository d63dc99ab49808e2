"""Removes channels that never vary, which changes no map.

Where ImageNet's classes taught a ReLU6 to stay at 0 or at 6, and fine-tuning left it there, a
channel says nothing of a photo: no gradient reaches it either. Half of the channels inside the last
blocks of EfficientNet-Lite0 are of that kind after training for saliency.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from samnet.networks.lite_trunk import InvertedResidual, SamePadConv
from samnet.networks.samnet_lite import SAMNetLite

TOLERANCE = 0.01
"""Largest range of a channel, of the 6 that a ReLU6 has, that counts as constant."""

MULTIPLE = 8
"""Channels are kept in multiples of this, in which the kernels of runtimes compute."""


@dataclasses.dataclass(frozen=True)
class ChannelRange:
    """What was seen of one block's channels, between its activation and its projection.

    Args:
        low: smallest values, (C,).
        high: largest values, (C,).
    """

    low: Tensor
    high: Tensor

    def joined(self, other: ChannelRange) -> ChannelRange:
        """Join what both saw."""
        return ChannelRange(
            torch.minimum(self.low, other.low), torch.maximum(self.high, other.high)
        )


@torch.no_grad()
def channel_ranges(model: SAMNetLite, photos: Iterable[Tensor]) -> list[ChannelRange]:
    """Observe the channels inside every block of the trunk.

    Args:
        model: the network, in evaluation mode.
        photos: normalized batches, (N, 3, S, S).

    Returns:
        One entry a block.
    """
    blocks = model.encoder.blocks
    seen: dict[int, ChannelRange] = {}

    def observe(number: int, values: Tensor) -> None:
        found = ChannelRange(values.amin((0, 2, 3)), values.amax((0, 2, 3)))
        seen[number] = seen[number].joined(found) if number in seen else found

    handles = [
        block.activation.register_forward_hook(lambda _, __, out, i=i: observe(i, out))
        for i, block in enumerate(blocks)
    ]
    try:
        for batch in photos:
            model.encoder(batch)
    finally:
        for handle in handles:
            handle.remove()
    return [seen[i] for i in range(len(blocks))]


def kept_channels(seen: ChannelRange, tolerance: float = TOLERANCE) -> Tensor:
    """Return indices of the channels that stay, ascending.

    Those that vary stay, and of the others those that vary most, up to the next ``MULTIPLE``.
    """
    spread = seen.high - seen.low
    varying = max(1, int((spread > tolerance).sum()))
    count = min(len(spread), -(-varying // MULTIPLE) * MULTIPLE)
    return spread.argsort(descending=True, stable=True)[:count].sort().values


@torch.no_grad()
def prune(
    model: SAMNetLite, ranges: list[ChannelRange], tolerance: float = TOLERANCE
) -> SAMNetLite:
    """Build a smaller network with the same maps: constant channels become part of the biases.

    Args:
        model: the network; stays as it is.
        ranges: by :func:`channel_ranges`.
        tolerance: a channel of at most this range counts as constant.
    """
    kept = [kept_channels(seen, tolerance) for seen in ranges]
    config = dataclasses.replace(model.config, inner=tuple(len(index) for index in kept))
    smaller = SAMNetLite(config).train(model.training)
    for name, part in model.named_children():
        if name != "encoder":
            getattr(smaller, name).load_state_dict(part.state_dict())
    pairs = zip(smaller.encoder.blocks, model.encoder.blocks, strict=True)
    for (ours, theirs), seen, index in zip(pairs, ranges, kept, strict=True):
        _copy_block(ours, theirs, seen, index)
    stem, theirs_stem = smaller.encoder.stem.conv, model.encoder.stem.conv
    _copy(stem, theirs_stem, outputs=kept[0])
    return smaller


def _copy_block(
    ours: InvertedResidual, theirs: InvertedResidual, seen: ChannelRange, index: Tensor
) -> None:
    if ours.expand is not None and theirs.expand is not None:
        _copy(ours.expand, theirs.expand, outputs=index)
    _copy(ours.depthwise, theirs.depthwise, outputs=index)
    _copy(ours.project, theirs.project, inputs=index)
    removed = torch.ones(len(seen.low), dtype=torch.bool)
    removed[index] = False
    constant = ((seen.low + seen.high) / 2)[removed]
    bias = ours.project.bias
    assert isinstance(bias, nn.Parameter)
    bias.add_(theirs.project.weight[:, removed, 0, 0] @ constant)


def _copy(
    ours: SamePadConv,
    theirs: SamePadConv,
    *,
    outputs: Tensor | None = None,
    inputs: Tensor | None = None,
) -> None:
    weight, bias = theirs.weight, theirs.bias
    assert bias is not None
    assert ours.bias is not None
    if outputs is not None:
        weight, bias = weight[outputs], bias[outputs]
    if inputs is not None:
        weight = weight[:, inputs]
    ours.weight.copy_(weight)
    ours.bias.copy_(bias)
