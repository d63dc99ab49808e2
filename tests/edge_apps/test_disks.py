"""Disks that are full, folders and files that an ordinary user may not use."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.errors import InputError
from common.files import replacing
from edge_apps.runtime import load
from edge_apps.sources.video import Video

if os.name != "posix":
    pytest.skip("permissions of POSIX systems", allow_module_level=True)

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path, ordinary: list[str]) -> Run:
    """Runs ``python -m MODULE ARGUMENTS`` as an ordinary user, with a limit for files in KiB."""

    def start(module: str, *arguments: object, kib: int | None = None) -> object:
        limit = [] if kib is None else ["bash", "-c", f'ulimit -f {kib}; exec "$@"', "bash"]
        command = [*ordinary, *limit, sys.executable, "-m", module, *arguments]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        return subprocess.run(
            [str(it) for it in command],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=tmp_path,
            env=environment,
        )

    return start  # type: ignore[return-value]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "photo.png"
    path.parent.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def refusal(ended: subprocess.CompletedProcess[str]) -> str:
    """The only line of a command that refused."""
    lines = [line for line in ended.stderr.splitlines() if not line.startswith("INFO: ")]
    assert ended.returncode == 2 and len(lines) == 1, ended
    return lines[0]


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    """A folder that may be read, and not written to."""
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    return folder


@pytest.mark.parametrize("inside", ["", "deeper/still"])
def test_a_folder_that_may_not_be_written(
    inside: str, run: Run, photo: Path, tflite: Path, locked: Path
) -> None:
    output = locked / inside
    ended = run("edge_apps.desktop", photo, "--model", tflite, "--output", output)
    assert refusal(ended) == (
        f"error: {output}/photo_overlay.png: cannot be written (Permission denied)"
    )
    assert list(locked.iterdir()) == []


def test_a_video_into_a_folder_that_may_not_be_written(
    run: Run, make_video: Callable[[str, int], Path], tflite: Path, locked: Path
) -> None:
    clip = make_video("clip.mp4", 3)
    ended = run("edge_apps.raspberry_pi", clip, "--model", tflite, "--output", locked)
    assert refusal(ended).endswith("clip_overlay.mp4: cannot be written (Permission denied)")


def test_prediction_and_evaluation_into_such_a_folder(
    run: Run, scenes: Path, tflite: Path, locked: Path
) -> None:
    photos = scenes / "images"
    ended = run("samnet.predict", photos, "--model", tflite, "--output", locked)
    assert "locked/" in refusal(ended) and refusal(ended).endswith("(Permission denied)")
    data = ("--data", f"x={scenes}", "--model", tflite)
    ended = run("samnet.evaluate", *data, "--json", locked / "r.json")
    assert refusal(ended) == f"error: {locked}/r.json: cannot be written (Permission denied)"
    assert list(locked.iterdir()) == []


@pytest.mark.parametrize("name", ["photo.png", "clip.mp4", "m.tflite"])
def test_a_file_of_somebody_else(
    name: str,
    run: Run,
    make_video: Callable[[str, int], Path],
    photo: Path,
    tflite: Path,
    tmp_path: Path,
) -> None:
    path = tmp_path / "theirs" / name
    path.parent.mkdir()
    source = {"photo.png": photo, "m.tflite": tflite}.get(name)
    shutil.copy(source or make_video("clip.mp4", 3), path)
    given = (photo, "--model", path) if name == "m.tflite" else (path, "--model", tflite)
    for locked in (path, path.parent):
        mode = locked.stat().st_mode
        locked.chmod(0)
        try:
            line = refusal(run("edge_apps.desktop", *given))
        finally:
            locked.chmod(mode)
        assert str(path) in line and "(Permission denied)" in line


def test_loading_says_what_cannot_be_read(tflite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", str(tflite))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match=r"mean_32_int8.tflite: cannot be read \(Permission den"):
        load(tflite)


def test_a_temporary_file_is_not_named(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    line = re.escape(f"{path}: cannot be written (No space left on device)")
    with (
        pytest.raises(InputError, match=line),
        replacing(path) as outer,
        replacing(outer, overwrite=True),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert list(tmp_path.iterdir()) == []


def test_a_picture_for_which_there_is_no_room(run: Run, photo: Path, tflite: Path) -> None:
    ended = run("edge_apps.desktop", photo, "--model", tflite, kib=4)
    line = refusal(ended)
    assert line.startswith("error: saliency/photo_overlay.png: cannot be written (")
    assert list((photo.parents[1] / "saliency").iterdir()) == []


def test_a_video_for_which_there_is_no_room(
    run: Run, make_video: Callable[[str, int], Path], tflite: Path, tmp_path: Path
) -> None:
    clip = make_video("clip.mp4", 600)
    ended = run("edge_apps.desktop", clip, "--model", tflite, kib=4)
    line = refusal(ended)
    assert line.startswith("error: saliency/clip_overlay.mp4: could not be encoded")
    assert list((tmp_path / "saliency").iterdir()) == []


def test_a_full_disk_ends_a_video_at_once(
    make_video: Callable[[str, int], Path],
    tflite: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from edge_apps.program.outputs import LOOK_EVERY, Folder
    from edge_apps.program.pipeline import Pipeline

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100))
    source = Video(make_video("clip.mp4", 4 * LOOK_EVERY))
    seen = 0

    def count() -> object:
        nonlocal seen
        for result in Pipeline(source, load(tflite)).results():
            seen += 1
            yield result

    with pytest.raises(InputError, match=r"clip_map.mp4: cannot be written \(No space left"):
        Folder(tmp_path / "out", "map").write(count(), source)  # type: ignore[arg-type]
    assert seen == LOOK_EVERY and list((tmp_path / "out").iterdir()) == []
