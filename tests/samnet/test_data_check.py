from __future__ import annotations

import numpy as np
import pytest

from common.images.photos import read_map, write_image
from samnet.data.check import check
from samnet.data.layouts import find_pairs


def found(folder, kind):
    return [p for p in check(find_pairs(folder)) if p.kind == kind]


def test_nothing_is_wrong_with_the_scenes(scenes, command):
    assert check(find_pairs(scenes)) == []
    status, out, err = command("samnet.data.check", "--data", scenes)
    assert (status, err) == (0, "")
    assert "3 pairs, findings: 0" in out


def test_missing_partners(scenes):
    (scenes / "masks" / "scene-0000.png").unlink()
    (scenes / "images" / "scene-0002.jpg").unlink()
    texts = [problem.text for problem in found(scenes, "missing partner")]
    assert len(texts) == 2
    assert texts[0].endswith("scene-0000.jpg: has no mask")
    assert texts[1].endswith("scene-0002.png: has no photo")


@pytest.mark.parametrize("name", ["images/scene-0001.jpg", "masks/scene-0001.png"])
def test_unreadable_files(scenes, name):
    (scenes / name).write_bytes((scenes / name).read_bytes()[:60])
    (problem,) = found(scenes, "unreadable")
    assert problem.fatal
    assert name in problem.text


def test_a_list_that_names_a_missing_file(scenes):
    listed = scenes / "list.txt"
    listed.write_text("images/scene-0000.jpg masks/none.png\n")
    (problem,) = found(listed, "unreadable")
    assert "none.png: no such file" in problem.text


def test_size_mismatch(scenes):
    path = scenes / "masks" / "scene-0001.png"
    write_image(path, read_map(path)[:-8], overwrite=True)
    (problem,) = found(scenes, "size mismatch")
    assert "96x64 pixels, expected 96x72 as scene-0001.jpg" in problem.text


def test_gray_masks_are_told_but_usable(scenes):
    path = scenes / "masks" / "scene-0001.png"
    mask = read_map(path)
    mask[0, :3] = 10, 20, 30
    write_image(path, mask, overwrite=True)
    (problem,) = found(scenes, "not two-valued")
    assert not problem.fatal
    assert "5 gray values" in problem.text


def test_masks_of_zero_and_one_have_no_foreground(scenes):
    path = scenes / "masks" / "scene-0001.png"
    write_image(path, (read_map(path) > 0).astype(np.uint8), overwrite=True)
    (problem,) = found(scenes, "no foreground")
    assert "highest value is 1" in problem.text


def test_counts_that_differ_from_the_published_ones(scenes):
    (problem,) = check(find_pairs(f"ECSSD={scenes}"))
    assert (problem.kind, problem.fatal) == ("count", False)
    assert problem.text == "3 pairs, 1000 were published"


def test_the_command_lists_findings_and_ends_with_2(scenes, command):
    for mask in (scenes / "masks").iterdir():
        mask.write_bytes(b"no picture")
    status, out, err = command("samnet.data.check", "--data", scenes, "--show", 1)
    assert status == 2
    assert "unreadable: 3" in out
    assert "and 2 more" in out
    assert err == "error: 3 files or pairs cannot be used; mend or remove them\n"


def test_the_command_wants_a_data_set_that_exists(tmp_path, command):
    assert command("samnet.data.check", "--data", tmp_path / "none")[0] == 2
