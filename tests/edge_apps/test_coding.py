"""What a map's bytes stand for: logits of files made now, probabilities of those made before."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from common.errors import InputError
from edge_apps.formats import SUFFIXES
from edge_apps.manifest import manifest_path, read_manifest, write_manifest
from edge_apps.maps.coding import LOGITS, PROBABILITIES, coding_by, coding_of
from edge_apps.runtime import load
from edge_apps.shipped import usable_models

BEFORE = Path(__file__).with_name("before")
EVERY = np.arange(256, dtype=np.uint8).reshape(16, 16)


def test_a_byte_is_a_sixteenth_of_a_logit() -> None:
    expected = 255 / (1 + np.exp(-(np.arange(256.0) - 128) / 16))
    assert np.abs(LOGITS.probabilities(EVERY).ravel() - expected).max() <= 0.5
    assert LOGITS.limits == (-8, 7.9375)
    values = np.array([[-20.0, -8.0, -0.03, 0.0, 0.04, 7.94, 20.0]])
    assert LOGITS.bytes(values).tolist() == [[0, 0, 128, 128, 129, 255, 255]]
    for byte in (0, 77, 128, 255):
        logit = np.array([(byte - LOGITS.zero_point) * LOGITS.scale])
        assert LOGITS.bytes(logit).tolist() == [byte]


def test_probabilities_stay_as_they_are() -> None:
    assert PROBABILITIES.probabilities(EVERY) is EVERY
    assert coding_by(1 / 256, 0).kind == coding_by(0.0, 0).kind == "probability"
    assert coding_by(1 / 16, 128) == LOGITS


def test_logits_are_enlarged_before_the_sigmoid() -> None:
    edge = np.repeat(np.array([[0, 255]], np.uint8), 2, axis=0)
    found = LOGITS.enlarge(edge, 8, (8, 8))[0].astype(int)
    straight = PROBABILITIES.enlarge(edge, 8, (8, 8))[0].astype(int)
    assert (np.diff(found) >= 0).all() and found[0] == 0 and found[-1] == 255
    # Half way between two sure logits lies a short edge, between two probabilities a long one.
    assert ((found > 25) & (found < 230)).sum() < ((straight > 25) & (straight < 230)).sum()


@pytest.mark.parametrize(("inner", "side"), [(24, 96), (48, 96), (96, 96), (42, 336)])
def test_a_map_is_put_where_its_network_has_it(inner: int, side: int) -> None:
    torch = pytest.importorskip("torch")
    from samnet.networks.layers import enlarge

    saliency_map = np.random.default_rng(0).integers(0, 256, (inner, inner), dtype=np.uint8)
    for aligned in (True, False):
        coding = dataclasses.replace(LOGITS, aligned=aligned)
        found = coding.placed(saliency_map, side, (side, side)).astype(float)
        values = torch.from_numpy(saliency_map)[None, None].float()
        expected = enlarge(values, (side, side), aligned=aligned)[0, 0].numpy()
        assert np.abs(found - expected).max() <= 1
        assert coding.placed(saliency_map, side, (7, 500)).shape == (7, 500)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_made_before_give_the_maps_they_gave(suffix: str) -> None:
    from samnet.data.synthetic import scene

    if suffix != ".tflite":
        pytest.importorskip({".pte": "executorch", ".onnx": "onnxruntime"}[suffix])
    path = BEFORE / f"scenes_96_int8{suffix}"
    segmenter = load(path, threads=1)
    assert (
        segmenter.coding.kind == "probability"
        and len(segmenter.run(np.zeros((96, 96, 3), np.uint8))) == 48
    )
    with np.load(BEFORE / "maps.npz") as kept:
        expected = kept[path.name]
    found = segmenter(scene(7, (50, 120))[0], refine=False)
    assert found.shape == expected.shape and np.ptp(expected) > 200
    # Kernels of other processors may round otherwise.
    assert np.abs(found.astype(int) - expected).mean() < 3


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_made_before_need_no_manifest(suffix: str, tmp_path: Path) -> None:
    if suffix != ".tflite":
        pytest.importorskip({".pte": "executorch", ".onnx": "onnxruntime"}[suffix])
    alone = tmp_path / f"x{suffix}"
    shutil.copy(BEFORE / f"scenes_96_int8{suffix}", alone)
    assert load(alone).coding.kind == "probability"


def test_every_shipped_file_says_what_its_bytes_are() -> None:
    for path in usable_models():
        coding = coding_of(read_manifest(path))
        assert coding.kind == "probability" or (coding.scale, coding.zero_point) == (1 / 16, 128)


def test_a_manifest_names_no_other_kind(tmp_path: Path) -> None:
    path = tmp_path / "x.tflite"
    shutil.copy(BEFORE / "scenes_96_int8.tflite", path)
    manifest = read_manifest(BEFORE / "scenes_96_int8.tflite")
    output = dataclasses.replace(manifest.output, kind="odds")  # type: ignore[arg-type]
    write_manifest(path, dataclasses.replace(manifest, output=output))
    assert '"kind": "odds"' in manifest_path(path).read_text()
    with pytest.raises(InputError, match=r"damaged manifest \(output\.kind: 'odds'"):
        load(path)
