from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from benchmarks.arm64.command import (
    NO_LATENCY,
    Counter,
    Options,
    cache,
    main,
    newest_userland,
    table,
)
from common.errors import InputError
from edge_apps.shipped import FOLDER


def shipped(pattern: str) -> Path:
    (path,) = FOLDER.glob(pattern)
    return path


def test_the_table_compares_with_the_first_model():
    text = table({"a.tflite": {"cortex-a53": 200_000_000}, "b.tflite": {"cortex-a53": 90_000_000}})
    assert "200.0 (1.00)" in text
    assert text.splitlines()[-1].split() == ["b.tflite", "90.0", "(0.45)"]


def test_a_missing_qemu_is_named_with_the_way_to_it(tmp_path):
    with pytest.raises(InputError, match=r"has no qemu-aarch64; build .*build_qemu\.sh"):
        Counter(tmp_path, tmp_path).check()


def test_a_missing_userland_is_named_with_the_way_to_it(tmp_path):
    (tmp_path / "lib").mkdir()
    for name in ("qemu-aarch64", "libcount.so", "lib/ld-linux-x86-64.so.2"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=r"has no root/usr/bin/python3\.11; make .*userland\.sh"):
        Counter(tmp_path, tmp_path).check()


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ([], "no model given"),
        ([Path("net.safetensors")], r"'\.safetensors', expected a \.tflite"),
        ([Path("absent.tflite")], "no such file"),
    ],
)
def test_wrong_input_is_refused(models, said):
    with pytest.raises(InputError, match=said):
        main(Options(tuple(models)))


def test_a_network_of_others_that_cannot_be_had_is_left_out(tmp_path, monkeypatch, capsys):
    def fetch(name, folder, suffix):
        raise InputError(f"{name}{suffix}: no such host")

    monkeypatch.setattr("benchmarks.arm64.command.fetch", fetch)
    with pytest.raises(InputError, match="none of these networks"):
        main(Options((Path("admnet"),), peers=tmp_path))
    assert "admnet: admnet.tflite: no such host" in capsys.readouterr().err


def test_the_newest_userland_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for age, name in enumerate(["raspberry-pi-new", "raspberry-pi-old"]):
        folder = tmp_path / "samnet" / name
        folder.mkdir(parents=True)
        os.utime(folder, (1000 - age, 1000 - age))
    assert newest_userland().name == "raspberry-pi-new"


@pytest.mark.slow
def test_bytes_cost_fewer_instructions_than_floats(tmp_path, capsys):
    counter = Counter(Path(os.environ.get("QEMU_COUNT", cache() / "qemu-count")), newest_userland())
    try:
        counter.check()
    except InputError as error:
        pytest.skip(str(error))
    models = (shipped("samnet_*_fp32.tflite"), shipped("samnet-lite_*_int8.tflite"))
    result = tmp_path / "result.json"
    main(Options(models, processor=("cortex-a76",), qemu=counter.qemu, json=result))
    assert NO_LATENCY in capsys.readouterr().out
    counts = json.loads(result.read_text())["instructions"]
    floats, whole = (counts[model.name]["cortex-a76"] for model in models)
    assert 10**7 < whole < 0.8 * floats
    again = counter.count(models[1], "cortex-a76")
    assert again == pytest.approx(whole, rel=0.002)
