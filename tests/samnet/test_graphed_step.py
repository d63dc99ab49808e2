"""A step replayed as a CUDA graph gives the losses and gradients of the plain one."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
from torch import nn

import samnet
from samnet.training.feature_distillation import Imitation
from samnet.training.graphed_step import GraphedStep
from samnet.training.network_with_losses import NetworkWithLosses
from samnet.training.recipe import RECIPES

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


def test_replays_give_what_plain_steps_give():
    torch.manual_seed(0)
    # In double precision, which autocast leaves alone: gradients of fresh weights are so
    # ill-conditioned that the rounding of any shorter type changes them altogether.
    model = samnet.build_model("samnet-edge").double().cuda().train()
    for module in model.modules():
        if isinstance(module, nn.Dropout2d):
            module.p = 0.0  # each step draws anew
    recipe = dataclasses.replace(RECIPES["modern"], range=0.2)
    imitation = Imitation(model.config.channels[1:]).double().cuda()
    plain = NetworkWithLosses(copy.deepcopy(model), imitation, recipe)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    graphed = GraphedStep(NetworkWithLosses(model, imitation, recipe), optimizer)
    for number, side in enumerate((64, 96, 64)):
        photos = torch.randn(4, 3, side, side, device="cuda", dtype=torch.float64)
        photos = photos.contiguous(memory_format=torch.channels_last)
        truth = (torch.rand(4, 1, side, side, device="cuda") > 0.5).double()
        found = graphed(photos, truth, number / 4)
        plain.zero_grad()
        with torch.autocast("cuda", torch.bfloat16):
            expected = plain(photos, truth, None, number / 4)
        expected["loss"].backward()
        torch.testing.assert_close(found["loss"], expected["loss"].detach(), atol=1e-6, rtol=1e-6)
        for ours, theirs in zip(model.parameters(), plain.model.parameters(), strict=True):
            if theirs.grad is not None:
                norm = theirs.grad.norm()
                assert (ours.grad - theirs.grad).norm() <= 1e-4 * norm + 1e-6
