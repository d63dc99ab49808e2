"""The mean of two checkpoints, with the share that is best on held-out pairs."""

from __future__ import annotations

import pytest
import torch

from common.errors import InputError
from samnet.average import Options, main, mean
from samnet.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from samnet.data.synthetic import write_scenes
from samnet.networks.config import SAMNetConfig
from samnet.networks.preprocessing import Preprocessing
from samnet.networks.samnet import SAMNet


@pytest.fixture
def options(tmp_path, tiny_checkpoint):
    write_scenes(tmp_path / "scenes", 8, 64)
    torch.manual_seed(5)
    other = SAMNet(load_checkpoint(tiny_checkpoint).model.config).eval()
    path = tmp_path / "other.safetensors"
    save_checkpoint(path, Checkpoint(other, Preprocessing(size=64), {"remark": "another"}))
    return Options(
        model=tiny_checkpoint,
        other=path,
        data=str(tmp_path / "scenes"),
        output=tmp_path / "mean.safetensors",
        held_out=4,
        cache=tmp_path / "cache",
        threads=1,
    )


def test_a_mean_lies_between_its_networks(tiny_checkpoint, options):
    first, second = (load_checkpoint(path).model for path in (tiny_checkpoint, options.other))
    weights = [network.state_dict() for network in (first, second, mean(first, second, 0.25))]
    for name, value in weights[2].items():
        if value.is_floating_point():
            expected = 0.25 * weights[0][name] + 0.75 * weights[1][name]
            torch.testing.assert_close(value, expected)
    whole = mean(first, second, 1.0).state_dict()
    assert all(torch.equal(value, weights[0][name]) for name, value in whole.items())


def test_the_best_share_is_kept_and_named(options, capsys):
    main(options)
    lines = capsys.readouterr().out.splitlines()
    shown = {
        line.split(":")[0]: [float(word.strip(",")) for word in line.split()[4::2]]
        for line in lines
        if "max F" in line
    }
    assert list(shown) == ["share 0.25", "share 0.5", "share 0.75", "share 1"]
    kept = load_checkpoint(options.output)
    found = kept.training["validation"]
    best = max(shown.values(), key=lambda pair: pair[0] - pair[1])
    assert [found["max_F"], found["MAE"]] == pytest.approx(best, abs=6e-5)
    chosen = lines[-1].rpartition("share ")[2]
    assert pytest.approx(best) == shown[f"share {chosen}"]
    named = "other.safetensors" in kept.training.get("remark", "")
    assert named == (float(chosen) < 1)


def test_the_first_alone_keeps_its_own_record(options):
    options.shares = (1.0,)
    main(options)
    assert "remark" not in load_checkpoint(options.output).training


@pytest.mark.parametrize("shares", [(), (0.0,), (0.5, 1.5)])
def test_shares_out_of_range_are_refused(options, shares):
    options.shares = shares
    with pytest.raises(InputError, match=r"--shares .*expected shares above 0 and up to 1"):
        main(options)
    assert not options.output.exists()


def test_other_networks_and_files_in_the_way_are_refused(options):
    save_checkpoint(
        options.other,
        Checkpoint(SAMNet(SAMNetConfig(width=0.5)).eval(), Preprocessing(size=64)),
        overwrite=True,
    )
    with pytest.raises(InputError, match=r"other\.safetensors: of another network"):
        main(options)
    options.output.write_text("mine")
    with pytest.raises(InputError, match=r"mean\.safetensors"):
        main(options)
    assert options.output.read_text() == "mine"
