"""The trunks of the baselines are the networks of the libraries that their layers come from."""

from __future__ import annotations

import pytest
import torch

import samnet
from samnet.networks.torchvision_import import torchvision


def mobilenet():
    from pytorchcv.models.mobilenet import mobilenet_w1

    *trunk, _pool = mobilenet_w1().features.children()
    return torch.nn.Sequential(*trunk)


def shufflenet():
    from pytorchcv.models.shufflenet import shufflenet_g3_w1

    *trunk, _pool = shufflenet_g3_w1().features.children()
    return torch.nn.Sequential(*trunk)


def shufflenetv2():
    net = torchvision.models.shufflenet_v2_x1_0()
    layers = (net.conv1, net.maxpool, net.stage2, net.stage3, net.stage4, net.conv5)
    return torch.nn.Sequential(*layers)


def resnet18():
    *trunk, _pool, _classes = torchvision.models.resnet18().children()
    return torch.nn.Sequential(*trunk)


THEIRS = {
    "mobilenet": mobilenet,
    "mobilenetv2": lambda: torchvision.models.mobilenet_v2().features,
    "shufflenet": shufflenet,
    "shufflenetv2": shufflenetv2,
    "bisenet_r18": resnet18,
}


@pytest.mark.parametrize("name", THEIRS)
def test_the_trunk_computes_what_the_librarys_network_does(name):
    if name in ("mobilenet", "shufflenet"):
        pytest.importorskip("pytorchcv", reason="needs samnet[baselines]")
    torch.manual_seed(0)
    theirs = THEIRS[name]().double()
    encoder = samnet.build_model(name).double().encoder
    ours = getattr(encoder, "context", encoder)
    expected = theirs.state_dict()
    # The stages are cut otherwise, so that only the order of the tensors is the same.
    names = list(ours.state_dict())
    ours.load_state_dict(dict(zip(names, expected.values(), strict=True)))
    x = torch.randn(2, 3, 64, 96, dtype=torch.float64)
    with torch.no_grad():
        for part in (ours, theirs):
            part.train()
        torch.testing.assert_close(ours(x)[-1], theirs(x), atol=1e-5, rtol=1e-5)
        for part in (ours, theirs):
            part.eval()
        torch.testing.assert_close(ours(x)[-1], theirs(x), atol=1e-5, rtol=1e-5)
