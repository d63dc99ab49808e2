"""The programs for the desktop and the Raspberry Pi: files, pipes, refusals, no torch."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from common.cli import finish
from common.errors import InputError
from common.images.photos import read_map, read_photo, write_image
from edge_apps import shipped
from edge_apps.program import device_program as program
from edge_apps.program.device_program import COMMAND, PREVIEW
from edge_apps.runtime import load
from edge_apps.shipped import default_model, usable_models
from edge_apps.sources.video import Video

MakeVideo = Callable[[str, int], Path]


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Runs a program in this process: exit status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def run(main: Callable[[], None], *arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["program", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            finish(main)
        return ended.value.code, *capsys.readouterr()  # type: ignore[return-value]

    return run


Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "photo.png"
    write_image(path, np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8))
    return path


def test_photos_become_overlays_maps_and_cutouts(call: Call, photo: Path, tflite: Path) -> None:
    for show in ("overlay", "map", "cutout"):
        status, out, err = call(COMMAND.start, photo.parent, "--model", tflite, "--show", show)
        assert (status, err) == (0, "") and f"{show} of 1 frame in saliency" in out
    saliency_map = load(tflite)(read_photo(photo))
    folder = Path("saliency")
    assert (read_map(folder / "photo.png") == saliency_map).all()
    assert (np.abs(read_map(folder / "photo.png") - read_photo(photo).mean(axis=2)) < 128).all()
    assert read_photo(folder / "photo_overlay.png").shape == (40, 60, 3)
    from PIL import Image

    assert (np.asarray(Image.open(folder / "photo_cutout.png"))[..., 3] == saliency_map).all()


@pytest.mark.parametrize("show", ["overlay", "map", "cutout"])
def test_a_video_becomes_a_video_with_every_frame(
    call: Call, make_video: MakeVideo, tflite: Path, tmp_path: Path, show: str
) -> None:
    clip = make_video("in/clip.avi", 40)
    output = tmp_path / "out"
    status, out, _ = call(
        COMMAND.start, clip, "--model", tflite, "--output", output, "--show", show
    )
    assert status == 0 and f"clip.avi: {show} of 40 frames" in out
    (written,) = output.iterdir()
    assert written.name == f"clip_{show}.mp4"
    assert Video(written).total == 40 and Video(written).rate == 25


def test_a_video_of_odd_size_is_complete(call: Call, tflite: Path, tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    clip = tmp_path / "odd.avi"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter_fourcc(*"MJPG"), 12.5, (47, 31))
    for _ in range(5):
        writer.write(np.zeros((31, 47, 3), np.uint8))
    writer.release()
    assert call(COMMAND.start, clip, "--model", tflite)[0] == 0
    written = Video(Path("saliency/odd_overlay.mp4"))
    assert written.total == 5 and written.rate == 12.5


def test_videos_are_steadied_unless_told_otherwise(
    call: Call, make_video: MakeVideo, tflite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool | None] = []
    make = program.Pipeline

    def spy(*arguments: object, steady: bool | None, **named: object) -> object:
        asked.append(steady)
        return make(*arguments, steady=steady, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(program, "Pipeline", spy)
    clip = make_video("clip.avi", 4)
    for words in ((), ("--steady",), ("--no-steady",)):
        assert call(COMMAND.start, clip, "--model", tflite, "--overwrite", *words)[0] == 0
    assert asked == [None, True, False]


def test_frames_are_limited(call: Call, make_video: MakeVideo, tflite: Path) -> None:
    clip = make_video("clip.mp4", 20)
    status, out, _ = call(COMMAND.start, clip, "--model", tflite, "--frames", 7)
    assert status == 0 and "overlay of 7 frames" in out


def test_nothing_of_the_users_is_replaced(call: Call, photo: Path, tflite: Path) -> None:
    before = photo.read_bytes()
    same = call(
        COMMAND.start, photo, "--model", tflite, "--show", "map", "--output", photo.parent,
        "--overwrite",
    )  # fmt: skip
    assert same[0] == 2 and "would replace a file that is being read" in same[2]
    assert photo.read_bytes() == before
    assert call(COMMAND.start, photo, "--model", tflite)[0] == 0
    result = Path("saliency/photo_overlay.png")
    result.write_text("precious")
    again = call(COMMAND.start, photo, "--model", tflite)
    assert again[0] == 2 and "--overwrite" in again[2] and result.read_text() == "precious"
    assert call(COMMAND.start, photo, "--model", tflite, "--overwrite")[0] == 0
    assert read_photo(result).shape == (40, 60, 3)


def test_an_unreadable_photo_is_named_and_the_others_done(
    call: Call, photo: Path, tflite: Path
) -> None:
    (photo.parent / "broken.jpg").write_text("no photo")
    status, _, err = call(COMMAND.start, photo.parent, "--model", tflite)
    assert status == 2 and "1 of 2 photos failed" in err and "broken.jpg" in err
    assert read_photo("saliency/photo_overlay.png").shape == (40, 60, 3)


@pytest.mark.parametrize(
    ("main", "arguments", "message"),
    [
        (COMMAND.start, [], "no SOURCE given"),
        (PREVIEW.start, [], "no SOURCE given"),
        (COMMAND.start, ["absent.jpg"], "absent.jpg: no such file"),
        (COMMAND.start, ["PHOTO", "--show", "poster"], "invalid choice: 'poster'"),
        (COMMAND.start, ["PHOTO", "--pip", "1x1"], "unrecognized arguments"),
        (COMMAND.start, ["PHOTO", "--model", "absent.tflite"], "absent.tflite: no such file"),
        (COMMAND.start, ["PHOTO", "--model", "PHOTO"], "unknown suffix"),
        (COMMAND.start, ["PHOTO", "--threads", "0"], "threads is 0"),
        (COMMAND.start, ["PHOTO", "--threads", "x"], "invalid int value"),
        (COMMAND.start, ["PHOTO", "--frames", "0"], "--frames is 0"),
        (COMMAND.start, ["PHOTO", "--window", "--preview"], "exclude each other"),
        (COMMAND.start, ["picamera", "--camera-size", "9"], "expected WIDTHxHEIGHT"),
        (COMMAND.start, ["camera:9999", "--output", "out"], "camera:9999: no camera"),
        (COMMAND.start, ["--pipe", "64"], "expected WIDTHxHEIGHT"),
        (COMMAND.start, ["--pipe", "0x48"], "expected WIDTHxHEIGHT"),
        (COMMAND.start, ["--pipe", "99999x9"], "expected WIDTHxHEIGHT"),
        (COMMAND.start, ["PHOTO", "--pipe", "64x48"], "--pipe takes no SOURCE"),
        (PREVIEW.start, ["PHOTO", "--address", "8000"], "expected HOST:PORT"),
        (PREVIEW.start, ["PHOTO", "--address", "127.0.0.1:99999"], "expected HOST:PORT"),
        (PREVIEW.start, ["PHOTO", "--address", "192.0.2.1:8000"], "cannot be served"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(
    call: Call, photo: Path, main: Callable[[], None], arguments: list[str], message: str
) -> None:
    pytest.importorskip("cv2")
    given = [str(photo) if argument == "PHOTO" else argument for argument in arguments]
    status, out, err = call(main, *given)
    assert status == 2 and out == "" and not Path("saliency").exists()
    line = err.replace("INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n", "")
    assert line.startswith("error: ") and line.count("\n") == 1 and message in line


def test_a_window_without_a_display_is_refused(
    call: Call, photo: Path, tflite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setitem(os.environ, "DISPLAY", "")
    status, _, err = call(COMMAND.start, photo, "--model", tflite, "--window")
    assert status == 2 and "use --preview" in err


def pipe(size: str, frames: bytes, model: Path) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "edge_apps.desktop", "--pipe", size, "--model", str(model)]
    return subprocess.run(command, input=frames, capture_output=True, timeout=60)


def test_a_pipe_turns_raw_frames_into_raw_maps(tflite: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (9, 30, 50, 3), dtype=np.uint8)
    ended = pipe("50x30", frames.tobytes(), tflite)
    assert ended.returncode == 0
    maps = np.frombuffer(ended.stdout, np.uint8).reshape(9, 30, 50)
    segmenter = load(tflite)
    for frame, saliency_map in zip(frames, maps, strict=True):
        assert (saliency_map == segmenter(frame)).all()


def test_a_pipe_that_ends_within_a_frame_is_refused(tflite: Path) -> None:
    ended = pipe("50x30", bytes(50 * 30 * 3 + 7), tflite)
    assert ended.returncode == 2 and len(ended.stdout) == 50 * 30
    assert b"frame 2 ends after 7 of 4500 bytes" in ended.stderr
    assert pipe("50x30", b"", tflite).returncode == 0


def test_the_shipped_artifact_is_the_default_and_starts_without_torch(
    photo: Path, tmp_path: Path
) -> None:
    code = (
        "import sys\n"
        "from edge_apps import raspberry_pi, desktop\n"
        "from edge_apps.preview import __main__, server, session\n"
        "from edge_apps.program.device_program import COMMAND\n"
        "sys.argv = ['desktop', sys.argv[1], '--output', sys.argv[2], '--threads', '1']\n"
        "COMMAND.start()\n"
        "heavy = {'torch', 'tensorflow', 'scipy', 'samnet', 'cv2', 'picamera2'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    output = tmp_path / "out"
    command = [sys.executable, "-c", code, str(photo), str(output)]
    subprocess.run(command, check=True, timeout=60)
    assert read_photo(output / "photo_overlay.png").shape == (40, 60, 3)
    assert default_model() in usable_models()


def test_the_largest_default_is_taken_and_its_absence_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    with pytest.raises(InputError, match="--model"):
        default_model()
    for name in ("samnet-lite_96_int8.tflite", "samnet-lite_336_int8.tflite", "samnet_9_x.tflite"):
        (tmp_path / name).touch()
    assert default_model().name == "samnet-lite_336_int8.tflite"
