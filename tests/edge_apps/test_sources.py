"""Sources: what the user names, videos, cameras that come and go, the Pi's own."""

from __future__ import annotations

import itertools
import sys
import threading
import time
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from common.errors import InputError, MissingPackageError
from common.images.photos import write_image
from edge_apps.sources.frames import Photos, Playback
from edge_apps.sources.messages import telling
from edge_apps.sources.picamera import PiCamera
from edge_apps.sources.selection import open_sources
from edge_apps.sources.video import Camera, Video

MakeVideo = Callable[[str, int], Path]

SIZE = (640, 480)


def write_photos(folder: Path, names: str) -> list[Path]:
    for name in names:
        write_image(folder / f"{name}.png", np.full((8, 9, 3), ord(name), np.uint8))
    return [folder / f"{name}.png" for name in names]


class Capture:
    """A camera of OpenCV that gives so many frames before its cable is pulled."""

    def __init__(self, count: int, level: int) -> None:
        self.left = count
        self.level = level
        self.released = False

    def grab(self) -> bool:
        self.left -= 1
        return self.left >= 0

    def retrieve(self) -> tuple[bool, np.ndarray]:
        return True, np.full((6, 8, 3), (self.level, 0, 0), np.uint8)

    def release(self) -> None:
        self.released = True


def test_photos_folders_and_videos_are_told_apart(tmp_path: Path, make_video: MakeVideo) -> None:
    write_photos(tmp_path / "photos", "ab")
    video = make_video("clip.mp4", 3)
    photos, clip = open_sources([str(tmp_path / "photos"), str(video)], SIZE)
    assert isinstance(photos, Photos) and photos.total == 2 and not photos.live
    assert isinstance(clip, Video) and clip.total == 3 and clip.rate == 25 and not clip.live


def test_cameras_are_told_apart() -> None:
    pytest.importorskip("cv2")
    for name in ("camera:0", "/dev/video12"):
        (camera,) = open_sources([name], SIZE)
        assert isinstance(camera, Camera) and camera.live and camera.name == name
    (camera,) = open_sources(["picamera"], SIZE)
    assert isinstance(camera, PiCamera) and camera.live


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["absent.jpg"], "no such file or folder"),
        (["absent.mp4"], "absent.mp4: not a readable video"),
        (["camera:0", "camera:1"], "a camera runs alone"),
        (["picamera", "photo.jpg"], "a camera runs alone"),
        (["camera:x"], "no such file or folder"),
    ],
)
def test_what_is_no_source_is_refused(given: list[str], message: str) -> None:
    pytest.importorskip("cv2")
    with pytest.raises(InputError, match=message):
        open_sources(given, SIZE)


def test_an_unreadable_photo_does_not_stop_the_others(tmp_path: Path) -> None:
    first, last = write_photos(tmp_path, "az")
    broken = tmp_path / "m.png"
    broken.write_text("no photo")
    seen: list[str] = []
    frames = Photos([first, broken, last]).frames(threading.Event())
    with pytest.raises(InputError, match=r"1 of 3 photos failed: .*m\.png"):
        seen.extend(frame.name for frame in frames)
    assert seen == ["a", "z"]


@pytest.mark.parametrize("name", ["clip.mp4", "clip.avi"])
def test_every_frame_of_a_video_is_read(make_video: MakeVideo, name: str) -> None:
    frames = list(Video(make_video(name, 12)).frames(threading.Event()))
    assert [frame.name for frame in frames] == [f"clip_{k:06}" for k in range(1, 13)]
    levels = [int(frame.photo.mean()) for frame in frames]
    assert levels == sorted(levels) and levels[0] < 8 and levels[-1] > 247
    assert frames[0].photo.shape == (32, 48, 3)


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_a_truncated_video_is_refused(make_video: MakeVideo, share: float) -> None:
    path = make_video("clip.mp4", 30)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(InputError, match=r"clip\.mp4: not a readable video"):
        Video(path)


def test_absent_opencv_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    for source in ("camera:0", str(tmp_path / "clip.mp4")):
        with pytest.raises(MissingPackageError, match=r"pip install 'samnet\[camera\]'"):
            open_sources([source], SIZE)


def test_playback_goes_round_at_the_videos_speed(make_video: MakeVideo) -> None:
    playback = Playback([Video(make_video("clip.mp4", 5))])
    start = time.monotonic()
    frames = list(itertools.islice(playback.frames(threading.Event()), 12))
    assert time.monotonic() - start >= 11 / 25
    assert [frame.name[-1] for frame in frames] == list("123451234512")


def test_playback_of_nothing_readable_ends(tmp_path: Path) -> None:
    broken = tmp_path / "m.png"
    broken.write_text("no photo")
    with pytest.raises(InputError, match=r"m\.png"):
        list(Playback([Photos([broken])]).frames(threading.Event()))


def test_an_unplugged_camera_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cv2")
    monkeypatch.setattr("edge_apps.sources.video.RETRY", 0.01)
    first, second = Capture(3, 10), Capture(2, 20)
    notices = []
    there = iter([first, None, None, second, None])
    stop = threading.Event()

    def open_camera() -> Capture | None:
        notices.append(camera.notice)
        found = next(there, None)
        if len(notices) > 6:
            stop.set()
        return found

    camera = Camera("camera:0", open_camera)
    blue = [int(frame.photo[0, 0, 2]) for frame in camera.frames(stop)]
    assert blue == [10, 10, 10, 20, 20]
    assert notices[0] == "" and "disconnected; waiting" in notices[1]
    assert first.released and second.released


def test_a_camera_that_was_never_there_is_an_error() -> None:
    pytest.importorskip("cv2")
    with pytest.raises(InputError, match="camera:7: no camera"):
        next(Camera("camera:7", lambda: None).frames(threading.Event()))


class Request:
    def make_array(self, name: str) -> np.ndarray:
        return np.full((4, 6, 3), (1, 2, 3), np.uint8)

    def release(self) -> None:
        Picamera2.held -= 1


class Picamera2:
    """As much of picamera2 as is used."""

    held = 0

    def create_video_configuration(self, main: dict[str, object]) -> dict[str, object]:
        return main

    def configure(self, configuration: dict[str, object]) -> None:
        assert configuration == {"size": SIZE, "format": "BGR888"}

    def start(self) -> None: ...

    def capture_request(self) -> Request:
        Picamera2.held += 1
        assert Picamera2.held == 1
        return Request()

    def close(self) -> None: ...


def fake_picamera2(monkeypatch: pytest.MonkeyPatch, camera: object) -> None:
    module = types.ModuleType("picamera2")
    module.Picamera2 = camera  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", module)


def test_the_pi_camera_gives_its_frames_and_its_buffers_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake_picamera2(monkeypatch, Picamera2)
    frames = list(itertools.islice(PiCamera(SIZE).frames(threading.Event()), 5))
    assert (frames[-1].photo[0, 0] == (1, 2, 3)).all() and frames[-1].name == "camera_000005"


def test_absent_pi_cameras_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(MissingPackageError, match="apt install python3-picamera2"):
        next(PiCamera(SIZE).frames(threading.Event()))

    def no_camera() -> None:
        raise IndexError("list index out of range")

    fake_picamera2(monkeypatch, no_camera)
    with pytest.raises(InputError, match="picamera: cannot be used"):
        next(PiCamera(SIZE).frames(threading.Event()))


@pytest.mark.parametrize(
    ("words", "kind", "expected"),
    [
        ("numpy.dtype size changed, may indicate …", InputError, "pip uninstall numpy"),
        ("anything else", ValueError, "anything else"),
    ],
)
def test_a_picamera2_built_for_another_numpy_is_told_apart(
    words: str,
    kind: type[Exception],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "picamera2.py").write_text(f"raise ValueError({words!r})", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "picamera2", raising=False)
    with pytest.raises(kind, match=expected):
        next(PiCamera(SIZE).frames(threading.Event()))


def test_a_missing_camera_is_told_and_its_return(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("edge_apps.sources.messages.say", said.append)
    monkeypatch.setattr("edge_apps.sources.messages.LOOK_EVERY", 0.005)
    camera = Camera("camera:0", lambda: None)
    with telling(camera):
        for count, notice in enumerate(("camera:0 is disconnected; waiting for it", ""), 1):
            camera.notice = notice
            end = time.monotonic() + 20
            while len(said) < count and time.monotonic() < end:
                time.sleep(0.005)
        camera.notice = "camera:0 is gone"
    assert said == [
        "camera:0 is disconnected; waiting for it",
        "camera:0: goes on",
        "camera:0 is gone",
    ]


def test_a_source_that_is_not_live_is_not_watched(capsys: pytest.CaptureFixture[str]) -> None:
    before = threading.active_count()
    source = Photos([Path("a.png")])
    source.notice = "nothing"
    with telling(source):
        assert threading.active_count() == before
    assert capsys.readouterr().err == ""
