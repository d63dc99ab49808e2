from __future__ import annotations

import pytest

from common.errors import InputError
from samnet.data.layouts import find_pairs
from samnet.data.published import LAYOUTS

PUBLISHED = {
    "DUTS-TR": ("DUTS-TR-Image/a.jpg", "DUTS-TR-Mask/a.png"),
    "DUTS-TE": ("DUTS-TE-Image/a.jpg", "DUTS-TE-Mask/a.png"),
    "ECSSD": ("images/a.jpg", "ground_truth_mask/a.png"),
    "DUT-OMRON": ("DUT-OMRON-image/a.jpg", "pixelwiseGT-new-PNG/a.png"),
    "HKU-IS": ("imgs/a.png", "gt/a.png"),
    "SOD": ("Imgs/a.jpg", "Imgs/a.png"),
    "THUR15K": ("Plane/Src/a.jpg", "Plane/Src/a.png"),
    "PASCAL-S": ("datasets/imgs/pascal/a.jpg", "datasets/masks/pascal/a.png"),
}


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("around", [".", "{name}"])
def test_reads_published_layouts(tmp_path, name, around):
    root = tmp_path / "data"
    touch(root / around.format(name=name), *PUBLISHED[name])
    found = find_pairs(f"{name.lower()}={root}")
    (pair,) = found.pairs
    assert pair.photo == root / around.format(name=name) / PUBLISHED[name][0]
    assert pair.mask == root / around.format(name=name) / PUBLISHED[name][1]
    assert found.published_count == LAYOUTS[name].count
    assert not found.without_mask
    assert not found.without_photo


def test_the_folder_names_the_data_set(tmp_path):
    touch(tmp_path / "DUTS-TE", *PUBLISHED["DUTS-TE"])
    assert find_pairs(tmp_path / "DUTS-TE").name == "DUTS-TE"


def test_thur15k_tells_classes_apart_and_expects_photos_without_mask(tmp_path):
    for group in ("Plane", "Giraffe"):
        touch(tmp_path / group / "Src", "1.jpg", "1.png", "2.jpg")
    found = find_pairs(f"THUR15K={tmp_path}")
    assert [pair.stem for pair in found.pairs] == ["Giraffe/1", "Plane/1"]
    assert not found.without_mask


@pytest.mark.parametrize(
    ("name", "photo", "mask"),
    [
        ("SOD", "images/a.jpg", "GT/a.png"),
        ("THUR15K", "Plane/Src/a.jpg", "Plane/GT/a.png"),
        ("PASCAL-S", "imgs/pascal/a.jpg", "masks/pascal/a.png"),
        ("PASCAL-S", "Imgs/a.jpg", "Imgs/a.png"),
        ("ECSSD", "Image/a.jpg", "Mask/a.png"),
    ],
)
def test_reads_layouts_they_are_passed_on_in(tmp_path, name, photo, mask):
    touch(tmp_path, photo, mask)
    found = find_pairs(f"{name}={tmp_path}")
    assert [(p.photo, p.mask) for p in found.pairs] == [(tmp_path / photo, tmp_path / mask)]
    assert found.published_count == LAYOUTS[name].count


def test_any_pair_of_folders_matches_by_stem(tmp_path):
    touch(tmp_path, "Images/b.jpg", "Images/a.jpeg", "GT/a.png", "GT/b.bmp")
    found = find_pairs(f"mine={tmp_path}")
    assert found.name == "mine"
    assert found.published_count is None
    assert [(p.stem, p.photo.name, p.mask.name) for p in found.pairs] == [
        ("a", "a.jpeg", "a.png"),
        ("b", "b.jpg", "b.bmp"),
    ]


def test_two_folders_may_be_named(tmp_path):
    touch(tmp_path, "here/a.jpg", "there/a.png")
    found = find_pairs(f"mine={tmp_path / 'here'}:{tmp_path / 'there'}")
    assert len(found.pairs) == 1


def test_missing_partners_are_told(tmp_path):
    touch(tmp_path, "images/a.jpg", "images/b.jpg", "masks/a.png", "masks/c.png")
    found = find_pairs(tmp_path)
    assert [path.name for path in found.without_mask] == ["b.jpg"]
    assert [path.name for path in found.without_photo] == ["c.png"]


def test_list_files_are_relative_to_themselves(tmp_path):
    (tmp_path / "train.lst").write_text(
        "# made by hand\n\nphotos/b.jpg m/b.png\nphotos/a.jpg m/a.png\n"
    )
    found = find_pairs(tmp_path / "train.lst")
    assert found.name == "train"
    assert [pair.stem for pair in found.pairs] == ["a", "b"]
    assert found.pairs[0].mask == tmp_path / "m/a.png"


def test_names_with_spaces_and_equals_signs(tmp_path):
    root = tmp_path / "size=64"
    touch(root, "images/a b.jpg", "masks/a b.png")
    assert find_pairs(root).name == "size=64"
    (root / "list.txt").write_text("images/a b.jpg\tmasks/a b.png\n")
    assert find_pairs(root / "list.txt").pairs == find_pairs(root).pairs


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lists_of_every_editor(tmp_path, encoding, newline):
    touch(tmp_path, "images/a.jpg", "masks/a.png", "images/é.jpg", "masks/é.png")
    text = newline.join(["images/a.jpg masks/a.png", "images/é.jpg\tmasks/é.png"])
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    (tmp_path / "list.txt").write_bytes((mark + text).encode(encoding))
    found = find_pairs(tmp_path / "list.txt")
    assert found.pairs == find_pairs(tmp_path).pairs


def test_a_list_of_16_bits_without_its_mark_is_refused(tmp_path):
    (tmp_path / "list.txt").write_text("a.jpg a.png", encoding="utf-16-le")
    with pytest.raises(InputError, match=r"not a readable list .* save it as UTF-8"):
        find_pairs(tmp_path / "list.txt")


@pytest.mark.parametrize(
    "line",
    [
        "images/a b.jpg masks/a b.png",
        "images/a b.jpg \t masks/a b.png ",
        '"images/a b.jpg"  "masks/a b.png"',
        "images\\a b.jpg\tmasks\\a b.png",
    ],
)
def test_names_with_spaces_in_lists(tmp_path, line):
    touch(tmp_path, "images/a b.jpg", "masks/a b.png")
    (tmp_path / "list.txt").write_text(line)
    assert find_pairs(tmp_path / "list.txt").pairs == find_pairs(tmp_path).pairs


def test_lists_may_be_relative_to_the_current_folder(tmp_path, monkeypatch):
    touch(tmp_path, "images/a.jpg", "masks/a.png", "lists/all.txt")
    (tmp_path / "lists/all.txt").write_text("images/a.jpg masks/a.png")
    monkeypatch.chdir(tmp_path)
    assert find_pairs("lists/all.txt").pairs[0].photo.is_file()


def test_accents_match_composed_or_not(tmp_path):
    touch(tmp_path, "images/e\u0301.jpg", "masks/\u00e9.png")
    (pair,) = find_pairs(tmp_path).pairs
    assert pair.stem == "e\u0301"
    (tmp_path / "list.txt").write_text("images/\u00e9.jpg masks/e\u0301.png", encoding="utf-8")
    (listed,) = find_pairs(tmp_path / "list.txt").pairs
    assert (listed.photo, listed.mask) == (pair.photo, pair.mask)


def by_class(root):
    for name in "ab":
        touch(root, f"images/{name}/x.jpg", f"masks/{name}/x.png", f"images/{name}/alone.jpg")
    touch(root, "images/top.jpg", "masks/top.png", "masks/c/y.png")
    (root / "images" / "round").symlink_to("..", target_is_directory=True)
    return root


def test_folders_divided_by_class(tmp_path):
    by_class(tmp_path / "set")
    found = find_pairs(f"mine={tmp_path / 'set'}")
    assert [pair.stem for pair in found.pairs] == ["a/x", "b/x", "top"]
    assert all(pair.photo.parent.name == pair.mask.parent.name for pair in found.pairs[:2])
    assert [path.name for path in found.without_mask] == ["alone.jpg", "alone.jpg"]
    assert [path.name for path in found.without_photo] == ["y.png"]
    named = find_pairs(f"mine={tmp_path / 'set/images'}:{tmp_path / 'set/masks'}")
    assert named == found


def test_lists_with_repeated_stems(tmp_path):
    by_class(tmp_path)
    lines = [f"images/{name}/x.jpg masks/{name}/x.png" for name in "ba"]
    (tmp_path / "list.txt").write_text("\n".join(lines))
    found = find_pairs(tmp_path / "list.txt")
    assert [pair.stem for pair in found.pairs] == ["a/x", "b/x"]
    assert found.pairs[0].mask == tmp_path / "masks/a/x.png"


def test_the_parts_of_a_set_are_not_mixed(tmp_path):
    for part in ("train", "val"):
        touch(tmp_path, f"images/{part}/a.jpg", f"masks/{part}/a.png")
    with pytest.raises(InputError, match=r"holds the parts train, val, expected one; name it as"):
        find_pairs(tmp_path)
    part = f"{tmp_path / 'images/train'}:{tmp_path / 'masks/train'}"
    assert len(find_pairs(f"mine={part}").pairs) == 1


def test_folders_named_as_pictures_are_none(tmp_path):
    touch(tmp_path, "images/a.jpg", "masks/a.png", "images/b.jpg/c.txt")
    found = find_pairs(tmp_path)
    assert len(found.pairs) == 1 and not found.without_mask


def test_what_cannot_be_looked_into_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"cannot be read .File name too long"):
        find_pairs("x" * 300)
    touch(tmp_path, "images/a.jpg", "masks/a.png")
    (tmp_path / "list.txt").write_text(f"{'x' * 300}.jpg a.png")
    with pytest.raises(InputError, match=r"cannot be read .File name too long"):
        find_pairs(tmp_path / "list.txt")


def test_an_address_is_no_data_set():
    with pytest.raises(InputError, match=r"https://example\.org/set\.zip: an address"):
        find_pairs("mine=https://example.org/set.zip")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.jpg\n", "line 1: 1 fields"),
        ("a.jpg a.png\na.jpg b.png\n", "line 2: a second"),
        ("a.jpg a.png\na.png b.png\n", "share the name a"),
        ("a.jpg b a.png\n", "line 1: 3 fields, expected `image mask`, divided by a tab"),
        ("", "no photo"),
    ],
)
def test_refuses_a_wrong_list(tmp_path, text, message):
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        find_pairs(tmp_path / "list.txt")


def test_refuses_a_binary_list(tmp_path):
    (tmp_path / "list.txt").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(InputError, match="not a readable list"):
        find_pairs(tmp_path / "list.txt")


def test_refuses_an_unknown_layout(tmp_path):
    touch(tmp_path, "left/a.jpg", "right/a.png")
    with pytest.raises(InputError, match=r"unknown data layout; found the folders left, right"):
        find_pairs(f"mine={tmp_path}")
    with pytest.raises(InputError, match="expected DUTS-TR-Image with DUTS-TR-Mask"):
        find_pairs(f"DUTS-TR={tmp_path}")
    with pytest.raises(InputError, match="unknown data layout 'COCO'"):
        find_pairs(tmp_path, layout="COCO")


def test_an_asked_for_layout_is_insisted_on(tmp_path):
    touch(tmp_path, "images/a.jpg", "masks/a.png")
    assert find_pairs(f"ECSSD={tmp_path}").pairs
    with pytest.raises(InputError, match="unknown data layout"):
        find_pairs(tmp_path, layout="ECSSD")


def test_refuses_what_is_not_there(tmp_path):
    with pytest.raises(InputError, match="no such folder or list file"):
        find_pairs(f"ECSSD={tmp_path / 'none'}")


def test_refuses_folders_without_a_pair(tmp_path):
    touch(tmp_path, "images/a.jpg", "masks/b.png")
    with pytest.raises(InputError, match="no photo has a mask of the same stem"):
        find_pairs(tmp_path)


def test_refuses_two_files_of_one_stem(tmp_path):
    touch(tmp_path, "images/a.jpg", "images/a.png", "masks/a.png")
    with pytest.raises(InputError, match="shares its stem"):
        find_pairs(tmp_path)


@pytest.mark.shared
def test_reads_the_data_sets_at_hand(shared):
    assert len(find_pairs(shared / "data" / "DUTS-TR").pairs) == LAYOUTS["DUTS-TR"].count
    assert len(find_pairs(f"ECSSD={shared / 'data' / 'ECSSD'}").pairs) == 250
