"""Batch normalisation folded into the convolution before it."""

from __future__ import annotations

import copy
from typing import TypeVar

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from samnet.layers import ConvBN

Module = TypeVar("Module", bound=nn.Module)


def fold_batch_norm(network: Module) -> Module:
    """A copy of a network in evaluation mode without any batch normalisation.

    The exporters and quantisers can fold it too, but searching a traced graph for the pattern
    costs them far more time than this.
    """
    folded = copy.deepcopy(network).eval()
    for part in folded.modules():
        if isinstance(part, ConvBN):
            part.conv = fuse_conv_bn_eval(part.conv, part.bn)
            del part.bn
    return folded.requires_grad_(False)
