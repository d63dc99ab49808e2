"""Starting from the weights of a network that differs in its attention."""

from __future__ import annotations

from edge_apps.errors import InputError
from samnet.network import SAMNet


def adopt(model: SAMNet, source: SAMNet) -> None:
    """Copies weights from a network that may differ in its attention.

    Every tensor of the same name and shape is taken over. Branch logits that only ``model`` has
    start at zero.

    Raises:
        InputError: if the networks have other tensors than those of the attention in common.
    """
    ours, theirs = model.state_dict(), source.state_dict()
    for name, value in ours.items():
        if name in theirs and theirs[name].shape == value.shape:
            value.copy_(theirs[name])
        elif ".channel.expand." in name or ".spatial.maps." in name:
            value.zero_()
        else:
            raise InputError(
                f"the checkpoint to start from has no {name} of shape {tuple(value.shape)}; "
                "use one of the same width, stages and dilation rates"
            )
