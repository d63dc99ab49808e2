"""Batch normalization folded into the convolution before it."""

from __future__ import annotations

import copy
import itertools
from typing import TypeVar

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from samnet.networks.layers import ConvBN

Module = TypeVar("Module", bound=nn.Module)


def fold_batch_norm(network: Module) -> Module:
    """Copy a network in evaluation mode without any batch normalization.

    Within a module a normalization belongs to the convolution that was registered just before it,
    as in all layers of this project, torchvision and pytorchcv. The exporters and quantizers can
    find out from a traced graph, but searching that for the pattern costs them far more time.

    Activations of the copy leave alone what they are given: one that overwrites it is another
    operation to the quantizer and the converters, which do not merge it with its convolution.
    """
    folded = copy.deepcopy(network).eval()
    for part in list(folded.modules()):
        for (first, conv), (second, norm) in itertools.pairwise(list(part.named_children())):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(part, first, fuse_conv_bn_eval(conv, norm))
                setattr(part, second, nn.Identity())
        if isinstance(part, ConvBN):
            del part.bn
        if isinstance(part, nn.ReLU | nn.ReLU6):
            part.inplace = False
    return folded.requires_grad_(False)
