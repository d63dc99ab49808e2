"""Folders give every picture in them and name the rest; results find their names."""

from __future__ import annotations

import logging
import os
import threading

import numpy as np
import pytest

from common.errors import InputError
from common.images.input_file import name_of
from common.images.photo_files import find_photos
from common.images.photos import write_image
from common.output_paths import check_targets
from edge_apps.sources.frames import Photos
from edge_apps.sources.selection import open_sources

PHOTO = np.zeros((8, 9, 3), np.uint8)


@pytest.fixture
def said(caplog):
    from common.input_notice import notice

    notice.cache_clear()
    caplog.set_level(logging.WARNING)
    return lambda: " ".join(record.getMessage() for record in caplog.records)


def test_pictures_of_every_format_are_taken_and_the_rest_is_named(tmp_path, said, monkeypatch):
    taken = ["a.JPG", "b.avif", "c.jfif", "d.jp2", "e.mpo", "f.webp", "g.pgm"]
    system = [".DS_Store", "._a.jpg", "Thumbs.db", "desktop.ini"]
    rest = ["clip.mp4", "notes.txt", "phone.heic"]
    for name in (*taken, *system, *rest):
        (tmp_path / name).touch()
    (tmp_path / "lost.png").symlink_to("nowhere.png")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "inner.jpg").touch()
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr("common.images.photo_files.reads_heic", lambda: False)
    assert [path.name for path in find_photos([tmp_path])] == taken
    assert said() == (
        f"{tmp_path}: 7 photos; left out: clip.mp4, lost.png (leads nowhere), more/ (a folder), "
        "notes.txt, phone.heic (HEIC: pip install 'samnet[heic]'). Name what is to be taken"
    )


def test_many_others_are_counted(tmp_path, said):
    for name in ("a.jpg", *(f"{i}.json" for i in range(9))):
        (tmp_path / name).touch()
    find_photos([tmp_path])
    assert "0.json, 1.json, 2.json, 3.json, 4.json and 4 more" in said()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("https://example.org/a.jpg", "https://example.org/a.jpg: an address"),
        ("s3://bucket/a.mp4", "s3://bucket/a.mp4: an address"),
        ("x" * 300, "File name too long"),
        ("loop.jpg", "a symbolic link that leads nowhere"),
        ("none.jpg", "none.jpg: no such file or folder"),
    ],
)
def test_what_is_not_there_is_said_clearly(tmp_path, monkeypatch, given, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    with pytest.raises(InputError, match=message):
        find_photos([given])


def test_an_address_is_no_source():
    with pytest.raises(InputError, match=r"rtsp://camera/live\.mp4: an address"):
        open_sources(["rtsp://camera/live.mp4"], (640, 480))


def test_pipes_are_photos_with_names(tmp_path):
    write_image(tmp_path / "a.png", PHOTO)
    reading, writing = os.pipe()
    os.write(writing, (tmp_path / "a.png").read_bytes())
    os.close(writing)
    (path,) = find_photos([f"/dev/fd/{reading}"])
    source = Photos([path])
    for _ in range(2):  # as a preview does
        (frame,) = source.frames(threading.Event())
        assert (frame.name, frame.photo.shape) == (f"fd{reading}", (8, 9, 3))
    os.close(reading)
    assert [str(path) for path in find_photos(["-"])] == ["-"]
    assert name_of("-") == "stdin"


@pytest.mark.parametrize("name", ["x" * 251, "é" * 125, "x" * 242])
def test_the_longest_names_are_written(tmp_path, name):
    path = tmp_path / f"{name}.png"
    check_targets([(tmp_path / f"{name}.jpg", path)], kind="photo", overwrite=False)
    write_image(path, PHOTO)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_too_long_names_are_refused_before_any_work(tmp_path):
    target = tmp_path / f"{'x' * 251}_overlay.png"
    with pytest.raises(InputError, match="its name takes 263 bytes"):
        check_targets([(tmp_path / "a.jpg", target)], kind="photo", overwrite=False)


def test_an_output_that_is_a_file_is_named(tmp_path):
    (tmp_path / "out").touch()
    for target in (tmp_path / "out" / "a.png", tmp_path / "out" / "deeper" / "a.png"):
        with pytest.raises(InputError, match=f"{tmp_path / 'out'}: is a file, expected a folder"):
            check_targets([(tmp_path / "a.jpg", target)], kind="photo", overwrite=True)
        with pytest.raises(InputError, match=f"{tmp_path / 'out'}: is a file, expected a folder"):
            write_image(target, PHOTO)
