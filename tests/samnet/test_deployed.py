"""What is deployed computes what was trained."""

from __future__ import annotations

import pytest
import torch

import samnet
from common.errors import InputError
from samnet.networks.deployed import ByteInterface, DeployedNetwork, deployed_size
from samnet.networks.layers import resize
from samnet.networks.preprocessing import Preprocessing


@pytest.mark.parametrize("attention", ["softmax", "stick_breaking", "none", "channel", "spatial"])
@pytest.mark.parametrize("size", [96, 160, 192, 256, 320, 336, 384])
def test_equals_the_trained_network(attention, size):
    torch.manual_seed(0)
    config = samnet.SAMNetConfig(attention=attention, width=0.25, modules=(1, 1, 1, 1, 1))
    model = samnet.SAMNet(config)
    model.train()(torch.randn(4, 3, 64, 64))  # batch statistics that are not the initial ones
    model.eval()
    x = torch.randn(1, 3, size, size)
    with torch.no_grad():
        logits = DeployedNetwork(model, size).eval()(x)
        assert torch.allclose(logits, model.logits(x), rtol=1e-4, atol=1e-4)
        probability = resize(torch.sigmoid(logits), (size, size))
        assert torch.allclose(probability, model(x), atol=1e-5)


@pytest.mark.parametrize("attention", ["softmax", "stick_breaking", "channel", "spatial"])
def test_exports_to_plain_operations(attention):
    config = samnet.SAMNetConfig(attention=attention, width=0.25, modules=(1, 1, 1, 1, 1))
    network = DeployedNetwork(samnet.SAMNet(config), 96).eval()
    # With gradients, as quantization-aware training exports it.
    exported = torch.export.export(network, network.example())
    called = [node.target for node in exported.graph.nodes if node.op == "call_function"]
    assert called
    assert {target.namespace for target in called} == {"aten"}
    assert not [target for target in called if "detach" in str(target)]


@pytest.mark.parametrize(("stride", "side"), [(None, 40), (4, 40), (2, 80), (1, 160)])
def test_leaves_the_enlarging_to_the_user_unless_asked(stride, side):
    torch.manual_seed(0)
    config = samnet.SAMNetConfig(
        attention="stick_breaking",
        width=0.25,
        modules=(0, 1, 1, 1, 1),
        decoder_stride=4,
        decoder_kernel=3,
    )
    model = samnet.SAMNet(config).eval()
    x = torch.randn(1, 3, 160, 160)
    with torch.no_grad():
        deployed = DeployedNetwork(model, 160, stride).eval()
        saliency_map = deployed(x)
        assert saliency_map.shape == (1, 1, side, side)
        assert torch.allclose(
            saliency_map, resize(model.logits(x), (side, side)), rtol=1e-4, atol=1e-4
        )
        photo = torch.zeros(1, 160, 160, 3, dtype=torch.uint8)
        whole = ByteInterface(deployed, samnet.Preprocessing(size=160))
        assert whole(photo).shape == (1, side, side)


@pytest.mark.parametrize("stride", [0, 3, 4, 8])
def test_strides_that_the_decoder_does_not_reach(stride):
    model = samnet.SAMNet(samnet.SAMNetConfig(width=0.25, modules=(1, 1, 1, 1, 1)))
    with pytest.raises(InputError, match=f"output stride is {stride}, expected 1, 2: .*is 2"):
        DeployedNetwork(model, 96, stride)


def test_bytes_in_bytes_out():
    torch.manual_seed(0)
    model = samnet.SAMNet(samnet.SAMNetConfig(width=0.25, modules=(1, 1, 1, 1, 1))).eval()
    preprocessing = samnet.Preprocessing(size=96)
    photo = torch.randint(0, 256, (1, 96, 96, 3), dtype=torch.uint8)
    x = (photo.permute(0, 3, 1, 2) / 255 - preprocessing.mean) / preprocessing.std
    with torch.no_grad():
        saliency_map = ByteInterface(DeployedNetwork(model, 96).eval(), preprocessing)(photo)
        expected = (model.logits(x)[:, 0] * 16 + 128).clamp(0, 255)
    assert saliency_map.dtype == torch.uint8
    assert saliency_map.shape == (1, 48, 48)
    assert (saliency_map.float() - expected).abs().max() <= 0.51


@pytest.mark.parametrize("size", [0, -32, 33])
def test_sizes_that_cannot_be_asked_for(size):
    with pytest.raises(InputError, match=f"size {size} cannot be deployed"):
        deployed_size(size, Preprocessing(size=96))


def test_the_size_is_the_networks_own_unless_told_otherwise():
    assert deployed_size(None, Preprocessing(size=96)) == 96
    assert deployed_size(128, Preprocessing(size=96)) == 128


@pytest.mark.parametrize("size", [64, 100, 335])
def test_sizes_that_cannot_be_deployed(size):
    model = samnet.SAMNet(samnet.SAMNetConfig(width=0.25, modules=(1, 1, 1, 1, 1)))
    with pytest.raises(InputError, match="multiple of 32"):
        DeployedNetwork(model, size)
