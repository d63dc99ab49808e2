"""Finds photos with extreme activations, to keep them from calibrators that know only extremes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from quantize.observers import SHARE

SILENT = 1e-6
"""Outputs below this are no reach to compare with."""


def without_outliers(network: nn.Module, photos: Sequence[Tensor]) -> list[int]:
    """Return the indices of all photos but the oddest tenth, in order.

    What :class:`quantize.observers.PercentileObserver` does for each tensor is done here for whole
    photos: a photo is as odd as its largest output of any module is against what that module's
    outputs reach on nine photos in ten. The same few photos are odd to most modules.

    Args:
        network: network in evaluation mode.
        photos: its inputs, each (1, 3, S, S).
    """
    peaks: dict[nn.Module, list[float]] = {}

    def note(module: nn.Module, _: object, output: object) -> None:
        if isinstance(output, Tensor):
            peaks.setdefault(module, []).append(float(output.abs().max()))

    leaves = [module for module in network.modules() if not any(True for _ in module.children())]
    hooks = [module.register_forward_hook(note) for module in leaves]
    try:
        with torch.no_grad():
            for photo in photos:
                network(photo)
    finally:
        for hook in hooks:
            hook.remove()
    # A module may run several times a photo.
    reached = torch.stack(
        [torch.tensor(p).reshape(len(photos), -1).amax(1) for p in peaks.values()]
    )
    usual = reached.quantile(SHARE, 1, keepdim=True).clamp(min=SILENT)
    oddness = (reached / usual).amax(0)
    kept = max(1, int(SHARE * len(photos)))
    return sorted(int(i) for i in oddness.argsort()[:kept])
