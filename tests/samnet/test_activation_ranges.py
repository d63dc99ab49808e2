"""The penalty on activations that eight bits could not hold."""

from __future__ import annotations

import pytest
import torch

from samnet import SAMNet, SAMNetConfig
from samnet.networks.attention import SAM
from samnet.training.activation_ranges import RangePenalty
from samnet.training.feature_distillation import Imitation
from samnet.training.network_with_losses import NetworkWithLosses
from samnet.training.recipe import Phase, Recipe

PHOTOS = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def network(attention: str, factor: float) -> SAMNet:
    """With attention logits a factor larger than fresh ones."""
    torch.manual_seed(0)
    config = SAMNetConfig(attention=attention, width=0.25, modules=(1, 1, 1, 1, 1))  # type: ignore[arg-type]
    model = SAMNet(config)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, SAM) and attention != "none":
                for name, part in module.named_modules():
                    if name.startswith(("channel.expand.", "spatial.maps.")):
                        part.weight.mul_(factor)
    return model


def excess(model: SAMNet) -> float:
    penalty = RangePenalty(model)
    model(PHOTOS)
    return penalty.take().item()


@pytest.mark.parametrize("attention", ["softmax", "stick_breaking", "channel", "spatial"])
def test_grows_with_the_logits(attention: str) -> None:
    assert excess(network(attention, 0.1).train()) < 0.1
    assert excess(network(attention, 100).train()) > 1


def test_observes_nothing_but_training() -> None:
    assert excess(network("stick_breaking", 100).eval()) == 0
    model = network("stick_breaking", 100).train()
    penalty = RangePenalty(model)
    model(PHOTOS)
    assert penalty.take() > 0
    assert penalty.take() == 0


def excess_after_training(weight: float) -> float:
    model = network("stick_breaking", 3)
    recipe = Recipe(phases=(Phase(64, 1),), range=weight)
    trained = NetworkWithLosses(model, Imitation(model.config.channels[1:]), recipe).train()
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    truth = (PHOTOS[:, :1] > 0).float()
    for _ in range(60):
        losses = trained(PHOTOS, truth, None, share=1.0)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
    return losses["range"].item()


def test_training_with_it_keeps_the_logits_small() -> None:
    assert excess_after_training(10.0) < 0.5 * excess_after_training(1e-6)
