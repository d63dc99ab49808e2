"""The whole way on Debian's arm64 adbd under qemu: push, run, pull, compare, and what goes wrong.

There is no Android in it: no bionic, SELinux, toybox or authorization.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import phone as phones
import pytest
from phone import SERIAL, Phone
from processes import running

from common.images.photos import read_map, read_photo, resize_photo, write_image
from edge_apps.android.bundle import BUILD, cache_folder
from edge_apps.manifest import manifest_path
from edge_apps.runtime import load
from edge_apps.shipped import FOLDER, default_model

pytestmark = pytest.mark.slow

TEMPORARY = "/data/local/tmp"

RUNNING = "samnet_runner\0/data/local/tmp/samnet/model.tflite"
"""In the command line of the runner at work, and in no other's."""


@pytest.fixture(scope="module")
def system() -> Path:
    return phones.build()


@pytest.fixture(scope="module")
def bundle(system: Path) -> Path:
    for form in ("pte", "tflite"):
        folder = cache_folder() / f"arm64-v8a-{form}"
        command = [BUILD, "arm64-v8a", form, folder]
        built = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if built.returncode:
            pytest.skip(f"no runner, perhaps no network: {built.stderr.strip()[-200:]}")
    return folder


@pytest.fixture
def phone(system: Path, bundle: Path, tmp_path: Path) -> Iterator[Phone]:
    yield from phones.started(system, tmp_path)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from samnet.data.embedded import embedded_photos

    folder = tmp_path_factory.mktemp("photos")
    for photo in embedded_photos():
        write_image(folder / f"{photo.name}.png", photo.photo)
    return folder


def listing(phone: Phone, folder: str = TEMPORARY) -> list[str]:
    # Not ls: Debian 12's proot does not know the call that it makes.
    return phone.shell(f"cd {folder} && for name in *; do [ -e $name ] && echo $name; done").split()


def until(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Waits for what a command that still runs brings about."""
    end = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate(timeout=10)
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.1)


def test_float_maps_are_those_of_the_desktop(phone: Phone, photos: Path, tmp_path: Path) -> None:
    model = next(FOLDER.glob("*_fp32.tflite"))
    out = tmp_path / "out"
    done = phone.run("run", model, photos / "rocket.png", "--serial", SERIAL, "--output", out)
    assert done.returncode == 0, done.stderr
    result = json.loads((out / "android.json").read_text())
    assert result["photos"][0]["agreement"]["max"] <= 1
    assert result["protocol"]["device"]["emulated"] and result["photos"][0]["latency_ms"] is None
    assert "emulated" in done.stdout and " ms" not in done.stdout
    expected = load(model, threads=1)(read_photo(photos / "rocket.png"), refine=False)
    assert np.abs(read_map(out / "rocket.png").astype(int) - expected).max() <= 1
    assert listing(phone) == []


def test_int8_maps_are_those_of_the_runner_without_adb(
    phone: Phone, photos: Path, tmp_path: Path, system: Path, bundle: Path
) -> None:
    model, out, frames = default_model(), tmp_path / "out", tmp_path / "frames"
    done = phone.run("run", model, photos, "--serial", SERIAL, "--output", out, "--batch", "4")
    assert done.returncode == 0, done.stderr
    result = json.loads((out / "android.json").read_text())
    segmenter = load(model, threads=1)
    size, coding = segmenter.size, segmenter.coding
    names = [path.stem for path in sorted(photos.iterdir())]
    frames.mkdir()
    (tmp_path / "maps").mkdir()
    (tmp_path / "list").write_text("\n".join(names))
    for name in names:
        frame = resize_photo(read_photo(photos / f"{name}.png"), (size, size))
        (frames / name).write_bytes(frame.tobytes())
    arguments = [model, tmp_path / "list", frames, tmp_path / "maps", "1", "0", "1"]
    loader = [bundle / "ld-linux-aarch64.so.1", "--library-path", bundle]
    command = [system / "qemu-aarch64", "-cpu", "cortex-a76", *loader, bundle / "samnet_runner"]
    subprocess.run([*command, *arguments], check=True, capture_output=True, timeout=300)
    assert [photo["photo"] for photo in result["photos"]] == [f"{name}.png" for name in names]
    for name in names:
        raw = np.fromfile(tmp_path / "maps" / name, np.uint8)
        side = math.isqrt(raw.size)
        raw = raw.reshape(side, side)
        found = read_map(out / f"{name}.png")
        assert (found == coding.enlarge(raw, size, found.shape)).all()
    print(result["summary"])
    assert all(photo["agreement"]["max"] <= 1 for photo in result["photos"])


def test_a_pte_runs_without_torch_on_the_device(phone: Phone, photos: Path, tmp_path: Path) -> None:
    (model,) = FOLDER.glob("*.pte")
    out = tmp_path / "out"
    done = phone.run("run", model, photos / "rocket.png", "--serial", SERIAL, "--output", out)
    assert done.returncode == 0, done.stderr
    result = json.loads((out / "android.json").read_text())
    assert result["protocol"]["runner"]["runtime"].startswith("executorch ")
    assert result["photos"][0]["agreement"]["max"] <= 1
    assert listing(phone) == []


@pytest.mark.parametrize("suffix", [".tflite", ".pte"])
def test_profile(phone: Phone, tmp_path: Path, suffix: str) -> None:
    (model,) = FOLDER.glob(f"*_int8{suffix}")
    result = tmp_path / "profile.json"
    words = ("--serial", SERIAL, "--repetitions", "2", "--warm-up", "1", "--json", result)
    done = phone.run("profile", model, *words)
    assert done.returncode == 0, done.stderr
    assert "operations" in done.stdout and "emulated" in done.stdout
    operations = json.loads(result.read_text())["operations"]
    convolutions = [it for it in operations if "Convolution" in it["name"]]
    assert len(convolutions) > 25 and {it["ms"] for it in operations} == {None}
    assert listing(phone) == []


def test_only_what_changed_is_pushed(phone: Phone, photos: Path, tmp_path: Path) -> None:
    pushed = []
    for index, name in enumerate(("rocket", "coffee")):
        out = tmp_path / str(index)
        words = ("--serial", SERIAL, "--output", out, "--keep")
        done = phone.run("run", default_model(), photos / f"{name}.png", *words)
        assert done.returncode == 0, done.stderr
        pushed.append(json.loads((out / "android.json").read_text())["protocol"]["pushed"])
    # The second time a photo and the list that names it.
    assert pushed[0]["files"] > 8 and pushed[1]["files"] == 2
    assert listing(phone, f"{TEMPORARY}/samnet") == ["bundle", "model.tflite"]


def test_a_lost_connection_is_taken_up_again(phone: Phone, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("--serial", SERIAL, "--output", out, "--batch", "1")
    command = phone.command("run", default_model(), photos, *words)
    with running(command, stderr=subprocess.PIPE) as process:
        until(lambda: list(out.glob("*.png")), process)
        until(lambda: phone.pids(RUNNING), process)
        phone.unplug()
        time.sleep(2)
        phone.plug()
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "connection lost" in errors and "trying again" in errors
    assert len(list(out.glob("*.png"))) == len(list(photos.iterdir()))
    assert listing(phone) == []


def test_a_connection_lost_for_good_keeps_results(
    phone: Phone, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ("--serial", SERIAL, "--output", out, "--batch", "1", "--reconnect", "2")
    command = phone.command("run", default_model(), photos, *words)
    with running(command, stderr=subprocess.PIPE) as process:
        until(lambda: list(out.glob("*.png")), process)
        phone.unplug()
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 2
    last = errors.splitlines()[-1]
    assert last.startswith("error: ") and "not back after 2 s" in last
    assert "stays on it" in last and "of 7 maps are in" in last
    result = json.loads((out / "android.json").read_text())
    assert result["failures"] and len(result["photos"]) == len(list(out.glob("*.png"))) >= 1
    # The next run takes up what was left, and removes it.
    phone.plug()
    words = ("--serial", SERIAL, "--output", out, "--overwrite")
    done = phone.run("run", default_model(), photos / "rocket.png", *words)
    assert done.returncode == 0, done.stderr
    assert listing(phone) == []


def test_a_killed_runner_is_started_again(phone: Phone, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("--serial", SERIAL, "--output", out)
    command = phone.command("run", default_model(), photos, *words)
    with running(command, stderr=subprocess.PIPE) as process:
        until(lambda: phone.pids(RUNNING), process)
        for pid in phone.pids(RUNNING):
            os.kill(pid, signal.SIGKILL)
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "killed (SIGKILL)" in errors and "trying again" in errors
    assert listing(phone) == []


def test_a_full_device(system: Path, bundle: Path, photos: Path, tmp_path: Path) -> None:
    for phone in phones.started(system, tmp_path, size="8m"):
        words = ("--serial", SERIAL, "--output", tmp_path / "out")
        done = phone.run("run", default_model(), photos, *words)
        assert done.returncode == 2 and "device is full, 8.4 MB free" in done.stderr
        assert listing(phone) == []


def test_a_device_of_another_abi(system: Path, bundle: Path, photos: Path, tmp_path: Path) -> None:
    for phone in phones.started(system, tmp_path, abi="armeabi-v7a"):
        run = ("run", default_model(), photos, "--serial", SERIAL, "--output", tmp_path / "out")
        done = phone.run(*run)
        assert done.returncode == 2 and "device runs armeabi-v7a" in done.stderr
        done = phone.run(*run, "--bundle", bundle)
        assert done.returncode == 2
        assert "wrong ABI, built for arm64-v8a, the device runs armeabi-v7a" in done.stderr
        assert listing(phone) == []


def test_the_runner_names_a_bad_model(phone: Phone, tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\n"
        "from edge_apps.android.bundle import find_bundle\n"
        "from edge_apps.android.discovery import adb_client, choose\n"
        "from edge_apps.android.session import Session\n"
        f"session = Session(choose(adb_client(), {SERIAL!r}))\n"
        "session.install_bundle(find_bundle(('arm64-v8a',), '.tflite', None))\n"
        "session.install({'model.tflite': b'\\x1c\\0\\0\\0TFL3' + bytes(4096)})\n"
        "options = {'threads': 1, 'warm_up': 0, 'repetitions': 1, 'seconds': 60}\n"
        "try:\n"
        "    session.run('model.tflite', [], **options)\n"
        "finally:\n"
        "    session.clean()\n"
    )
    command = phone.command()
    done = subprocess.run([*command[:-2], "-c", code], capture_output=True, text=True, timeout=120)
    assert "DeviceError: 127.0.0.1:5555: the model cannot be used: " in done.stderr
    assert listing(phone) == []


def test_what_a_user_sees(
    phone: Phone, photos: Path, tmp_path: Path, keep: Callable[[str, Path, dict[str, Any]], None]
) -> None:
    model = default_model()
    for file in (model, manifest_path(model)):
        shutil.copy(file, tmp_path)
    shutil.copytree(photos, tmp_path / "photos")
    device, short = ("--serial", SERIAL), ("--repetitions", "2", "--warm-up", "1")
    lines = []
    for words in (
        ("devices",),
        ("run", model.name, "photos", *device, "--output", "maps"),
        ("bench", model.name, *device, *short),
        ("profile", model.name, *device, *short),
    ):
        done = phone.run(*words, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        lines += [f"$ python -m edge_apps.android {' '.join(words)}", *done.stdout.splitlines()]
    assert f"{SERIAL}  Debian adbd  no Android  arm64-v8a  emulated" in lines
    assert str(tmp_path) not in "".join(lines)
    seen = json.loads((tmp_path / "maps" / "android.json").read_text())["photos"]
    assert {photo["photo"] for photo in seen} == {path.name for path in photos.iterdir()}
    assert all(photo["agreement"]["max"] <= 1 for photo in seen)
    keep("android", model, {"lines": lines, "photos": seen})


def test_bench(phone: Phone, tmp_path: Path) -> None:
    result = tmp_path / "bench.json"
    words = ("--serial", SERIAL, "--repetitions", "2", "--warm-up", "1", "--json", result)
    done = phone.run("bench", default_model(), *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ran 2 times; the device's processor is emulated")
    found = json.loads(result.read_text())
    assert found["latency_ms"] is None and found["protocol"]["repetitions"] == 2
    assert listing(phone) == []


def test_bench_with_a_program_of_the_user(phone: Phone, tmp_path: Path) -> None:
    source, runner = tmp_path / "stand_in.c", tmp_path / "benchmark_model"
    source.write_text(
        "#include <stdio.h>\n"
        "#include <string.h>\n"
        "int main(int n, char **a) {\n"
        '  if (n != 7 || strncmp(a[1], "--graph=/data/local/tmp/samnet/", 31)) return 1;\n'
        '  puts("INFO: count=50 first=5 curr=4 min=3 max=9 avg=4.5 std=1");\n'
        "  return 0;\n"
        "}\n"
    )
    build = ["aarch64-linux-gnu-gcc", "-static", "-o", runner, source]
    subprocess.run(build, check=True, timeout=60)
    done = phone.run("bench", default_model(), "--serial", SERIAL, "--runner", runner)
    assert done.returncode == 0, done.stderr
    # A program for this machine instead of the device's.
    done = phone.run("bench", default_model(), "--serial", SERIAL, "--runner", "/bin/true")
    assert done.returncode == 2 and "wrong ABI, built for x86_64" in done.stderr
    assert listing(phone) == []
