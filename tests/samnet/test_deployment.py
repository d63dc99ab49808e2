"""What is deployed computes what was trained."""

from __future__ import annotations

import pytest
import torch

import samnet
from edge_apps.errors import InputError
from samnet.deployment import ByteInterface, DeployedNetwork


@pytest.mark.parametrize("attention", ["softmax", "stick_breaking", "none", "channel", "spatial"])
@pytest.mark.parametrize("size", [96, 160, 336])
def test_equals_the_trained_network(attention, size):
    torch.manual_seed(0)
    config = samnet.SAMNetConfig(attention=attention, width=0.25, modules=(1, 1, 1, 1, 1))
    model = samnet.SAMNet(config)
    model.train()(torch.randn(4, 3, 64, 64))  # batch statistics that are not the initial ones
    model.eval()
    x = torch.randn(1, 3, size, size)
    with torch.no_grad():
        assert torch.allclose(DeployedNetwork(model, size).eval()(x), model(x), atol=1e-5)


def test_bytes_in_bytes_out():
    torch.manual_seed(0)
    model = samnet.SAMNet(samnet.SAMNetConfig(width=0.25, modules=(1, 1, 1, 1, 1))).eval()
    preprocessing = samnet.Preprocessing(size=96)
    photo = torch.randint(0, 256, (1, 96, 96, 3), dtype=torch.uint8)
    x = (photo.permute(0, 3, 1, 2) / 255 - preprocessing.mean) / preprocessing.std
    with torch.no_grad():
        map = ByteInterface(DeployedNetwork(model, 96).eval(), preprocessing)(photo)
        expected = model(x)[:, 0] * 255
    assert map.dtype == torch.uint8
    assert map.shape == (1, 96, 96)
    assert (map.float() - expected).abs().max() <= 0.51


@pytest.mark.parametrize("size", [64, 100, 335])
def test_sizes_that_cannot_be_deployed(size):
    model = samnet.SAMNet(samnet.SAMNetConfig(width=0.25, modules=(1, 1, 1, 1, 1)))
    with pytest.raises(InputError, match="multiple of 32"):
        DeployedNetwork(model, size)
