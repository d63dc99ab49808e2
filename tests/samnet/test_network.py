"""The network is the paper's: its size, its variants, its shapes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import samnet
from common.errors import InputError
from samnet.networks.attention import softmax_mix, stick_breaking_mix

TINY = {"width": 0.25, "modules": (1, 1, 1, 1, 1)}


def tiny(**changes) -> samnet.SAMNet:
    torch.manual_seed(0)
    return samnet.SAMNet(samnet.SAMNetConfig(**{**TINY, **changes})).eval()


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def multiply_adds(model: samnet.SAMNet, size: int) -> float:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.maps(torch.zeros(1, 3, size, size))
    return counter.get_total_flops() / 2


def test_paper_network_has_the_published_size():
    model = samnet.build_model("samnet").eval()
    assert parameters(model) == 1_330_129
    assert parameters(model.encoder) == 1_221_404
    assert parameters(model) - sum(parameters(head) for head in model.heads[1:]) == 1_329_917
    assert round(multiply_adds(model, 336) / 1e6, 1) == 502.0


@pytest.mark.parametrize("attention", ["softmax", "stick_breaking", "none", "channel", "spatial"])
@pytest.mark.parametrize("spatial_maps", ["shared", "per_branch"])
def test_every_attention_trains_and_evaluates(attention, spatial_maps):
    model = tiny(attention=attention, spatial_maps=spatial_maps)
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        probability = model(x)
    assert probability.shape == (2, 1, 64, 64)
    assert 0 <= probability.min() <= probability.max() <= 1
    logits = model.train()(x)
    assert [tuple(p.shape) for p in logits] == [(2, 1, 64, 64)] * 5
    sum(p.square().mean() for p in logits).backward()
    untouched = [name for name, p in model.named_parameters() if p.grad is None]
    assert untouched == []


@pytest.mark.parametrize(
    ("changes", "smaller"),
    [
        ({"attention": "none"}, True),
        ({"attention": "channel"}, True),
        ({"attention": "spatial"}, True),
        ({"pyramid_pooling": False}, True),
        ({"modules": (1, 1, 1, 1, 2)}, False),
        ({"dilation_rates": ((1, 2),) * 5}, True),
        ({"dilation_rates": ((1, 2, 3, 4),) * 5}, False),
        ({"width": 0.5}, False),
        ({"spatial_maps": "per_branch"}, False),
        ({"modules": (0, 1, 1, 1, 1)}, True),
        ({"attention_from": 3}, True),
        ({"decoder_stride": 4}, True),
        ({"decoder_kernel": 3}, True),
    ],
)
def test_choices_of_the_ablation_tables_change_the_network(changes, smaller):
    assert (parameters(tiny(**changes)) < parameters(tiny())) == smaller
    with torch.no_grad():
        assert tiny(**changes)(torch.zeros(1, 3, 64, 64)).shape == (1, 1, 64, 64)


def test_a_decoder_that_ends_at_stride_4_spares_stage_1():
    model = tiny(decoder_stride=4)
    x = torch.randn(2, 3, 64, 96)
    logits = model.train()(x)
    assert [tuple(p.shape) for p in logits] == [(2, 1, 64, 96)] * 4
    sum(p.square().mean() for p in logits).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []
    with torch.no_grad():
        assert torch.equal(model.eval()(x), model.maps(x)[0])
    # What is left has the names of the paper's network.
    assert model.state_dict().keys() < tiny().state_dict().keys()
    assert not any(
        name.startswith(("decoder.laterals.0", "decoder.fusions.0", "heads.0"))
        for name in model.state_dict()
    )


def test_stages_before_the_first_with_attention_sum_their_branches():
    config = samnet.SAMNetConfig(attention_from=3)
    assert config.attentions == ("none", "none", "softmax", "softmax", "softmax")
    model = tiny(attention_from=3)
    plain = tiny(attention="none")
    assert (
        model.encoder.stages[1].state_dict().keys() == plain.encoder.stages[1].state_dict().keys()
    )
    assert (
        model.encoder.stages[2].state_dict().keys() == tiny().encoder.stages[2].state_dict().keys()
    )
    # Branches are needed by attention alone.
    samnet.SAMNetConfig(attention_from=2, dilation_rates=((), (1,), (1,), (1,), (1,)))


def test_a_checkpoint_from_before_a_field_means_its_default():
    old = samnet.SAMNetConfig().to_dict()
    del old["attention_from"]
    assert samnet.SAMNetConfig.from_dict(old) == samnet.SAMNetConfig()


def test_a_checkpoint_may_have_the_stride_of_the_map_that_is_chosen_later():
    old = samnet.SAMNetConfig().to_dict() | {"map_stride": 2}
    assert samnet.SAMNetConfig.from_dict(old) == samnet.SAMNetConfig()


@pytest.mark.parametrize("width", [0.75, 1.0, 1.25])
def test_width_scales_every_stage(width):
    channels = samnet.SAMNetConfig(width=width).channels
    assert channels == tuple(int(c * width) for c in (16, 32, 64, 96, 128))


@pytest.mark.parametrize("size", [(64, 64), (65, 101), (97, 64), (180, 243)])
def test_any_size_from_64_px(size):
    model = tiny()
    with torch.no_grad():
        assert model(torch.zeros(1, 3, *size)).shape == (1, 1, *size)


@pytest.mark.parametrize("shape", [(1, 3, 63, 64), (1, 1, 64, 64), (3, 64, 64)])
def test_unusable_input_is_named(shape):
    with pytest.raises(InputError, match="at least 64"):
        tiny()(torch.zeros(shape))


@pytest.mark.parametrize(
    "changes",
    [
        {"attention": "sofmax"},
        {"spatial_maps": "each"},
        {"modules": (1, 1)},
        {"modules": (-1, 1, 1, 1, 1)},
        {"dilation_rates": ((),) * 5},
        {"width": 0.0},
        {"attention_from": 0},
        {"attention_from": 6},
        {"attention_from": 2, "dilation_rates": ((), (), (1,), (1,), (1,))},
        {"decoder_stride": 8},
        {"decoder_kernel": 4},
    ],
)
def test_impossible_configurations_are_refused(changes):
    with pytest.raises(InputError):
        samnet.SAMNetConfig(**changes)


def test_weights_of_the_branches_sum_to_one():
    torch.manual_seed(0)
    ones = [torch.ones(2, 5, 4, 4)] * 4
    logits = [torch.randn(2, 5, 4, 4) * 30 for _ in range(4)]
    assert torch.allclose(softmax_mix(ones, logits), ones[0], atol=1e-6)
    assert torch.allclose(stick_breaking_mix(ones, logits[:3]), ones[0], atol=1e-6)


def test_softmax_of_the_branches_is_torchs_softmax():
    torch.manual_seed(0)
    features = [torch.randn(2, 5, 4, 4) for _ in range(4)]
    logits = [torch.randn(2, 5, 4, 4) for _ in range(4)]
    expected = (torch.stack(logits).softmax(0) * torch.stack(features)).sum(0)
    assert torch.allclose(softmax_mix(features, logits), expected, atol=1e-6)


def test_extreme_logits_stay_finite():
    features = [torch.ones(1, 1, 1, 1) * i for i in range(3)]
    logits = [torch.full((1, 1, 1, 1), value) for value in (900.0, -900.0, 0.0)]
    assert softmax_mix(features, logits).item() == 0.0


def test_stick_breaking_lets_an_open_gate_replace_the_rest():
    features = [torch.full((1, 1, 1, 1), float(i)) for i in range(3)]
    gates = [torch.full((1, 1, 1, 1), value) for value in (-50.0, 50.0)]
    assert stick_breaking_mix(features, gates).item() == pytest.approx(1.0)


def test_unknown_network_suggests_the_nearest():
    with pytest.raises(InputError, match="samnet-edge"):
        samnet.build_model("samnet-egde")


@pytest.mark.shared
def test_released_checkpoint_reproduces_the_released_forward(shared):
    golden = np.load(shared / "golden" / "released_forward.npz")
    model = samnet.load_released(shared / "golden" / "released_layout_random_weights.pth")
    for size in ("96x96", "180x243", "336x336"):
        x = torch.from_numpy(golden[f"input_{size}"].astype(np.float32))
        expected = torch.from_numpy(golden[f"maps_{size}"])
        with torch.no_grad():
            # The golden file goes from the main map to the deepest and up again.
            maps = torch.cat(model.maps(x), dim=1)[:, [0, 4, 3, 2, 1]]
            assert (model(x) - expected[:, :1]).abs().max() <= 1e-5
        assert (maps[:, : expected.shape[1]] - expected).abs().max() <= 1e-5
