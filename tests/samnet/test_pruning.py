"""Channels that never vary are taken out, and maps stay what they were."""

from __future__ import annotations

import pytest
import torch

from common.errors import CheckFailedError, InputError
from samnet.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from samnet.data.synthetic import write_scenes
from samnet.networks.lite_trunk import inner_channels
from samnet.networks.preprocessing import Preprocessing
from samnet.networks.pruning import MULTIPLE, ChannelRange, channel_ranges, kept_channels, prune
from samnet.networks.samnet_lite import SAMNetLite
from samnet.prune import Options, main
from samnet.train import train
from samnet.training.options import TrainOptions


@pytest.fixture
def network():
    """One in which some channels of three blocks stay at 0 or at 6 whatever they are shown."""
    torch.manual_seed(0)
    model = SAMNetLite().eval()
    with torch.no_grad():
        for number, count in ((0, 10), (7, 100), (15, 900)):
            depthwise = model.encoder.blocks[number].depthwise
            depthwise.weight[:count] *= 1e-4
            depthwise.bias[: count // 2] = -50
            depthwise.bias[count // 2 : count] = 50
    return model


def photos(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(2, 3, 96, 96, generator=generator) for _ in range(2)]


def test_maps_stay_and_the_network_shrinks(network):
    smaller = prune(network, channel_ranges(network, photos()), tolerance=0)
    inner = smaller.config.inner
    assert inner[0] == 24
    assert inner[7] <= 384
    assert inner[15] <= 256
    assert all(count % MULTIPLE == 0 for count in inner)
    assert sum(p.numel() for p in smaller.parameters()) < sum(
        p.numel() for p in network.parameters()
    )
    for x in photos(seed=9):
        with torch.no_grad():
            torch.testing.assert_close(smaller(x), network(x), atol=1e-5, rtol=0)


def test_only_what_stays_the_same_goes():
    low, high = torch.tensor([0.0, 6.0, 0.0, 1.0] * 8), torch.tensor([0.0, 6.0, 6.0, 2.0] * 8)
    seen = ChannelRange(low, high)
    assert kept_channels(seen).tolist() == [i for i in range(32) if i % 4 > 1]
    lively = ChannelRange(torch.zeros(12), torch.ones(12))
    assert kept_channels(lively).tolist() == list(range(12))
    silent = ChannelRange(torch.zeros(12), torch.zeros(12))
    assert len(kept_channels(silent)) == MULTIPLE


@pytest.fixture
def options(network, tmp_path):
    write_scenes(tmp_path / "scenes", 14, 96)
    save_checkpoint(
        tmp_path / "whole.safetensors",
        Checkpoint(network, Preprocessing(size=96), {"remark": "made for a test"}),
    )
    return Options(
        model=tmp_path / "whole.safetensors",
        data=str(tmp_path / "scenes"),
        output=tmp_path / "small.safetensors",
        held_out=4,
        cache=tmp_path / "cache",
        threads=1,
    )


def test_command_writes_a_checkpoint_that_trains_on(options, capsys, tmp_path):
    main(options)
    printed = capsys.readouterr().out
    assert "never vary on 10 photos" in printed
    pruned = load_checkpoint(options.output)
    assert sum(pruned.model.config.inner) < sum(inner_channels("efficientnet-lite0"))
    assert pruned.training["remark"].startswith("made for a test; ")
    train(
        TrainOptions(
            data=options.data,
            output=tmp_path / "run",
            model="samnet-lite",
            preset="finetune",
            phases=("64:1",),
            init=options.output,
            batch=4,
            held_out=4,
            validate_every=100,
            cache=options.cache,
            threads=1,
        )
    )
    trained = load_checkpoint(tmp_path / "run" / "last.safetensors")
    assert trained.model.config == pruned.model.config


def test_channels_that_matter_are_not_removed(options):
    options.tolerance = 6.0
    with pytest.raises(CheckFailedError, match=r"differ by .* lower --tolerance"):
        main(options)
    assert not options.output.exists()


def test_other_networks_and_files_in_the_way_are_refused(options, tiny_checkpoint):
    options.model = tiny_checkpoint
    with pytest.raises(InputError, match="give a checkpoint of samnet-lite"):
        main(options)
    options.output.write_text("mine")
    with pytest.raises(InputError, match=r"small\.safetensors"):
        main(options)
    assert options.output.read_text() == "mine"
