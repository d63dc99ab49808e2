"""Videos: known by their content, whole, in time, with their sound; an early end is told."""

from __future__ import annotations

import itertools
import os
import shutil
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.containers import kind_of
from common.errors import InputError
from common.images.photos import read_photo
from edge_apps.program.device_program import COMMAND
from edge_apps.sources.animation import Animation
from edge_apps.sources.containers import has_sound, is_cut
from edge_apps.sources.frames import Frame, Photos, Playback
from edge_apps.sources.selection import open_sources
from edge_apps.sources.video import Video

cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")

MakeVideo = Callable[[str, int], Path]
SIZE = (640, 480)
FFMPEG = shutil.which("ffmpeg")
NEEDS_FFMPEG = pytest.mark.skipif(FFMPEG is None, reason="needs ffmpeg on the PATH")


@pytest.fixture
def segment(
    tflite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> Callable[..., tuple[int, str, str]]:
    """Runs the program for the desktop, which shows maps in ``out``."""

    def run(*arguments: object) -> tuple[int, str, str]:
        given = ["desktop", *arguments, "--model", tflite, "--show", "map"]
        # Plain maps: what the stand-in network gives is the photo itself.
        given += ["--no-refine", "--no-steady"]
        given += ["--output", tmp_path / "out"]
        monkeypatch.setattr(sys, "argv", [str(it) for it in given])
        with pytest.raises(SystemExit) as ended:
            COMMAND.run()
        return int(ended.value.code or 0), *capsys.readouterr()

    return run


Segment = Callable[..., tuple[int, str, str]]


def ffmpeg(*arguments: object) -> None:
    command = [FFMPEG, "-nostdin", "-v", "error", "-y", *arguments]
    subprocess.run([str(it) for it in command], check=True, timeout=60)


def frames(path: Path) -> list[Frame]:
    return list(Video(path).frames(threading.Event()))


def fast_start(path: Path) -> Path:
    """The same MP4 with its index first, as videos for the web are."""
    content = path.read_bytes()
    boxes, start = {}, 0
    while start < len(content):
        length = int.from_bytes(content[start : start + 4], "big")
        boxes[content[start + 4 : start + 8]] = content[start : start + length]
        start += length
    index = bytearray(boxes.pop(b"moov"))
    place = index.find(b"stco") + 8
    count = int.from_bytes(index[place : place + 4], "big")
    for entry in range(place + 4, place + 4 + 4 * count, 4):
        moved = int.from_bytes(index[entry : entry + 4], "big") + len(index)
        index[entry : entry + 4] = moved.to_bytes(4, "big")
    kind = boxes.pop(b"ftyp")
    path.write_bytes(kind + bytes(index) + b"".join(boxes.values()))
    return path


def cut(path: Path, share: float) -> Path:
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    return path


@pytest.mark.parametrize("name", ["clip.3gp", "clip", "clip.flv", "clip.jpg", "cl:ip.mp4", "9%d"])
def test_a_video_is_known_by_its_content(
    make_video: MakeVideo, name: str, segment: Segment
) -> None:
    made = make_video("made.mp4", 6)
    clip = made.rename(made.with_name(name))
    (source,) = open_sources([str(clip)], SIZE)
    assert isinstance(source, Video)
    status, out, _ = segment(clip)
    assert status == 0 and f"{name}: map of 6 frames" in out


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_no_text(make_video: MakeVideo, tflite: Path, tmp_path: Path) -> None:
    clip = make_video("made.mp4", 6)
    named = clip.rename(clip.with_name(os.fsdecode(b"caf\xe9.mp4")))
    arguments = ["-m", "edge_apps.desktop", named, "--model", tflite, "--output", tmp_path / "out"]
    ended = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii:strict"},
        timeout=60,
    )
    assert ended.returncode == 0
    assert ended.stdout.startswith(b"caf\\udce9.mp4: overlay of 6 frames in ")
    (written,) = (tmp_path / "out").iterdir()
    assert os.fsencode(written.name) == b"caf\xe9_overlay.mp4" and Video(written).total == 6


@NEEDS_FFMPEG
@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".avi", "-c:v mpeg4"),
        (".mkv", "-c:v mpeg4"),
        (".flv", "-c:v flv1"),
        (".ts", "-c:v mpeg2video"),
        (".mpg", "-c:v mpeg2video"),
        (".wmv", "-c:v wmv2"),
        (".y4m", "-pix_fmt yuv420p"),
        (".mjpeg", "-c:v mjpeg"),
        (".mov", "-c:v prores"),
        (".mxf", "-c:v mpeg2video"),
        (".mp4", "-c:v mpeg4 -movflags frag_keyframe+empty_moov"),
    ],
)
def test_every_container_is_read_under_any_name(
    suffix: str, options: str, make_video: MakeVideo, tmp_path: Path
) -> None:
    coded = tmp_path / f"coded{suffix}"
    ffmpeg("-i", make_video("made.mp4", 12), "-vf", "scale=96:64", *options.split(), coded)
    assert not is_cut(coded)
    named = coded.rename(tmp_path / "nameless") if suffix != ".mjpeg" else coded
    (source,) = open_sources([str(named)], SIZE)
    assert isinstance(source, Video)
    levels = [frame.photo.mean() for frame in source.frames(threading.Event())]
    assert len(levels) == 12 and levels[0] < 16 and levels[-1] > 230


def test_what_is_no_video_is_a_photo(tmp_path: Path) -> None:
    for name in ("photo.mp4", "frame0001.mp4", "photo.mjpeg", "photo"):
        path = tmp_path / name
        Image.new("RGB", (8, 8)).save(path, "JPEG")
        (source,) = open_sources([str(path)], SIZE)
        assert isinstance(source, Photos)
    for name, content in (("a.txt", "text"), ("list", "ffconcat version 1.0\nfile 'x.mp4'\n")):
        path = tmp_path / name
        path.write_text(content)
        with pytest.raises(InputError, match="not a readable picture"):
            list(open_sources([str(path)], SIZE)[0].frames(threading.Event()))
    path = (tmp_path / "list").rename(tmp_path / "list.mp4")
    with pytest.raises(InputError, match=r"list.mp4: a list of files, no video"):
        open_sources([str(path)], SIZE)


def test_a_video_is_no_photo(make_video: MakeVideo) -> None:
    clip = make_video("clip.mp4", 2)
    with pytest.raises(InputError, match=r"clip.jpg: a video, expected a photo; samnet run"):
        read_photo(clip.rename(clip.with_name("clip.jpg")))


@pytest.mark.parametrize("size", [(47, 31), (46, 31), (47, 32), (1, 1)])
def test_a_row_and_a_column_of_an_odd_size_stay(
    size: tuple[int, int], segment: Segment, tmp_path: Path
) -> None:
    clip = tmp_path / "odd.avi"
    code = cv2.VideoWriter_fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(clip), cv2.CAP_OPENCV_MJPEG, code, 10, size)
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    picture[-1:] = 255
    picture[:, -1:] = 255
    for _ in range(3):
        writer.write(picture)
    writer.release()
    assert frames(clip)[0].photo.shape == picture.shape
    assert segment(clip)[0] == 0
    (first, *_) = frames(tmp_path / "out/odd_map.mp4")
    assert first.photo.shape == (size[1] + size[1] % 2, size[0] + size[0] % 2, 3)
    # The artifact's map is 32 px wide, and enlarging it softens the edge.
    edge = first.photo[size[1] - 1, : size[0]].min(), first.photo[: size[1], size[0] - 1].min()
    assert min(edge) > 90 and (first.photo[-1, -1] > 180).all()


@pytest.mark.parametrize("name", ["clip.avi", "clip.mp4"])
def test_a_video_that_breaks_off_is_told_and_kept(
    name: str, make_video: MakeVideo, segment: Segment, tmp_path: Path
) -> None:
    clip = make_video(name, 40)
    assert not is_cut(clip)
    clip = cut(fast_start(clip) if name == "clip.mp4" else clip, 0.8)
    assert is_cut(clip)
    after = make_video("later.avi", 5)
    status, out, err = segment(clip, after)
    found = Video(tmp_path / "out/clip_map.mp4").total
    assert status == 2 and found is not None and 5 < found < 40
    assert f"clip{clip.suffix}: map of {found} frames" in out and "later.avi: map of 5" in out
    assert err.splitlines()[-1] == (
        f"error: {clip}: breaks off after {found} of 40 frames; replace the file (what came before "
        "is kept)"
    )
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "clip_map.mp4",
        "later_map.mp4",
    }


def test_a_download_that_did_not_finish_breaks_off(make_video: MakeVideo) -> None:
    clip = fast_start(make_video("clip.mp4", 400))
    content = clip.read_bytes()
    clip.write_bytes(content[: len(content) // 2] + bytes(len(content) - len(content) // 2))
    assert len(content) > 10000
    with pytest.raises(InputError, match=r"breaks off after \d+ of 400 frames"):
        frames(clip)


def test_fewer_frames_are_no_early_end(make_video: MakeVideo, segment: Segment) -> None:
    clip = fast_start(make_video("clip.mp4", 40))
    assert segment(clip, "--frames", 7)[::2] == (0, "")
    cut(clip, 0.9)
    status, out, err = segment(clip, "--frames", 7, "--overwrite")
    assert (status, err) == (0, "") and "map of 7 frames" in out


@NEEDS_FFMPEG
@pytest.mark.parametrize("suffix", [".mkv", ".webm", ".flv", ".wmv", ".ogv", ".ts", ".mp4", ".avi"])
def test_an_early_end_shows_in_every_container(
    suffix: str, make_video: MakeVideo, tmp_path: Path
) -> None:
    clip = tmp_path / f"clip{suffix}"
    try:
        ffmpeg("-i", make_video("made.mp4", 40), "-vf", "scale=96:64", clip)
    except subprocess.CalledProcessError:
        pytest.skip(f"this ffmpeg makes no {suffix}")
    assert not is_cut(clip)
    for share in (0.999, 0.9, 0.601):
        assert is_cut(cut(clip, share))


@pytest.mark.parametrize(("turn", "corner"), [(90, (0, -1)), (180, (-1, -1)), (270, (-1, 0))])
def test_a_phone_that_was_held_upright_is_seen_upright(
    turn: int, corner: tuple[int, int], tmp_path: Path
) -> None:
    clip = tmp_path / "phone.mp4"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter_fourcc(*"mp4v"), 25, (64, 32))
    picture = np.zeros((32, 64, 3), np.uint8)
    picture[:16, :16] = 255
    for _ in range(3):
        writer.write(picture)
    writer.release()
    content = bytearray(clip.read_bytes())
    a, b, c, d = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[turn]
    one, place = 1 << 16, content.find(b"tkhd") + 44
    matrix = (a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    struct.pack_into(">9i", content, place, *matrix)
    clip.write_bytes(content)
    photo = frames(clip)[0].photo
    assert photo.shape == ((32, 64, 3) if turn == 180 else (64, 32, 3))
    assert photo[corner].min() > 200 and photo.mean() < 60


@NEEDS_FFMPEG
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_variable_rate_keeps_its_time(suffix: str, segment: Segment, tmp_path: Path) -> None:
    """Half a second of 30 frames a second, then two seconds of 5."""
    clip = tmp_path / f"clip{suffix}"
    rising = "color=black:s=64x64:r=30:d=2.5,geq=lum='16+80*T':cb=128:cr=128"
    chosen = r"select='lt(n\,15)+not(mod(n\,6))'"
    ffmpeg(
        *("-f", "lavfi", "-i", f"{rising},{chosen}", "-vsync", "vfr", "-c:v", "mpeg4"),
        *("-q:v", 1, clip),
    )
    source = Video(clip)
    assert abs(source.rate - 30) < 1
    times = [frame.time for frame in source.frames(threading.Event())]
    expected = [k / 30 for k in range(75) if k < 15 or k % 6 == 0]
    assert len(times) == len(expected)
    assert np.allclose(np.array(times, float), expected, atol=0.002)
    status, out, _ = segment(clip)
    assert status == 0 and f"map of {len(expected)} frames" in out
    shown = frames(tmp_path / "out/clip_map.mp4")
    for frame in shown:
        assert frame.time is not None
        due = [it for it in expected if it <= frame.time + 0.02][-1]
        assert abs(frame.photo.mean() - 80 * due * 255 / 219) < 8


@NEEDS_FFMPEG
@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
def test_sound_is_kept(codec: str, make_video: MakeVideo, segment: Segment, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mov"
    sine = ("-f", "lavfi", "-i", "sine=duration=2")
    ffmpeg("-i", make_video("made.mp4", 50), *sine, "-c:v", "copy", "-c:a", codec, clip)
    assert has_sound(clip)
    assert segment(clip)[::2] == (0, "")
    written = tmp_path / "out/clip_map.mp4"
    assert has_sound(written) and Video(written).total == 50
    assert segment(clip, "--frames", 10, "--overwrite")[::2] == (0, "")
    assert has_sound(written) and Video(written).total == 10
    assert [path.name for path in written.parent.iterdir()] == ["clip_map.mp4"]


def test_sound_that_is_lost_is_told(
    make_video: MakeVideo, segment: Segment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = make_video("clip.mp4", 5)
    assert has_sound(clip) is False
    monkeypatch.setenv("PATH", str(tmp_path))
    assert segment(clip)[::2] == (0, "")
    handler = b"hdlr" + bytes(8) + b"soun"
    box = (8 + len(handler)).to_bytes(4, "big") + b"moov" + handler
    clip.write_bytes(clip.read_bytes() + box)
    status, _, err = segment(clip, "--overwrite")
    assert status == 0
    assert err == "clip.mp4: its sound is lost: no ffmpeg on the PATH, which would copy it\n"
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\necho no such codec >&2\nexit 1\n")
    broken.chmod(0o755)
    status, _, err = segment(clip, "--overwrite")
    assert (status, err) == (0, "clip.mp4: its sound is lost: ffmpeg: no such codec\n")
    assert Video(tmp_path / "out/clip_map.mp4").total == 5


@NEEDS_FFMPEG
def test_h264_of_a_phone(segment: Segment, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    made = ("-f", "lavfi", "-i", "testsrc=s=96x64:r=30:d=1", "-pix_fmt", "yuv420p")
    try:
        ffmpeg(*made, "-c:v", "libx264", clip)
    except subprocess.CalledProcessError:
        pytest.skip("this ffmpeg has no libx264")
    assert segment(clip)[0] == 0 and Video(tmp_path / "out/clip_map.mp4").total == 30
    later = tmp_path / "later.mp4"  # begins within a group of pictures that it holds whole
    ffmpeg("-ss", "0.5", "-i", clip, "-c", "copy", later)
    assert segment(later)[::2] == (0, "")


SHADES = (0, 60, 120, 180, 240)


def animate(path: Path, durations: list[int], **options: object) -> Path:
    pictures = [Image.new("RGB", (15, 10), (shade,) * 3) for shade in SHADES]
    first, *others = pictures
    first.save(path, save_all=True, append_images=others, duration=durations, loop=0, **options)
    return path


FORMATS = [(".gif", {}), (".png", {}), (".webp", {"lossless": True})]


@pytest.mark.parametrize(("suffix", "options"), FORMATS)
def test_an_animated_picture_is_a_video(
    suffix: str, options: dict[str, object], segment: Segment, tmp_path: Path
) -> None:
    picture = animate(tmp_path / f"moving{suffix}", [100, 200, 100, 100, 300], **options)
    (source,) = open_sources([str(picture)], SIZE)
    assert isinstance(source, Animation) and source.total == 5 and source.rate == 10
    seen = list(source.frames(threading.Event()))
    assert [int(frame.photo[0, 0, 0]) for frame in seen] == list(SHADES)
    assert np.allclose([frame.time for frame in seen], [0, 0.1, 0.3, 0.4, 0.5])  # type: ignore[misc]
    status, out, _ = segment(picture)
    assert status == 0 and f"moving{suffix}: map of 5 frames" in out
    shown = [int(frame.photo.mean()) for frame in frames(tmp_path / "out/moving_map.mp4")]
    assert np.allclose(shown, [0, 60, 60, 120, 180, 240, 240, 240], atol=8)


def test_pictures_of_a_folder_are_told_apart(segment: Segment, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    animate(folder / "a.gif", [100] * 5)
    Image.new("RGB", (9, 9)).save(folder / "b.gif")
    Image.new("RGB", (9, 9)).save(folder / "c.png")
    status, out, _ = segment(folder)
    assert status == 0 and "2 photos: map of 2 frames" in out and "a.gif: map of 5 frames" in out
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"a_map.mp4", "b.png", "c.png"}


@pytest.mark.parametrize(("suffix", "options"), FORMATS[:2])
def test_an_animation_that_breaks_off_is_told(
    suffix: str, options: dict[str, object], segment: Segment, tmp_path: Path
) -> None:
    picture = tmp_path / f"moving{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (8, 30, 30, 3), dtype=np.uint8)
    first, *others = [Image.fromarray(it) for it in noise]
    first.save(picture, save_all=True, append_images=others, duration=100, **options)
    cut(picture, 0.7)
    status, out, err = segment(picture)
    assert status == 2 and "breaks off after" in err and "map of" in out
    kept = Video(tmp_path / "out/moving_map.mp4").total
    assert kept is not None and 2 <= kept < 8


def test_playback_keeps_the_times_of_frames(tmp_path: Path) -> None:
    picture = animate(tmp_path / "moving.gif", [20, 200, 20, 20, 20])
    playback = Playback([Animation(picture)])
    start = time.monotonic()
    taken = [f.taken - start for f in itertools.islice(playback.frames(threading.Event()), 4)]
    assert taken == sorted(taken)
    assert taken[1] >= 0.02 and taken[2] >= 0.22 and taken[3] >= 0.24


def test_kinds_of_containers(tmp_path: Path) -> None:
    for head, kind in (
        (b"\0\0\0\x18ftypmp42", "mp4"),
        (b"\0\0\0\x18ftypheic", "heif"),
        (b"\0\0\0\x18ftypavif", "heif"),
        (b"RIFF\0\0\0\0AVI ", "avi"),
        (b"RIFF\0\0\0\0WAVE", None),
        (b"G" * 600, "ts"),
        (b"GIF89a", "gif"),
        (b"", None),
    ):
        path = tmp_path / "file"
        path.write_bytes(head)
        assert kind_of(path) == kind
    assert kind_of(tmp_path / "absent") is None
