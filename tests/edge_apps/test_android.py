"""The adb commands against a made-up server: finding devices, the way there and back, failures."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from common.cli import finish
from common.errors import DeviceError
from common.images.photos import read_map, write_image
from edge_apps.android.bundle import elf_abi
from edge_apps.android.user_runners import (
    parse_benchmark_model,
    parse_executor_runner,
    parse_operations,
)
from edge_apps.compare.backends import Absent
from edge_apps.manifest import Manifest, write_manifest

pytest.importorskip("adbutils", reason="needs samnet[android]")

from fake_adb import Drop, FakePhone, FakeServer
from processes import running

from edge_apps.android.__main__ import main
from edge_apps.compare.adb_device import AdbDevice

RUNNER = """
import os, pathlib, signal, sys
profile = "--profile" in sys.argv
model, names, photos, maps, threads, warm_up, repetitions = sys.argv[1 + profile :]
marker = pathlib.Path(names).parents[1] / "fault"
fault = marker.read_text() if marker.exists() else ""
if fault.startswith("once "):
    marker.unlink()
for name in pathlib.Path(names).read_text().split():
    photo = pathlib.Path(photos, name).read_bytes()
    if "kill" in fault:
        os.kill(os.getpid(), signal.SIGKILL)
    if "crash" in fault:
        os.kill(os.getpid(), signal.SIGSEGV)
    if "exit" in fault:
        status, _, message = fault.removeprefix("exit ").partition(" ")
        print(f"samnet_runner: {message}", file=sys.stderr)
        sys.exit(int(status))
    means = bytes(round(sum(photo[i : i + 3]) / 3) for i in range(0, 3072, 3))
    pathlib.Path(maps, name).write_bytes(means)
    figures = ", ".join(["2000.5"] * int(repetitions))
    print(f'{{"name": "{name}", "latency_us": [{figures}]}}')
if profile and "mute" not in fault:
    for name, us in (("Add (ND) #1", 500), ("Convolution", 1000), ("Add (ND) #2", 500)):
        print(f'{{"operation": "{name}", "us": [{us}, {us}, {us + 1}]}}')
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def phone(tmp_path: Path) -> FakePhone:
    folders = tmp_path / "phone", tmp_path / "tools"
    for folder in folders:
        folder.mkdir()
    phone = FakePhone(*folders)
    properties = "ro.product.cpu.abilist) echo x86_64,x86 ;; ro.product.model) echo Fake ;;"
    phone.tool("getprop", f"case $1 in {properties} esac")
    phone.tool("dumpsys", "echo '  temperature: 285'")
    return phone


@pytest.fixture
def server(phone: FakePhone, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    with FakeServer(phone) as server:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(server.server_address[1]))
        monkeypatch.delenv("ANDROID_SERIAL", raising=False)
        # The library waits after each of some hundred connections.
        monkeypatch.setattr("adbutils._adb.time", types.SimpleNamespace(sleep=lambda _: None))
        yield server
        server.shutdown()


@pytest.fixture
def call(
    server: FakeServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Runs a command line in this process: exit status, standard output, standard error."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bundle = tmp_path / "cache" / "samnet" / "android" / "x86_64-tflite"
    bundle.mkdir(parents=True)
    described = {"abi": "x86_64", "formats": [".tflite"], "runtime": "stand-in"}
    (bundle / "bundle.json").write_text(json.dumps(described))
    (bundle / "run").write_text(f'exec {sys.executable} -I -S "${{0%/*}}/run.py" "$@"\n')
    (bundle / "run.py").write_text(RUNNER)

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["android", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            finish(main)
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    noise = np.random.default_rng(0)
    for name in ("a", "b", "c"):
        write_image(folder / f"{name}.png", noise.integers(0, 256, (40, 50, 3), dtype=np.uint8))
    return folder


@pytest.mark.parametrize(
    ("states", "serial", "line"),
    [
        ({}, None, "no device; connect one by USB"),
        ({"a": "device", "b": "offline"}, None, "2 devices (a, b); choose one with --serial"),
        ({"a": "unauthorized"}, None, "a: unauthorized; confirm this computer on the"),
        ({"a": "offline"}, None, "a: offline; reconnect it"),
        ({"a": "no permissions"}, None, "a: no permission to open it"),
        ({"a": "device"}, "z", "z: no such device, found a"),
        ({}, "1.2.3.4:5555", "1.2.3.4:5555: no such device, found none"),
        ({"a": "rescue"}, "a", "a: in state rescue, expected device"),
    ],
)
def test_devices_that_cannot_be_used(
    call: Run, server: FakeServer, tflite: Path, states: dict[str, str], serial: str, line: str
) -> None:
    server.states = states
    chosen = ("--serial", serial) if serial else ()
    status, _, errors = call("bench", tflite, *chosen)
    assert status == 2 and errors.splitlines()[-1].startswith(f"error: {line}")


def test_the_list_of_devices(call: Run, server: FakeServer) -> None:
    server.states = {"phone-1": "device", "phone-2": "unauthorized"}
    status, output, _ = call("devices")
    assert status == 0
    assert output == ("phone-1  Fake  no Android  x86_64,x86  hardware\nphone-2  unauthorized\n")
    server.states = {}
    assert call("devices")[0] == 2


def test_absent_server_and_library(
    call: Run, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adbutils._adb.adb_path", lambda: "/bin/false")
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "1")
    status, _, errors = call("devices")
    assert status == 2 and "adb server at 127.0.0.1:1 cannot be reached" in errors
    monkeypatch.setitem(sys.modules, "adbutils", None)
    assert call("devices")[2] == ("error: adbutils is not installed; pip install samnet[android]\n")


def test_run(call: Run, phone: FakePhone, tflite: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, output, _ = call("run", tflite, photos, "--output", out, "--batch", "2")
    assert status == 0 and "median 2.0 ms" in output and output.startswith("3 photos: at most ")
    result = json.loads((out / "android.json").read_text())
    assert [photo["photo"] for photo in result["photos"]] == ["a.png", "b.png", "c.png"]
    assert all(photo["agreement"]["max"] <= 1 for photo in result["photos"])
    assert result["protocol"]["device"]["model"] == "Fake" and not result["failures"]
    assert read_map(out / "a.png").shape == (40, 50)
    assert phone.files() == []
    status, _, errors = call("run", tflite, photos, "--output", out)
    assert status == 2 and "a.png: already exists; pass --overwrite" in errors
    status, _, _ = call("run", tflite, photos, "--output", out, "--overwrite", "--keep")
    assert status == 0
    assert phone.files() == [
        "samnet",
        "samnet/bundle",
        *(f"samnet/bundle/{name}" for name in ("bundle.json", "run", "run.py")),
        "samnet/model.tflite",
    ]


def test_only_what_changed_is_pushed(
    call: Run, phone: FakePhone, tflite: Path, photos: Path, tmp_path: Path
) -> None:
    words = ("run", tflite, photos, "--output", tmp_path / "out", "--overwrite", "--keep")
    pushed = []
    for damage in ("", "samnet/bundle/run.py"):
        if damage:
            (phone.folder / damage).write_text("half of i")
        assert call(*words)[0] == 0
        result = json.loads((tmp_path / "out" / "android.json").read_text())
        pushed.append(result["protocol"]["pushed"]["files"])
    # Runner 3, model, photos 3, their list; then what was damaged, photos and list.
    assert pushed == [8, 5]


def test_an_emulated_device_has_no_latency(
    call: Run, phone: FakePhone, tflite: Path, photos: Path, tmp_path: Path
) -> None:
    phone.tool("getprop", "case $1 in *abilist) echo x86_64 ;; ro.boot.qemu) echo 1 ;; esac")
    status, output, _ = call("run", tflite, photos, "--output", tmp_path / "out")
    assert status == 0 and "emulated" in output and " ms" not in output
    result = json.loads((tmp_path / "out" / "android.json").read_text())
    assert {photo["latency_ms"] for photo in result["photos"]} == {None}


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        ("exit 3 m: no model", "the model cannot be used: m: no model"),
        ("exit 5 x: cannot be written: No space left on device", "device is full: x: cannot"),
        ("exit 9 odd", "the runner ended with status 9: odd"),
        ("crash", "the runner crashed with signal 11"),
        ("kill", "the runner was killed (SIGKILL), memory may be short; tried 3 times"),
    ],
)
def test_runners_that_fail(
    call: Run, phone: FakePhone, tflite: Path, photos: Path, tmp_path: Path, fault: str, line: str
) -> None:
    (phone.folder / "fault").write_text(fault)
    status, _, errors = call("run", tflite, photos, "--output", tmp_path / "out")
    assert status == 2 and f"error: phone-1: {line}" in errors.splitlines()[-1]
    assert errors.endswith(f"0 of 3 maps are in {tmp_path / 'out'}\n")
    assert json.loads((tmp_path / "out" / "android.json").read_text())["failures"]
    assert phone.files() == ["fault"]


def test_a_killed_runner_is_started_again(
    call: Run, phone: FakePhone, tflite: Path, photos: Path, tmp_path: Path
) -> None:
    (phone.folder / "fault").write_text("once kill")
    status, _, errors = call("run", tflite, photos, "--output", tmp_path / "out")
    assert status == 0 and "killed (SIGKILL), memory may be short; trying again" in errors


def test_a_connection_that_comes_back(
    call: Run, phone: FakePhone, tflite: Path, photos: Path, tmp_path: Path
) -> None:
    faults = ["exec sh", "sync:"]

    def before(service: str) -> None:
        if faults and faults[0] in service:
            faults.pop(0)
            raise Drop

    phone.before = before
    words = ("--output", tmp_path / "out", "--batch", "1")
    status, _, errors = call("run", tflite, photos, *words)
    assert status == 0 and not faults and phone.files() == []
    assert errors.count("trying again") == 2


def test_a_connection_lost_for_good_keeps_results(
    call: Run, server: FakeServer, phone: FakePhone, tflite: Path, photos: Path, tmp_path: Path
) -> None:
    runs = []

    def before(service: str) -> None:
        if "exec sh" in service:
            runs.append(service)
            if len(runs) == 2:
                server.states = {}
                raise Drop

    phone.before = before
    words = ("--output", tmp_path / "out", "--batch", "1", "--reconnect", "0.5")
    status, _, errors = call("run", tflite, photos, *words)
    last = errors.splitlines()[-1]
    assert status == 2 and last.startswith("error: phone-1: connection lost, and not back after")
    assert "could not be cleaned, /data/local/tmp/samnet stays on it" in last
    assert last.endswith(f"1 of 3 maps are in {tmp_path / 'out'}")
    assert (tmp_path / "out" / "a.png").exists()


def test_a_full_device(
    call: Run, phone: FakePhone, tflite: Path, photos: Path, tmp_path: Path
) -> None:
    phone.tool("df", "echo Filesystem 1K-blocks Used Available Use%; echo x 100 90 10 90% /data")
    words = ("run", tflite, photos, "--output", tmp_path / "out", "--overwrite")
    status, _, errors = call(*words)
    assert status == 2 and "phone-1: device is full, 0.0 MB free in /data/local/tmp" in errors
    phone.tool("df", "exit 1")
    phone.refuse = "couldn't create file"
    status, _, errors = call(*words)
    assert status == 2 and "push of /data/local/tmp/samnet/bundle/bundle.json refused" in errors


def test_a_runner_that_hangs_is_ended(
    call: Run, phone: FakePhone, tflite: Path, photos: Path, tmp_path: Path
) -> None:
    bundle = tmp_path / "cache" / "samnet" / "android" / "x86_64-tflite"
    (bundle / "run").write_text("sleep 30\n")
    words = ("--output", tmp_path / "out", "--timeout", "0.5")
    status, _, errors = call("run", tflite, photos, *words)
    assert status == 2 and "no answer within" in errors and phone.files() == []


def test_another_run_is_not_disturbed(
    call: Run, phone: FakePhone, tflite: Path, photos: Path, tmp_path: Path
) -> None:
    folder = phone.folder / "samnet"
    folder.mkdir()
    with running(["sh", "-c", "sleep 30; true", f"{folder}/run"]) as other:
        (folder / "pid").write_text(f"{other.pid}\n")
        status, _, errors = call("run", tflite, photos, "--output", tmp_path / "out")
        assert other.poll() is None
    assert status == 2 and f"a runner is still at work there (process {other.pid})" in errors


def test_wrong_abi_and_absent_runner(
    call: Run, phone: FakePhone, tflite: Path, photos: Path, tmp_path: Path
) -> None:
    words = ("run", tflite, photos, "--output", tmp_path / "out")
    bundle = tmp_path / "cache" / "samnet" / "android" / "x86_64-tflite"
    for abi, line in (
        ("armeabi-v7a", "device runs armeabi-v7a, the runner can be built for arm64-v8a, x86_64"),
        ("arm64-v8a", "no runner for arm64-v8a and .tflite in"),
    ):
        phone.tool("getprop", f"case $1 in *abilist) echo {abi} ;; esac")
        status, _, errors = call(*words)
        assert status == 2 and line in errors
    status, _, errors = call(*words, "--bundle", bundle)
    assert status == 2 and "wrong ABI, built for x86_64, the device runs arm64-v8a" in errors
    status, _, errors = call(*words, "--bundle", tmp_path)
    assert status == 2 and "not a runner's bundle" in errors
    assert phone.files() == [] and not (tmp_path / "out").exists()


def test_photos_that_cannot_be_used(call: Run, tflite: Path, photos: Path, tmp_path: Path) -> None:
    (photos / "b.png").write_bytes(b"no picture")
    out = tmp_path / "out"
    status, _, errors = call("run", tflite, photos, "--output", out)
    assert status == 2 and "b.png: not a readable picture" in errors
    assert "2 of 3 maps are in" in errors and (out / "c.png").exists()
    (photos / "a.jpg").write_bytes((photos / "a.png").read_bytes())
    status, _, errors = call("run", tflite, photos, "--output", tmp_path / "other")
    assert status == 2 and "would both become" in errors
    status, _, errors = call("run", tflite, photos / "c.png", "--output", photos)
    assert status == 2 and "would be replaced by its map" in errors


@pytest.mark.parametrize("words", [("--threads", "0"), ("--timeout", "-1"), ("--batch", "x")])
def test_wrong_options(call: Run, tflite: Path, photos: Path, words: tuple[str, str]) -> None:
    status, _, errors = call("run", tflite, photos, "--output", photos / "out", *words)
    assert status == 2 and len(errors.splitlines()) == 1 and errors.startswith("error: ")


def test_bench(call: Run, phone: FakePhone, tflite: Path, tmp_path: Path) -> None:
    words = ("bench", tflite, "--repetitions", "4", "--json", tmp_path / "bench.json")
    status, output, _ = call(*words)
    assert status == 0
    assert "median 2.00" in output and "28.5 °C before, 28.5 °C after" in output
    result = json.loads((tmp_path / "bench.json").read_text())
    assert result["protocol"]["repetitions"] == 4 and result["latency_ms"]["p99"] == 2.0005
    assert phone.files() == []
    assert "already exists" in call(*words)[2]
    phone.tool("dumpsys", "exit 127")
    assert "battery" not in call("bench", tflite)[1]


def test_bench_needs_a_program_for_the_device(call: Run, tflite: Path, tmp_path: Path) -> None:
    status, _, errors = call("bench", tflite, "--runner", tmp_path / "absent")
    assert status == 2 and "absent: no such file; give a benchmark_model" in errors
    status, _, errors = call("bench", tflite, "--runner", __file__)
    assert status == 2 and "no program for Android" in errors


def test_profile(call: Run, phone: FakePhone, tflite: Path, tmp_path: Path) -> None:
    words = ("profile", tflite, "--json", tmp_path / "profile.json")
    status, output, _ = call(*words)
    assert status == 0
    first, second, total, heat = output.splitlines()[1:]
    # Additions are counted together, the dearest kind comes first.
    assert first.split(maxsplit=3) == ["1.000", "50.0%", "2", "Add (ND)"]
    assert second.split(maxsplit=3) == ["1.000", "50.0%", "1", "Convolution"]
    assert total.split(maxsplit=2) == ["2.000", "3", "all operations"] and "28.5 °C" in heat
    result = json.loads((tmp_path / "profile.json").read_text())
    names = [operation["name"] for operation in result["operations"]]
    assert names == ["Add (ND) #1", "Convolution", "Add (ND) #2"]
    assert result["protocol"]["repetitions"] == 20 and phone.files() == []
    phone.tool("getprop", "case $1 in *abilist) echo x86_64 ;; ro.boot.qemu) echo 1 ;; esac")
    status, output, _ = call("profile", tflite)
    assert status == 0 and output.startswith("3 operations (2 Add (ND), 1 Convolution); ")
    assert "emulated" in output and "ms" not in output
    (phone.folder / "fault").write_text("mute")
    status, _, errors = call("profile", tflite)
    assert status == 2 and "phone-1: the runner keeps no profile" in errors


def test_a_device_is_a_place_to_compare(
    call: Run, server: FakeServer, phone: FakePhone, tflite: Path
) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (9, 32, 32, 3), dtype=np.uint8)
    place = AdbDevice(None, 1)
    found = place.run(tflite, frames)
    assert place.name == "device phone-1" and found.taken == [2.0005] * 9
    assert np.abs(found.maps - frames.mean(axis=3)).max() <= 0.5 and phone.files() == []
    server.states = {}
    with pytest.raises(Absent, match="no device"):
        place.run(tflite, frames)
    server.shutdown()
    server.server_close()
    with pytest.raises(Absent, match="no adb server is running"):
        place.run(tflite, frames)


PROGRAM = b"\x7fELF" + bytes(14) + b"\x3e\0"
"""As much of a program for x86_64 as is looked at."""


def test_programs_of_the_user(
    call: Run, phone: FakePhone, tflite: Path, describe: Callable[[Path], Manifest], tmp_path: Path
) -> None:
    runner = tmp_path / "program"
    runner.write_bytes(PROGRAM)
    counted = "count=50 first=5000 curr=4 min=3000 max=9000 avg=4500 std=1"
    table = "== Run Order ==\n\t[node type]\t[avg ms]\t[Name]\n\tADD\t2.5\tx:0\n\tMUL\t0.5\ty:1\n"
    pte = tmp_path / "x.pte"
    pte.write_bytes(b"no program, and none is needed for its size")
    write_manifest(pte, describe(pte))
    runs = "".join(f"I 00: Iteration {k} of 3: {9 - k}.5 ms\n" for k in (1, 2, 3))
    said = {tflite: f"{counted}\n{table}\n== Top by ==", pte: runs}
    for model, program in ((tflite, "benchmark_model"), (pte, "executor_runner")):
        (tmp_path / "said").write_text(said[model])
        phone.before = functools.partial(_stand_in, phone, program, tmp_path / "said")
        words = ("bench", model, "--runner", runner, "--warm-up", "1", "--repetitions", "2")
        status, output, errors = call(*words)
        assert status == 0, errors
        expected = "avg 4.50" if program == "benchmark_model" else "avg 7.00"
        assert output.startswith("latency in ms: ") and expected in output
        status, output, errors = call("profile", model, "--runner", runner)
        if program == "benchmark_model":
            assert status == 0 and "2.500  83.3%     1  ADD" in output
        else:
            assert status == 2 and "leave --runner out: our own runner profiles .pte" in errors
        assert phone.files() == []


def _stand_in(phone: FakePhone, program: str, said: Path, service: str) -> None:
    """Puts a script in the place of a program once that has been copied."""
    path = phone.folder / "samnet" / program
    if "exec " in service and path.exists():
        path.write_text(f"#!/bin/sh\ncat {said}\n")


def test_figures_of_benchmark_model() -> None:
    output = (
        "INFO: count=459 first=2143 curr=2101 min=2056 max=2656 avg=2177.1 std=124\n"
        "INFO: count=1000 first=52162 curr=49785 min=49088 max=686105 avg=63743.2 std=60716 "
        "p5=49620 median=51891 p95=68628\n"
        "INFO: Inference timings in us: Init: 119515, First inference: 87112, "
        "Warmup (avg): 58147.4, Inference (avg): 63743.2\n"
    )
    found = parse_benchmark_model(output)
    assert found["avg"] == pytest.approx(63.7432) and found["median"] == 51.891


def test_figures_of_executor_runner() -> None:
    older = "I 00:00:00.5 executor_runner.cpp:9] Model executed successfully 4 time(s) in 50.0 ms."
    assert parse_executor_runner(older, 1) == {"avg": 12.5}
    newer = "\n".join(f"I Iteration {k} of 4: {k}.25 ms" for k in (1, 2, 3, 4))
    found = parse_executor_runner(f"{newer}\n{older}", 1)
    assert found["median"] == 3.25 and found["min"] == 2.25
    with pytest.raises(DeviceError, match="it said: nothing"):
        parse_executor_runner("", 0)


def test_the_last_profile_of_benchmark_model_counts() -> None:
    head = "\t [node type]\t [first]\t [avg ms]\t [%]\t[Name]\n"
    output = (
        f"=== Run Order ===\n{head}\t AllocateTensors\t 0.1\t 0.2\t 9%\tAllocateTensors/0\n\n"
        f"=== Run Order ===\n{head}\t CONV_2D\t 4.2\t 4.1\t 60%\ta:0\n"
        "\t Fully Connected (NC, QS8) GEMM\t 0.2\t 0.3\t 5%\tDelegate/x:1\n\n"
        f"=== Top by Computation Time ===\n{head}\t CONV_2D\t 4.2\t 4.1\t 60%\ta:0\n"
    )
    assert parse_operations(output) == [("CONV_2D", 4.1), ("Fully Connected (NC, QS8) GEMM", 0.3)]
    with pytest.raises(DeviceError, match="`Run Order` table"):
        parse_operations("INFO: count=5 avg=7\n")


def test_machines_of_programs(tmp_path: Path) -> None:
    path = tmp_path / "program"
    for content, abi in (
        (b"\x7fELF" + bytes(14) + b"\xb7\0", "arm64-v8a"),
        (b"\x7fELF" + bytes(14) + b"\x28\0", "armeabi-v7a"),
        (b"\x7fELF" + bytes(14) + b"\xf3\0", None),
        (b"#!/bin/sh\n" + bytes(20), None),
        (b"\x7fELF", None),
    ):
        path.write_bytes(content)
        assert elf_abi(path) == abi


def test_no_torch_and_no_library_before_it_is_needed() -> None:
    code = (
        "import sys, edge_apps.android.__main__\n"
        "heavy = {'torch', 'tensorflow', 'adbutils', 'samnet'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
