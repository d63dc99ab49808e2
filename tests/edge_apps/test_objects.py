"""Objects of a map: parts, boxes, which one is first; and the lines that tell of them."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from common.errors import InputError
from common.images.photos import write_image
from edge_apps.maps.coding import LOGITS
from edge_apps.maps.objects import find_objects, label, objects_of
from edge_apps.maps.raw_map import RawMap
from edge_apps.program.answers import Answers
from edge_apps.program.device_program import COMMAND

MakeVideo = Callable[[str, int], Path]


def flooded(mask: np.ndarray) -> np.ndarray:
    """The parts of a mask by flooding, numbered as they are met."""
    labels = np.zeros(mask.shape, int)
    for place in zip(*np.nonzero(mask), strict=True):
        if labels[place]:
            continue
        labels[place], todo = labels.max() + 1, [place]
        while todo:
            y, x = todo.pop()
            for near in ((y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)):
                inside = 0 <= near[0] < mask.shape[0] and 0 <= near[1] < mask.shape[1]
                if inside and mask[near] and not labels[near]:
                    labels[near] = labels[place]
                    todo.append(near)
    return labels


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.45, 0.6, 0.9, 1.0])
def test_parts_are_those_of_flooding(share: float) -> None:
    rng = np.random.default_rng(int(100 * share))
    for shape in ((1, 1), (1, 9), (9, 1), (23, 31), (40, 17)):
        mask = rng.random(shape) < share
        labels, count = label(mask)
        expected = flooded(mask)
        assert count == expected.max() and (labels == expected).all()


def test_a_box_lies_where_the_enlarged_map_is_cut() -> None:
    logits = np.full((64, 64), -6.0, np.float32)
    logits[20:30, 10:40] = 6
    logits[24, 40] = -2.0
    (found,) = find_objects(logits, (480, 640))
    # Halfway between the middles of pixels, and a quarter beyond where the logit is nearer.
    assert found.box == pytest.approx((100, 150, 40.25 * 10, 225))
    assert found.centroid == pytest.approx((250, 187.5))
    assert found.area == pytest.approx(300 / 4096) and found.confidence > 0.99


def test_objects_come_by_area_times_confidence_and_specks_not_at_all() -> None:
    logits = np.full((64, 64), -5.0, np.float32)
    logits[5:25, 5:25] = 0.2  # large, but hardly sure
    logits[40:57, 40:57] = 6
    logits[2, 60] = 8
    large, small = find_objects(logits, (64, 64))
    assert large.centroid == pytest.approx((48.5, 48.5)) and large.mass > small.mass
    assert small.area > large.area
    assert find_objects(np.full((64, 64), -1, np.float32), (64, 64)) == []
    (whole,) = find_objects(np.full((64, 64), 3, np.float32), (48, 64))
    assert whole.box == (0, 0, 64, 48) and whole.area == 1
    (surest,) = find_objects(logits, (64, 64), threshold=0.9)
    assert surest.centroid == large.centroid and surest.area == large.area


def test_a_map_of_aligned_corners_is_placed() -> None:
    logits = np.full((64, 64), -6.0)
    logits[:, 32:] = 6
    coding = LOGITS.__class__("logits", 1 / 16, 128, aligned=True)
    small = np.zeros((256, 256, 3), np.uint8)
    (found,) = objects_of(RawMap(coding.bytes(logits), coding, small), (100, 100))
    assert found.box == pytest.approx((50, 0, 100, 100), abs=0.1)


def test_objects_are_found_in_milliseconds() -> None:
    rng = np.random.default_rng(0)
    logits = np.kron(rng.normal(0, 4, (16, 16)), np.ones((4, 4))).astype(np.float32)
    seconds = []
    for _ in range(10):
        start = time.perf_counter()
        find_objects(logits, (480, 640))
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.05


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Runs the desktop's program in this process: exit status, standard output and error."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["program", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            COMMAND.run()
        return ended.value.code, *capsys.readouterr()  # type: ignore[return-value]

    return call


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A photo with two bright squares and one without any."""
    picture = np.zeros((60, 80, 3), np.uint8)
    picture[10:30, 10:30] = 255
    picture[40:50, 60:70] = 255
    write_image(tmp_path / "in" / "two.png", picture)
    write_image(tmp_path / "in" / "none.png", np.zeros((60, 80, 3), np.uint8))
    return tmp_path / "in"


def test_photos_become_lines_and_no_pictures(run: Run, photos: Path, tflite: Path) -> None:
    status, out, err = run(photos, "--model", tflite, "--json", "-", "--objects", 5)
    none, two = map(json.loads, out.splitlines())
    assert status == 0 and not Path("saliency").exists()
    assert "2 photos: lines of 2 frames in -" in err
    assert none == {
        "file": str(photos / "none.png"), "size": [80, 60], "found": 0, "objects": [],
    }  # fmt: skip
    assert two["file"] == str(photos / "two.png") and two["found"] == 2
    first, second = two["objects"]
    assert first["box"] == pytest.approx([10, 10, 30, 30], abs=2)
    assert first["centroid"] == pytest.approx([20, 20], abs=1.5)
    assert first["area"] == pytest.approx(400 / 4800, abs=0.02) and first["confidence"] > 0.8
    assert second["box"] == pytest.approx([60, 40, 70, 50], abs=2)


def test_one_object_is_told_unless_more_are_asked_for(run: Run, photos: Path, tflite: Path) -> None:
    target = Path("found/lines.jsonl")
    status, out, _ = run(photos, "--model", tflite, "--json", target, "--output", "pictures")
    assert status == 0 and "overlay of 2 frames in pictures" in out
    two = json.loads(target.read_text().splitlines()[1])
    assert two["found"] == 2 and len(two["objects"]) == 1
    assert two["objects"][0]["centroid"] == pytest.approx([20, 20], abs=1.5)
    assert len(list(Path("pictures").iterdir())) == 2
    again = run(photos, "--model", tflite, "--json", target)
    assert again[0] == 2 and "already exists" in again[2]
    assert run(photos, "--model", tflite, "--json", target, "--overwrite")[0] == 0
    assert len(target.read_text().splitlines()) == 2


def test_lines_of_a_video_have_times(run: Run, make_video: MakeVideo, tflite: Path) -> None:
    clip = make_video("clip.avi", 6)
    status, out, _ = run(clip, "--model", tflite, "--json", "-", "--no-steady", "--frames", 5)
    lines = [json.loads(it) for it in out.splitlines()]
    assert status == 0 and [it["frame"] for it in lines] == [f"clip_{k:06}" for k in range(1, 6)]
    assert [it["time"] for it in lines] == pytest.approx([k / 25 for k in range(5)], abs=1e-3)
    assert {it["source"] for it in lines} == {"clip.avi"}
    assert lines[0]["found"] == 0 and lines[4]["objects"][0]["box"] == [0, 0, 48, 32]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--json", "in"), "in: is a folder"),
        (("--json", "in/two.png"), "already exists"),
        (("--json", "in/two.png/x"), "is a file, expected a folder"),
        (("--json", "-", "--objects", "0"), "--objects is 0"),
        (("--objects", "2"), "--objects goes with --json"),
    ],
)
def test_wrong_lines_are_refused(
    run: Run, photos: Path, tflite: Path, arguments: tuple[str, ...], message: str
) -> None:
    status, out, err = run(photos, "--model", tflite, *arguments)
    assert status == 2 and out == "" and message in err and not Path("saliency").exists()


def test_a_pipe_has_no_lines(run: Run) -> None:
    status, _, err = run("--pipe", "8x8", "--json", "-")
    assert status == 2 and "--json" in err


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full, which Linux has")
    with (
        Answers("/dev/full", overwrite=True) as answers,
        pytest.raises(InputError, match="/dev/full: cannot be written"),
    ):
        answers.write({"file": "a" * 9000})
