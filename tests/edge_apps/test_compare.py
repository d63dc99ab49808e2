"""The comparison: figures, places that are absent or fail, and the command line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from common.errors import InputError
from common.images.photos import Bytes, write_image
from common.map_accuracy import AccuracyMeter
from common.map_difference import Agreement
from edge_apps.compare.__main__ import COMMAND
from edge_apps.compare.backends import Absent, Cpu, Gpu, Maps, run_child
from edge_apps.compare.comparison import Photo, compare
from edge_apps.compare.comparison_table import lines
from edge_apps.compare.emulated_arm64 import Emulated

NOISE = np.random.default_rng(0)
PHOTOS = [
    Photo(name, NOISE.integers(0, 256, (40, 50, 3), dtype=np.uint8), mask)
    for name, mask in (("a", np.full((40, 50), 255, np.uint8)), ("b", np.eye(40, 50, dtype="u1")))
]


class Off(Cpu):
    """A CPU whose maps are ``step`` too large in their first row."""

    def __init__(self, step: int) -> None:
        super().__init__(1)
        self.name, self.step = f"off by {step}", step

    def run(self, model: Path, frames: Bytes) -> Maps:
        maps = super().run(model, frames).maps.copy()
        maps[:, 0] += np.uint8(self.step)
        return Maps(maps, None)


class Gone:
    name = "gone"

    def run(self, model: Path, frames: Bytes) -> Maps:
        raise Absent("it rains")


def test_agreement() -> None:
    reference = np.array([[0, 100, 127, 255]], np.uint8)
    found = Agreement.of(np.array([[1, 100, 131, 253]], np.uint8), reference)
    assert found == Agreement(max=4, mean=1.75, within_1=0.5, decided=0.75)


def test_accuracy_is_that_of_the_training_side() -> None:
    metrics = pytest.importorskip("samnet.evaluation.metrics")
    theirs, ours = metrics.SaliencyMetrics("fast"), AccuracyMeter()
    masks = [NOISE.integers(0, 2, (30, 41), dtype=np.uint8) * 255 for _ in range(4)]
    masks[3][:] = 0
    for mask in masks:
        saliency_map = np.clip(mask * 0.5 + NOISE.integers(0, 128, mask.shape), 0, 255).astype(
            np.uint8
        )
        theirs.add(saliency_map, mask)
        ours.add(saliency_map, mask)
    expected, found = theirs.scores(), ours.accuracy()
    assert found.max_F == pytest.approx(expected.max_F, abs=1e-9)
    assert pytest.approx(expected.MAE, abs=1e-9) == found.MAE and found.count == 4
    with pytest.raises(InputError, match="expected two of one"):
        ours.add(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8))


def test_every_place_is_a_row(tflite: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.tflite"
    shutil.copy(tflite, other)
    rows = compare([tflite, other], [Cpu(1), Off(2), Gone()], PHOTOS)
    assert [(row.model, row.place) for row in rows] == [
        (file.name, place) for file in (tflite, other) for place in ("CPU", "off by 2", "gone")
    ]
    first, off, gone, same = rows[:4]
    assert first.same_file is None and first.reference is None and first.latency_ms > 0
    assert off.same_file == off.reference and off.latency_ms is None
    assert off.same_file.max == 2 and off.same_file.within_1 == pytest.approx(31 / 32)
    assert gone.why == "it rains" and gone.accuracy is None
    assert same.same_file is None and same.reference.max == 0
    # One mask is all foreground, where every map is precise; the other has next to none.
    assert first.accuracy.count == 2 and 0.3 < first.accuracy.MAE < 0.7
    table = lines(rows)
    assert len(table) == 8 and "it rains" in table[4] and "96.88%" in table[3]
    assert len({line.index("%") for line in table if line.count("%") > 1}) == 1


def test_a_file_that_fails_on_this_machine(tflite: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(tflite.read_bytes()[:200])
    with pytest.raises(InputError, match="damaged or foreign"):
        compare([broken, tflite], [Cpu(1)], PHOTOS)


def test_a_child_tells_its_reason_or_is_named(tmp_path: Path, tflite: Path) -> None:
    frames = np.zeros((1, 32, 32, 3), np.uint8)
    found = run_child([sys.executable], "cpu", tflite, frames, 1)
    assert found.maps.shape == (1, 32, 32) and len(found.taken) == 1
    foreign = tmp_path / "x.tflite"
    foreign.write_bytes(bytes(64))
    with pytest.raises(Absent, match="not a TFLite file"):
        run_child([sys.executable], "cpu", foreign, frames, 1)
    for line, message in (("exit 7", "status 7: it says nothing"), ("exit 0", "without maps")):
        script = tmp_path / "python"
        script.write_text(f"#!/bin/sh\n{line}\n")
        script.chmod(0o755)
        with pytest.raises(InputError, match=message):
            run_child([str(script)], "cpu", tflite, frames, 1)
    with pytest.raises(InputError, match="cannot be started"):
        run_child([str(tmp_path / "absent")], "cpu", tflite, frames, 1)


def test_absent_places_say_what_to_do(
    tmp_path: Path, tflite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    frames = np.zeros((1, 32, 32, 3), np.uint8)
    with pytest.raises(Absent, match=r"no qemu-aarch64 in .*raspberry-pi-\*; make a userland with"):
        Emulated("cortex-a53", None).run(tflite, frames)
    (tmp_path / "qemu-aarch64").touch()
    with pytest.raises(Absent, match=r"no root/usr/bin/python3\.11 in"):
        Emulated("cortex-a53", tmp_path).run(tflite, frames)
    with pytest.raises(Absent, match=r"no runner for arm64-v8a and \.pte in .*build\.sh"):
        Emulated("cortex-a53", tmp_path).run(Path("x.pte"), frames)
    with pytest.raises(Absent, match=r"no GPU backend for \.pte"):
        Gpu().run(Path("x.pte"), frames)


Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Runs the command on this CPU alone: exit status, standard output, standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        skip = ("--skip", "gpu", "emulated", "device")
        monkeypatch.setattr(sys, "argv", ["compare", *map(str, arguments), *skip])
        with pytest.raises(SystemExit) as ended:
            COMMAND.run()
        return ended.value.code, *capfd.readouterr()  # type: ignore[return-value]

    return run


def test_the_command(call: Call, tflite: Path, tmp_path: Path) -> None:
    for photo in PHOTOS:
        write_image(tmp_path / "photos" / f"{photo.name}.png", photo.photo)
        write_image(tmp_path / "masks" / f"{photo.name}.png", photo.mask)
    target = tmp_path / "out.json"
    words = (tmp_path / "photos", "--model", tflite, "--masks", tmp_path / "masks")
    status, output, _ = call(*words, "--json", target)
    assert status == 0 and "mean_32_int8.tflite  CPU" in output and "2 photos. " in output
    result = json.loads(target.read_text())
    assert result["protocol"]["photos"] == ["a.png", "b.png"] and result["protocol"]["masks"] == 2
    (row,) = result["rows"]
    assert row["accuracy"]["count"] == 2 and row["why"] == ""
    for more, message in (
        (("--json", target), "already exists; pass --overwrite"),
        (("--threads", "0"), "--threads is 0"),
        (("--masks", tflite), "no such folder"),
    ):
        status, output, errors = call(*words, *more)
        assert (status, output) == (2, "") and message in errors
    write_image(tmp_path / "masks" / "b.png", np.zeros((9, 9), np.uint8), overwrite=True)
    assert "mask is (9, 9), its photo (40, 50)" in call(*words)[2]
    (tmp_path / "masks" / "b.png").unlink()
    assert "no mask b.* in" in call(*words)[2]


def test_the_shipped_artifacts_are_the_default_and_torch_stays_out() -> None:
    code = (
        "import sys\n"
        "from edge_apps.compare import __main__ as it\n"
        "assert 'fp32' in it._shipped()[0].name, it._shipped()\n"
        "heavy = {'torch', 'samnet', 'adbutils', 'scipy', 'ai_edge_litert'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.slow
def test_a_gpu_of_software(monkeypatch: pytest.MonkeyPatch) -> None:
    from edge_apps.shipped import FOLDER
    from samnet.data.embedded import embedded_photos

    driver = Path("/usr/lib/chromium/vk_swiftshader_icd.json")
    if not driver.exists():
        pytest.skip("needs SwiftShader, a GPU of software; apt-get install chromium")
    monkeypatch.setenv("VK_ICD_FILENAMES", str(driver))
    photos = [Photo(it.name, it.photo) for it in embedded_photos()[:2]]
    (model,) = FOLDER.glob("*_fp32.tflite")
    _, row = compare([model], [Cpu(1), Gpu()], photos)
    assert row.why == "" and row.same_file.within_1 > 0.999
    if not any(Path("/dev").glob("dri/renderD*")):
        assert row.latency_ms is None
