"""Standard streams that are closed, full or left by their readers, and requests to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_apps.runtime import load

if os.name != "posix":
    pytest.skip("shells of POSIX systems", allow_module_level=True)

PYTHON = f"'{sys.executable}'"
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    "PYTHONPATH": str(Path(__file__).parents[2]),
}
FULL = Path("/dev/full")
NEEDS_FULL = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


def shell(line: str, folder: Path, **options: object) -> subprocess.CompletedProcess[str]:
    """Runs a line of bash whose status is that of the first program of a pipe that failed."""
    settings = {
        "capture_output": True,
        "text": True,
        "timeout": 120,
        "env": ENVIRONMENT,
        **options,
    }
    command = ["bash", "-c", f"set -o pipefail; {line}"]
    return subprocess.run(command, cwd=folder, **settings)  # type: ignore[call-overload]


def into_nothing(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a line of bash whose standard output is a pipe that nobody reads any more."""
    read, write = os.pipe()
    os.close(read)
    try:
        return shell(line, folder, capture_output=False, stdout=write, stderr=subprocess.PIPE)
    finally:
        os.close(write)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def desktop(photo: Path, tflite: Path) -> str:
    """The program on a photo, as a line of a shell."""
    return f"{PYTHON} -m edge_apps.desktop {photo} --model {tflite} --threads 1"


@pytest.mark.parametrize(
    "command",
    ["edge_apps.desktop --help", "edge_apps.preview --help", "samnet.predict --help"],
)
def test_a_reader_that_goes_away_ends_a_command_quietly(command: str, tmp_path: Path) -> None:
    ended = into_nothing(f"{PYTHON} -m {command}", tmp_path)
    assert (ended.returncode, ended.stderr) == (141, "")


def test_results_are_complete_though_nobody_reads_about_them(desktop: str, tmp_path: Path) -> None:
    ended = into_nothing(desktop, tmp_path)
    assert ended.returncode == 141 and "Traceback" not in ended.stderr
    assert Image.open(tmp_path / "saliency/photo_overlay.png").size == (60, 40)


def test_an_error_is_the_status_though_nobody_reads(desktop: str, tmp_path: Path) -> None:
    assert into_nothing(f"{desktop} --frames 0", tmp_path).returncode == 2
    assert into_nothing(f"{desktop} --frames 0 2>&1", tmp_path).returncode == 2


def test_a_broken_pipe_elsewhere_stays_a_defect() -> None:
    code = (
        "import os\n"
        "from common.cli import finish\n"
        "def main():\n"
        "    read, write = os.pipe()\n"
        "    os.close(read)\n"
        "    os.write(write, b'x')\n"
        "finish(main)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 1 and "BrokenPipeError" in ended.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_do_not_matter_to_files(closed: str, desktop: str, tmp_path: Path) -> None:
    ended = shell(f"{desktop} {closed}", tmp_path)
    assert ended.returncode == 0 and "Traceback" not in ended.stdout + ended.stderr
    assert Image.open(tmp_path / "saliency/photo_overlay.png").size == (60, 40)
    if closed == "2>&-":
        assert ended.stdout == "photo.png: overlay of 1 frame in saliency\n"


def test_an_error_line_is_not_printed_as_output(desktop: str, tmp_path: Path) -> None:
    ended = shell(f"{desktop} --frames 0 2>&-", tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")


@pytest.mark.parametrize(
    ("closed", "name"), [("<&-", "input"), (">&-", "output"), ("<&- >&-", "input")]
)
def test_a_pipe_needs_both_of_its_ends(
    closed: str, name: str, tflite: Path, tmp_path: Path
) -> None:
    line = f"{PYTHON} -m edge_apps.desktop --pipe 8x8 --model {tflite} {closed}"
    ended = shell(line, tmp_path, input="")
    assert ended.returncode == 2 and ended.stderr.count("\n") == 1
    assert ended.stderr.startswith(f"error: standard {name} is closed; ")


def test_a_pipe_works_without_an_error_stream(tflite: Path, tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    (tmp_path / "frames").write_bytes(frames.tobytes())
    line = f"{PYTHON} -m edge_apps.desktop --pipe 8x8 --model {tflite} < frames > maps 2>&-"
    assert shell(line, tmp_path).returncode == 0
    segment = load(tflite)
    expected = b"".join(segment(frame).tobytes() for frame in frames)
    assert (tmp_path / "maps").read_bytes() == expected


def test_a_pipe_whose_reader_goes_away(tflite: Path, tmp_path: Path) -> None:
    line = (
        f"head -c 20000000 /dev/zero | {PYTHON} -m edge_apps.desktop --pipe 200x100 "
        f"--model {tflite} | head -c 30000 | wc -c"
    )
    ended = shell(f"{line}; exit ${{PIPESTATUS[1]}}", tmp_path)
    assert ended.returncode == 141 and ended.stdout.strip() == "30000"
    assert "Traceback" not in ended.stderr and "error" not in ended.stderr


def test_streams_that_do_not_wait_lose_nothing(tflite: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (6, 300, 200, 3), dtype=np.uint8)
    expected = b"".join(load(tflite)(frame).tobytes() for frame in frames)
    given, feed = os.pipe()
    maps, written = os.pipe()
    for end in (given, written):
        os.set_blocking(end, False)
    command = [sys.executable, "-m", "edge_apps.desktop", "--pipe", "200x300", "--model", tflite]
    with subprocess.Popen(command, stdin=given, stdout=written, env=ENVIRONMENT) as process:
        os.close(given)
        os.close(written)
        with open(feed, "wb") as file, open(maps, "rb") as results:
            file.write(frames[0].tobytes())
            file.flush()
            time.sleep(0.2)
            file.write(frames[1:].tobytes())
            file.close()
            assert results.read() == expected
    assert process.returncode == 0


def test_photos_come_from_pipes(tflite: Path, photo: Path, tmp_path: Path) -> None:
    line = f"{PYTHON} -m edge_apps.desktop --show map --model {tflite}"
    for given, name in (
        (f"{line} - < {photo}", "stdin"),
        (f"cat {photo} | {line} --output saliency2 -", "stdin"),
        (f"{line} /dev/fd/9 9< {photo}", "fd9"),
        (f"mkfifo pipe; cat {photo} > pipe & {line} pipe", "pipe"),
    ):
        assert shell(given, tmp_path).returncode == 0
        folder = "saliency2" if "saliency2" in given else "saliency"
        saliency_map = np.asarray(Image.open(tmp_path / folder / f"{name}.png"))
        assert (saliency_map == load(tflite)(photo)).all()
    ended = shell(f"{line} - --overwrite <&-", tmp_path)
    assert ended.returncode == 2 and "-: is empty; pipe a photo" in ended.stderr


@NEEDS_FULL
def test_output_to_a_full_disk_is_told(desktop: str, tflite: Path, tmp_path: Path) -> None:
    line = "error: standard output: cannot be written (No space left on device)"
    for unbuffered in ("", "PYTHONUNBUFFERED=1 "):
        ended = shell(f"{unbuffered}{desktop} --overwrite > /dev/full", tmp_path)
        assert ended.returncode == 2 and ended.stderr.splitlines()[-1] == line
    maps = f"head -c 192 /dev/zero | {PYTHON} -m edge_apps.desktop --pipe 8x8 --model {tflite}"
    ended = shell(f"{maps} > /dev/full", tmp_path)
    assert ended.returncode == 2
    assert "cannot be written after 0 maps (No space left on device)" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_request_to_end_leaves_no_half_written_file(number: int, tmp_path: Path) -> None:
    code = (
        "import time\n"
        "from common.cli import finish\n"
        "from common.files import replacing\n"
        "def main():\n"
        "    with replacing('result.bin') as path:\n"
        "        path.write_bytes(b'half')\n"
        "        print('writing', flush=True)\n"
        "        time.sleep(60)\n"
        "finish(main)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        # Under nohup the tests themselves ignore some.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    with process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "writing\n"
        process.send_signal(number)
        said = process.stderr.read()
    assert process.returncode == 128 + number
    assert said == ("interrupted\n" if number == signal.SIGINT else "terminated\n")
    assert list(tmp_path.iterdir()) == []


def test_a_signal_that_is_ignored_stays_so(tmp_path: Path) -> None:
    code = (
        "import os, signal\n"
        "from common.cli import finish\n"
        "finish(lambda: os.kill(os.getpid(), signal.SIGHUP))\n"
    )
    command = f"trap '' HUP; exec {PYTHON} -c \"{code}\""
    assert shell(command, tmp_path).returncode == 0


def test_worker_processes_end_by_the_signal_itself() -> None:
    code = (
        "import multiprocessing, time\n"
        "from common.cli import finish\n"
        "def main():\n"
        "    worker = multiprocessing.get_context('fork').Process(target=time.sleep, args=(60,))\n"
        "    worker.start()\n"
        "    time.sleep(0.5)\n"
        "    worker.terminate()\n"
        "    worker.join(20)\n"
        "    print(worker.exitcode)\n"
        "finish(main)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (0, f"{-signal.SIGTERM}\n")
