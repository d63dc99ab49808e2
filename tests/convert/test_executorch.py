"""Artifacts for ExecuTorch: made, described, opened, refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from common.errors import CheckFailedError, InputError
from convert.artifact.write import Content, write_artifact
from convert.checks.maps import Limit
from convert.executorch.command import FORMAT, Options, convert_executorch, main
from edge_apps import runtime
from edge_apps.backends.pte import open_pte
from edge_apps.manifest import manifest_path, verify
from quantize.quantized_program import save_program
from samnet.data.synthetic import scene
from samnet.networks.deployed import ByteInterface


@pytest.fixture(scope="module")
def photos():
    return [(f"scene {seed}", scene(seed)[0]) for seed in (100, 101, 102)]


@pytest.fixture(scope="module")
def made(taught, quantized, photos, tmp_path_factory):
    """Artifacts by precision and attention, each converted once."""
    folder, found = tmp_path_factory.mktemp("pte"), {}

    def make(precision, attention):
        if (precision, attention) not in found:
            source = taught(attention)
            if precision == "int8":
                source = folder / f"{attention}.pt2"
                save_program(source, quantized(attention))
            output = folder / f"{attention}_96_{precision}.pte"
            found[precision, attention] = convert_executorch(source, output, photos=photos)
        return found[precision, attention]

    return make


def test_fp32_is_the_network(made):
    done = made("fp32", "stick_breaking")
    assert done.parity.max <= 1 and done.parity.mean < 0.05
    assert done.manifest.quantization is None
    assert done.manifest.source_sha256 and len(done.manifest.sha256) == 64


@pytest.mark.parametrize("attention", ["stick_breaking", "softmax"])
def test_int8_is_the_converted_program(made, attention):
    done = made("int8", attention)
    # XNNPACK approximates the softmax, and its bilinear resize rounds otherwise: a code in a
    # thousand tips over, and a network this little trained passes it on.
    assert done.parity.mean < 1 and done.parity.within_2 > 0.9
    assert done.manifest.quantization.scheme == "static_wi8_ai8"


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_only_the_bytes_are_converted_outside_one_delegate(made, precision):
    took = made(precision, "stick_breaking").manifest.delegation
    assert took.partitions == 1 and set(took.outside) == {"_to_copy"}
    assert took.outside["_to_copy"] == 2 and "bytes" in took.reasons["_to_copy"]


def test_int8_is_smaller(made):
    sizes = [made(p, "stick_breaking").path.stat().st_size for p in ("int8", "fp32")]
    assert sizes[0] < sizes[1] or sizes[1] < 400_000


def test_the_runtime_runs_it_with_any_number_of_threads(made, photos):
    path = made("int8", "stick_breaking").path
    assert verify(path).size == 96
    segmenters = [runtime.load(path, threads=threads) for threads in (1, 2)]
    _, photo = photos[0]
    expected = segmenters[0].run(photo)
    # Both share one pool of threads, which changes with every turn.
    for _ in range(3):
        for segmenter in segmenters:
            assert np.array_equal(segmenter.run(photo), expected)
    assert segmenters[0](scene(7, (50, 120))[0]).shape == (50, 120)


def test_a_photo_that_is_a_view_is_read_in_its_own_order(made, photos):
    segmenter = runtime.load(made("int8", "stick_breaking").path, threads=1)
    _, photo = photos[1]
    mirrored = np.ascontiguousarray(photo[:, ::-1])
    assert np.array_equal(segmenter.run(photo[:, ::-1]), segmenter.run(mirrored))


def test_damaged_and_foreign_files_are_refused(made, tmp_path):
    content = made("fp32", "stick_breaking").path.read_bytes()
    for name, data in {
        "empty": b"",
        "text": b"not a program at all",
        "truncated": content[: len(content) // 2],
        "header": content[:64],
    }.items():
        path = tmp_path / f"{name}.pte"
        path.write_bytes(data)
        with pytest.raises(InputError):
            open_pte(path, 1)


def test_a_program_of_another_kind_is_refused(tmp_path):
    import torch
    from executorch.exir import to_edge

    exported = torch.export.export(torch.nn.ReLU(), (torch.zeros(1, 4),))
    path = tmp_path / "other.pte"
    path.write_bytes(to_edge(exported).to_executorch().buffer)
    with pytest.raises(InputError, match="not an artifact of this project"):
        open_pte(path, 1)


def test_nothing_is_overwritten_or_written_under_a_wrong_name(made, taught, tmp_path):
    done = made("fp32", "stick_breaking")
    before = done.path.read_bytes()
    with pytest.raises(InputError, match="--overwrite"):
        convert_executorch(taught("stick_breaking"), done.path)
    assert done.path.read_bytes() == before
    with pytest.raises(InputError, match=r"\.pte"):
        convert_executorch(taught("stick_breaking"), tmp_path / "x.tflite")


def test_an_artifact_that_misses_its_limit_leaves_nothing(made, taught, photos, tmp_path):
    content = made("fp32", "stick_breaking").path.read_bytes()
    manifest = made("fp32", "stick_breaking").manifest
    ready = Content(content, manifest.input, manifest.output, manifest.delegation)
    limits = {"fp32": Limit(mean=-1.0, within_2=1.0)}
    strict = dataclasses.replace(FORMAT, limits=limits, make=lambda *_: ready)
    output = tmp_path / "x.pte"
    with pytest.raises(CheckFailedError, match="nothing was written"):
        write_artifact(strict, taught("stick_breaking"), output, photos=photos)
    assert not output.exists() and not manifest_path(output).exists()
    assert not list(tmp_path.iterdir())


def test_precision_must_agree_with_the_source(taught, tmp_path):
    options = Options(taught("softmax"), tmp_path / "x.pte", precision="int8")
    with pytest.raises(InputError, match="leads to fp32"):
        main(options)


def test_the_bytes_in_and_out_are_those_of_the_byte_interface(taught, photos):
    import torch

    from convert.executorch.lowering import PhotoToMap
    from edge_apps.maps.coding import LOGITS
    from samnet import load_checkpoint
    from samnet.networks.deployed import DeployedNetwork

    checkpoint = load_checkpoint(taught("softmax"))
    network = DeployedNetwork(checkpoint.model, 96).eval()
    whole = ByteInterface(network, checkpoint.preprocessing)
    ours = PhotoToMap(network, 1 / 64, 2.0, LOGITS, codes=False)
    photo = torch.from_numpy(photos[0][1])[None]
    with torch.no_grad():
        difference = ours(photo).int() - whole(photo).int()
    assert difference.abs().max() <= 1
