"""What a program is compared on before it is written, and what is refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image

from common.errors import CheckFailedError, InputError
from convert.tflite import command as tflite
from quantize import compare_options, ptq, qat, sensitivity, verification
from quantize.calibration import KEPT_BACK, CalibrationSet, read_and_keep_back
from quantize.quantized_program import load_program
from quantize.verification import Verification, check, verify
from samnet.data.synthetic import scene, write_scenes

SIZE = 96
CALIBRATION = CalibrationSet(np.stack([scene(seed)[0] for seed in range(8)]), 0)


def brightness(photo):
    return photo.max(axis=2)


def black(photo):
    return np.zeros(photo.shape[:2], np.uint8)


def verified(program, network=brightness):
    return verify(program, network, SIZE, [scene(20)[0]])


@pytest.mark.parametrize(
    ("program", "lost"),
    [
        (brightness, False),
        (lambda photo: np.clip(brightness(photo).astype(int) + 9, 0, 255).astype(np.uint8), False),
        (black, True),
        (lambda photo: 255 - brightness(photo), True),
        (lambda photo: brightness(photo)[::-1, ::-1] // 2, True),
    ],
)
def test_a_program_that_lost_the_map_is_refused(program, lost):
    found = verified(program)
    assert [it.photos for it in found] == ["photos kept back", "embedded photos"]
    assert found[1].lost == lost and found[1].count == 7
    if lost:
        with pytest.raises(
            CheckFailedError, match=r"x\.pt2: the program lost the map.*--allow-loss"
        ):
            check("x.pt2", found, CALIBRATION)
    else:
        check("x.pt2", found, CALIBRATION)


def test_nothing_is_lost_where_float_finds_nothing():
    found = verified(lambda photo: black(photo) + np.uint8(3), black)
    assert not any(it.lost or it.shown for it in found)
    assert "finds nothing" in str(found[0])
    check("x.pt2", found, CALIBRATION)


def test_photos_of_one_color_are_counted():
    lost = [Verification("embedded photos", 7, 0.1, 60.0, True)]
    plain = np.stack([np.full((SIZE, SIZE, 3), 40 * i, np.uint8) for i in range(5)])
    some = CalibrationSet(np.concatenate([CALIBRATION.photos, plain]), 0)
    some.check_colors()
    with pytest.raises(CheckFailedError, match="5 of 13 photos calibrated on are of one color"):
        check("x.pt2", lost, some)
    most = CalibrationSet(np.concatenate([CALIBRATION.photos[:4], plain]), 0)
    with pytest.raises(InputError, match=r"5 of 9 photos .* like those to come; nothing"):
        most.check_colors()


@pytest.mark.parametrize(("photos", "count"), [(8, 8), (30, 128), (40, 10), (9, 8)])
def test_what_is_kept_back_is_not_calibrated_on(photos, count, tmp_path):
    for i in range(photos):
        Image.new("RGB", (10, 10), (i, i, i)).save(tmp_path / f"{i:02}.png")
    chosen, kept = read_and_keep_back([tmp_path], count, 32)
    assert 1 <= len(kept) <= KEPT_BACK and {it.shape for it in kept} == {(32, 32, 3)}
    used = {int(photo[0, 0, 0]) for photo in chosen}
    assert not used & {int(photo[0, 0, 0]) for photo in kept}
    assert len(used) == min(count, photos if photos > count else photos - len(kept))


@pytest.fixture
def options(taught, tmp_path):
    write_scenes(tmp_path / "data", 9)
    return ptq.Options(
        model=taught("stick_breaking"),
        calibration=(tmp_path / "data" / "images",),
        output=tmp_path / "p.pt2",
        count=8,
    )


def fill(folder, kind):
    folder.mkdir()
    for i in range(8):
        side, level = {"black": (20, 0), "pixel": (1, 30 * i)}[kind]
        Image.new("RGB", (side, side), (level,) * 3).save(folder / f"{i}.png")
    return (folder,)


@pytest.mark.parametrize("kind", ["black", "pixel"])
def test_calibrating_on_nothing_is_refused(kind, options, tmp_path, capsys, monkeypatch):
    options.calibration = fill(tmp_path / kind, kind)
    with monkeypatch.context() as patch:
        patch.setattr(ptq, "post_training_quantize", None)  # refused before any work
        with pytest.raises(InputError, match="of 8 photos calibrated on are of one color"):
            ptq.main(options)
    assert not options.output.exists()
    ptq.main(dataclasses.replace(options, allow_loss=True))
    assert "on 1 photos kept back" in capsys.readouterr().out
    recorded = load_program(options.output).info.calibration["verification"]
    assert [it["photos"] for it in recorded] == ["photos kept back", "embedded photos"]


@pytest.mark.parametrize("module", [sensitivity, compare_options, tflite])
def test_no_figures_come_of_photos_of_one_color(module, options, tmp_path):
    photos = fill(tmp_path / "black", "black")
    data = f"scenes={tmp_path / 'data'}"
    json = tmp_path / "x.json"
    made = {
        sensitivity: lambda: sensitivity.Options(options.model, data, photos, json, size=96),
        compare_options: lambda: compare_options.Options(
            (options.model,), data, photos, json, size=96
        ),
        tflite: lambda: tflite.Options(
            options.model,
            tmp_path / "x.tflite",
            precision="int8",
            engine="onnx2tf",
            calibration=photos,
        ),
    }[module]()
    with pytest.raises(InputError, match="128 of 128 photos calibrated on are of one color"):
        module.main(made)
    assert not [path for path in tmp_path.iterdir() if path.stem == "x"]


def test_the_comparison_is_printed_and_recorded(options, capsys):
    ptq.main(options)
    assert "of float's map on 1 photos kept back" in capsys.readouterr().out
    recorded = load_program(options.output).info.calibration["verification"]
    assert all(it["kept"] > verification.LEAST for it in recorded)


def test_qat_keeps_no_program_that_lost_the_map(taught, tmp_path, monkeypatch):
    write_scenes(tmp_path / "data", 10)
    options = qat.Options(
        model=taught("stick_breaking"),
        data=f"scenes={tmp_path / 'data'}",
        output=tmp_path / "run",
        epochs=1,
        photos=2,
        batch=2,
        held_out=2,
        validation=2,
        count=2,
        cache=tmp_path / "cache",
    )
    monkeypatch.setattr(verification, "LEAST", 1.01)
    with pytest.raises(CheckFailedError, match=r"best\.pt2: the program lost the map"):
        qat.train(options)
    assert not (options.output / "best.pt2").exists()
    assert not (options.output / "result.json").exists()
    with pytest.raises(CheckFailedError, match="no epoch kept the map"):
        qat.train(dataclasses.replace(options, resume=True))
