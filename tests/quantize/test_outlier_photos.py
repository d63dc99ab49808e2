"""Photos that a network answers with far larger values are not calibrated on."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from quantize.outlier_photos import without_outliers


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 1)).eval()


def photos(count):
    return list(torch.randn(count, 1, 3, 8, 8, generator=torch.Generator().manual_seed(1)))


def test_the_oddest_tenth_goes_and_the_others_keep_their_order(network):
    given = photos(20)
    given[3], given[11] = 30 * given[3], 5 * given[11]
    assert without_outliers(network, given) == [i for i in range(20) if i not in (3, 11)]
    assert not any(module._forward_hooks for module in network.modules())


def test_a_photo_that_is_odd_to_one_module_alone_goes(network):
    given = photos(10)
    with torch.no_grad():
        network[2].weight.zero_()
        # Opens for nothing but what the first photo has.
        network[0].bias[0] = -5.0
        network[2].weight[0, 0] = 1.0
    given[0] = given[0] + 20 * network[0].weight[0].sign().mean((1, 2)).reshape(1, 3, 1, 1)
    assert 0 not in without_outliers(network, given)


def test_one_photo_is_kept(network):
    assert without_outliers(network, photos(1)) == [0]
