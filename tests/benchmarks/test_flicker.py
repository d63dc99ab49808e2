"""The benchmark of steadiness on generated sequences."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.steadiness.__main__ import Options, main
from benchmarks.steadiness.flicker import FlickerMeter
from benchmarks.steadiness.sequences import open_sequences
from common.errors import InputError
from common.images.photos import resize_photo, write_image
from edge_apps.maps.coding import LOGITS
from edge_apps.runtime import Segmenter

pytest.importorskip("cv2")

SIZE = (60, 80)


def write_sequence(root: Path, name: str, count: int, *, masks: bool = True) -> None:
    """A bright square that moves over a pattern."""
    noise = np.random.default_rng(0).integers(0, 100, (6, 8, 3), dtype=np.uint8)
    ground = resize_photo(noise, SIZE)
    for k in range(count):
        mask = np.zeros(SIZE, np.uint8)
        mask[20:40, 10 + 2 * k : 30 + 2 * k] = 255
        write_image(
            root / "frames" / name / f"{k:03}.png", np.where(mask[..., None], 220, ground)
            .astype(np.uint8),
        )  # fmt: skip
        if masks:
            write_image(root / "masks" / name / f"{k:03}.png", mask)


class Nervous:
    """An artifact that sees what is bright, now more and now less sure of it."""

    size = 64

    def __init__(self) -> None:
        self.calls = 0

    def run(self, photo: np.ndarray) -> np.ndarray:
        self.calls += 1
        logits = np.where(photo.min(axis=2) > 128, 2.0, -2.0)
        return LOGITS.bytes(logits + (1.5 if self.calls % 2 else -1.5))


@pytest.fixture(autouse=True)
def network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Has the benchmark run :class:`Nervous`."""
    path = tmp_path / "nervous.tflite"
    path.write_bytes(b"stands in")
    segmenter = Segmenter(Nervous(), coding=LOGITS)
    monkeypatch.setattr("benchmarks.steadiness.__main__.load", lambda *_, **__: segmenter)
    return path


def test_flicker_and_accuracy_with_and_without(tmp_path: Path, network: Path) -> None:
    for name in ("a", "b", "c"):
        write_sequence(tmp_path, name, 12)
    given = (f"{tmp_path / 'frames'}:{tmp_path / 'masks'}",)
    target = tmp_path / "steadiness.json"
    main(Options(given, network, ("a", "c"), refine=False, json=target))
    result = json.loads(target.read_text())
    assert [row["name"] for row in result["sequences"]] == ["a", "b", "c"]
    summaries = {row["name"]: row for row in result["summaries"]}
    assert {name: row["sequences"] for name, row in summaries.items()} == {
        "all": 3, "chosen on": 2, "others": 1,
    }  # fmt: skip
    everything = summaries["all"]
    assert everything["frames"] == everything["masks"] == 36
    assert everything["flicker"]["steady"] < everything["flicker"]["plain"] / 2
    assert everything["accuracy"]["steady"]["max_F"] > 0.8
    assert everything["accuracy"]["steady"]["MAE"] < everything["accuracy"]["plain"]["MAE"] + 0.01
    assert result["protocol"]["steadiness"]["frames"] > 1 and result["filter_ms"]["median"] > 0
    with pytest.raises(InputError, match="already exists"):
        main(Options(given, network, json=target))


def test_without_masks_flicker_alone_is_measured(
    tmp_path: Path, network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_sequence(tmp_path, "a", 4, masks=False)
    target = tmp_path / "steadiness.json"
    main(Options((str(tmp_path / "frames" / "a"),), network, json=target))
    assert "no masks, so no accuracy" in capsys.readouterr().out
    (row,) = json.loads(target.read_text())["sequences"]
    assert row["accuracy"] == {} and row["masks"] == 0 and row["flicker"]["plain"] > 0


def test_a_video_is_a_sequence(tmp_path: Path, network: Path) -> None:
    import cv2

    clip = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter_fourcc(*"MJPG"), 25, SIZE[::-1])
    for k in range(6):
        writer.write(np.full((*SIZE, 3), 20 * k, np.uint8))
    writer.release()
    (sequence,) = open_sequences(str(clip))
    assert len(list(sequence.moments())) == 6
    main(Options((str(clip),), network, limit=3))


def test_masks_of_some_frames_count_where_they_are(tmp_path: Path, network: Path) -> None:
    write_sequence(tmp_path, "a", 4)
    (tmp_path / "masks" / "a" / "002.png").unlink()
    target = tmp_path / "steadiness.json"
    main(Options((f"{tmp_path / 'frames/a'}:{tmp_path / 'masks/a'}",), network, json=target))
    (row,) = json.loads(target.read_text())["sequences"]
    assert row["frames"] == 4 and row["masks"] == 3


def test_wrong_sequences_are_refused_in_a_line(tmp_path: Path, network: Path) -> None:
    write_sequence(tmp_path, "a", 3)
    write_sequence(tmp_path, "one", 1)
    frames, masks = tmp_path / "frames", tmp_path / "masks"
    wrong = {
        (): "no sequence given",
        (str(tmp_path / "absent"),): "absent: no such folder or video",
        (f"{frames / 'a'}:{tmp_path / 'absent'}",): "absent: no such folder",
        (str(frames / "one"),): "one: 1 frames, expected a folder of at least 2",
        (str(frames / "a"), str(frames / "a")): "expected each of its own name",
    }
    for given, message in wrong.items():
        with pytest.raises(InputError, match=message):
            main(Options(given, network))
    with pytest.raises(InputError, match="names b, which is no sequence"):
        main(Options((str(frames / "a"),), network, chosen_on=("b",)))
    with pytest.raises(InputError, match="--limit is 1"):
        main(Options((str(frames / "a"),), network, limit=1))
    (masks / "a" / "001.png").unlink()
    write_image(masks / "a" / "001.png", np.zeros((10, 20), np.uint8))
    with pytest.raises(InputError, match=r"001.png: mask of 20x10 pixels, expected 80x60"):
        main(Options((f"{frames / 'a'}:{masks / 'a'}",), network))
    for path in (masks / "a").iterdir():
        path.rename(path.with_stem(f"other_{path.stem}"))
    with pytest.raises(InputError, match="no frame has a mask of its stem"):
        open_sequences(f"{frames / 'a'}:{masks / 'a'}")


def test_a_map_that_moves_with_its_object_does_not_flicker(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    large = resize_photo(rng.integers(0, 256, (16, 24, 3), dtype=np.uint8), (128, 192))
    meter = FlickerMeter(2)
    for k in range(6):
        photo = np.ascontiguousarray(large[:96, 3 * k : 3 * k + 128])
        moving, steps = photo[..., 0].copy(), np.full((96, 128), 255 * (k % 2), np.uint8)
        meter.add(photo, [moving, steps])
    moving_flicker, steps_flicker = meter.flicker()
    assert moving_flicker < 1.5 and steps_flicker == pytest.approx(100)
