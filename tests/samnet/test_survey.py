"""Every command that uses a data set finds the same faults, and says them in the same words."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from PIL import Image

from common.errors import InputError
from common.images.photos import cutout, read_map, read_photo, write_image
from samnet.data.check import check
from samnet.data.layouts import find_pairs
from samnet.data.survey import look_over, open_data
from samnet.data.synthetic import write_scenes
from samnet.evaluation.metrics import SaliencyMetrics
from samnet.train import train
from samnet.training.options import TrainOptions


@pytest.fixture
def said(caplog):
    from common.input_notice import notice

    notice.cache_clear()
    caplog.set_level(logging.WARNING)
    return lambda: " ".join(record.getMessage() for record in caplog.records)


def change_masks(folder, change, names="*"):
    """Rewrites masks; ``change`` takes an array of 0 and 255 and gives one or an image."""
    for path in sorted((folder / "masks").glob(names)):
        changed = change(read_map(path))
        path.unlink()
        image = changed if isinstance(changed, Image.Image) else Image.fromarray(changed)
        image.save(path)


def in_palette(mask):
    image = Image.fromarray(mask // 255, "P")
    image.putpalette([0, 0, 0, 128, 0, 0])
    return image


USELESS = {
    "zero and one": (lambda m: m // 255, "3 of 3 masks have no foreground", "values 0, 1); mult"),
    "one of 65535": (
        lambda m: (m // 255).astype(np.uint16),
        "3 of 3 masks have no foreground",
        "values up to 1 of 65535); multiply them by 65535",
    ),
    "dark": (lambda m: m // 2, "no foreground", "values 0, 127); write what is salient as 255"),
    "black": (lambda m: m * 0, "no foreground", "value 0); expected masks, with 255 for what is"),
    "white": (lambda m: m | 255, "nothing but foreground", "value 255); expected masks, with 0"),
    "a speck": (
        lambda m: np.where(np.arange(m.size).reshape(m.shape) < (m[0, 0] == 0), 255, 0).astype(
            "u1"
        ),
        "hardly any foreground",
        "values 0, 255); write what is salient as 255",
    ),
    "red": (lambda m: m[..., None] * np.uint8([1, 0, 0]), "a color picture", "white on black"),
    "palette": (in_palette, "the values 0, 1 in palette colors", "white on black"),
}


@pytest.mark.parametrize("kind", USELESS)
def test_useless_masks_end_every_command(tmp_path, command, kind):
    change, fault, cure = USELESS[kind]
    scenes = tmp_path / "scenes"
    write_scenes(scenes, 3, (120, 160))
    change_masks(scenes, change)
    maps, out = tmp_path / "maps", tmp_path / "out.json"
    errors = [
        command("samnet.evaluate", "--data", scenes, "--maps", maps, "--json", out),
        command("samnet.data.check", "--data", scenes),
        command("samnet.sheet", "--data", scenes, "--model", maps, "--output", tmp_path / "a.png"),
    ]
    assert [status for status, _, _ in errors] == [2, 2, 2]
    assert not out.exists()
    texts = [errors[0][2], errors[2][2], "".join(errors[1][1:])]
    options = TrainOptions(data=str(scenes), output=tmp_path / "run", cache=tmp_path / "cache")
    with pytest.raises(InputError) as refused:
        train(options)
    assert not options.output.exists()
    for text in (*texts, str(refused.value)):
        assert fault in text and cure in text


def test_a_few_empty_or_full_masks_are_told_and_allowed(scenes, command, tmp_path, said):
    change_masks(scenes, lambda mask: mask * 0, "*0.png")
    change_masks(scenes, lambda mask: mask | 255, "*1.png")
    assert command("samnet.data.check", "--data", scenes)[0] == 0
    maps = tmp_path / "maps"
    for pair in find_pairs(scenes).pairs:
        write_image(maps / f"{pair.stem}.png", read_map(pair.mask))
    arguments = ["--data", scenes, "--maps", maps, "--json", tmp_path / "out.json"]
    assert command("samnet.evaluate", *arguments)[0] == 0
    assert "1 of 3 masks has no foreground" in said() and "fine if nothing is salient" in said()
    assert "1 of 3 masks has nothing but foreground" in said()


def test_photos_without_mask_are_told(scenes, said):
    (scenes / "masks" / "scene-0000.png").unlink()
    (scenes / "images" / "scene-0002.jpg").unlink()
    assert len(open_data(scenes).pairs) == 1
    assert "scenes: 1 photo has no mask and is left out: scene-0000.jpg" in said()
    assert "scenes: 1 mask has no photo and is left out: scene-0002.png" in said()


def test_others_of_several_processes_say_nothing(scenes, said, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    (scenes / "masks" / "scene-0000.png").unlink()
    open_data(scenes)
    assert said() == ""


def test_alpha_channels_are_masks_and_told(scenes, said):
    before = [read_map(pair.mask) for pair in find_pairs(scenes).pairs]
    change_masks(scenes, lambda mask: cutout(np.full((*mask.shape, 3), 200, np.uint8), mask))
    for pair, mask in zip(open_data(scenes).pairs, before, strict=True):
        np.testing.assert_array_equal(read_map(pair.mask), mask)
    assert "scenes: 3 of 3 masks have an alpha channel, which is read as the mask" in said()
    (finding,) = check(find_pairs(scenes))
    assert finding.text in said() and not finding.fatal


def test_class_numbers_with_a_border_are_told(scenes, said):
    def numbered(mask):
        border = np.roll(mask, 1, 1) != mask
        return np.where(border, np.uint8(255), mask // 255 * np.uint8(15))

    change_masks(scenes, numbered)
    assert [finding.kind for finding in look_over(find_pairs(scenes))] == ["class numbers"]
    open_data(scenes)
    assert "3 of 3 masks have small values beside 255" in said()
    assert "values 0, 15, 255); if these are class numbers" in said()


BACK = {
    3: Image.Transpose.ROTATE_180,
    6: Image.Transpose.ROTATE_90,
    8: Image.Transpose.ROTATE_270,
}
"""What lays upright pixels as those of an orientation lie in a file."""


def turn(folder, orientation, *, masks):
    """Turns photos by EXIF; masks stay as they are seen, or are drawn on the raw pixels."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    for pair in find_pairs(folder).pairs:
        photo = Image.fromarray(read_photo(pair.photo)).transpose(BACK[orientation])
        photo.save(pair.photo, quality=95, exif=exif)
        if masks:
            mask = Image.fromarray(read_map(pair.mask)).transpose(BACK[orientation])
            mask.save(pair.mask)


@pytest.mark.parametrize(("orientation", "size"), [(3, (72, 96)), (6, 96), (8, 96)])
def test_masks_drawn_on_raw_pixels_are_told(tmp_path, orientation, size, said):
    write_scenes(tmp_path / "right", 8, size)
    write_scenes(tmp_path / "raw", 8, size)
    turn(tmp_path / "right", orientation, masks=False)
    turn(tmp_path / "raw", orientation, masks=True)
    assert look_over(find_pairs(tmp_path / "right")) == []
    open_data(tmp_path / "raw")
    assert "8 photos that EXIF turns fit their masks better unturned" in said()
    kinds = [finding.kind for finding in check(find_pairs(tmp_path / "raw"))]
    assert kinds == ["orientation"]


def test_sizes_at_odds_by_a_turn_are_explained(scenes, command, tmp_path):
    turn(scenes, 6, masks=True)
    status, _, err = command(
        *("samnet.evaluate", "--data", scenes, "--maps", tmp_path, "--json", tmp_path / "out.json")
    )
    assert status == 2
    assert "mask of 72x96 pixels, expected 96x72 as scene-0000.jpg, which EXIF turns" in err
    assert "exiftool -Orientation=" in err


@pytest.mark.parametrize("kind", ["gray", "16 bits", "alpha", "1 bit", "cut-out", "float"])
def test_maps_of_every_kind_give_the_same_figures(scenes, command, tmp_path, kind):
    metrics, maps = SaliencyMetrics(), tmp_path / "maps"
    maps.mkdir()
    for pair in find_pairs(scenes).pairs:
        mask = read_map(pair.mask)
        saliency_map = mask // 4 * 3 + np.uint8(20) * (np.indices(mask.shape)[0] < 30).astype(
            np.uint8
        )
        saliency_map = (saliency_map > 128) * np.uint8(255) if kind == "1 bit" else saliency_map
        metrics.add(saliency_map, mask)
        white = np.full((*saliency_map.shape, 3), 255, np.uint8)
        made = {
            "gray": saliency_map,
            "1 bit": saliency_map > 128,
            "16 bits": saliency_map.astype(np.uint16) * 257,
            "alpha": cutout(white, saliency_map),
            "cut-out": cutout(read_photo(pair.photo), saliency_map),
            "float": saliency_map.astype(np.float32) / 255,
        }[kind]
        Image.fromarray(made).save(maps / f"{pair.stem}.{'tif' if kind == 'float' else 'png'}")
    arguments = ["--data", scenes, "--maps", maps, "--json", tmp_path / "out.json"]
    status, out, err = command("samnet.evaluate", *arguments)
    assert status == 0, err
    scores = metrics.scores()
    assert f"{scores.max_F:.4f}" in out and f"{scores.MAE:.4f}" in out and f"{scores.S:.4f}" in out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m // 255, "hold values from 0 to 1, expected 0 to 255; multiply them by 255"),
        (lambda m: (m // 255).astype(np.uint16), "expected 0 to 65535; multiply them by 65535"),
        (lambda m: m.astype(np.uint16), "hold values up to 255 of 65535; scale them"),
        (lambda m: m[..., None] * np.uint8([1, 1, 0]), "a color picture"),
    ],
)
def test_maps_that_do_not_use_their_range_are_refused(scenes, command, tmp_path, change, message):
    (tmp_path / "maps").mkdir()
    for pair in find_pairs(scenes).pairs:
        Image.fromarray(change(read_map(pair.mask))).save(tmp_path / "maps" / f"{pair.stem}.png")
    given = ["--data", scenes, "--maps", tmp_path / "maps", "--json", tmp_path / "out.json"]
    status, _, err = command("samnet.evaluate", *given)
    assert status == 2 and message in err
    given = ["--data", scenes, "--model", tmp_path / "maps", "--output", tmp_path / "a.png"]
    status, _, err = command("samnet.sheet", *given)
    assert status == 2 and message in err


def test_maps_of_repeated_stems_are_not_mixed_up(scenes, command, tmp_path):
    for kind in ("images", "masks"):
        for path in sorted((scenes / kind).iterdir()):
            target = scenes / kind / path.stem / f"x{path.suffix}"
            target.parent.mkdir()
            path.rename(target)
    (tmp_path / "maps").mkdir()
    pairs = find_pairs(scenes).pairs
    write_image(tmp_path / "maps" / "x.png", read_map(pairs[0].mask))
    given = ["--data", scenes, "--maps", tmp_path / "maps", "--json", tmp_path / "out.json"]
    status, _, err = command("samnet.evaluate", *given)
    assert status == 2 and "no map for any of the 3 photos" in err
    for pair in pairs:
        write_image(tmp_path / "maps" / f"{pair.stem}.png", read_map(pair.mask))
    assert command("samnet.evaluate", *given)[0] == 0
