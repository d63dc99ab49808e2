"""Temperature and throttling as a Raspberry Pi's files show them."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_apps.program.device_health import THROTTLED, read_health


def zone(sys: Path, number: int, kind: str, value: str) -> None:
    folder = sys / f"class/thermal/thermal_zone{number}"
    folder.mkdir(parents=True)
    (folder / "type").write_text(f"{kind}\n")
    (folder / "temp").write_text(f"{value}\n")


def test_a_pi_tells_its_temperature_and_flags(tmp_path: Path) -> None:
    zone(tmp_path, 0, "rp1_adc", "51000")
    zone(tmp_path, 1, "cpu-thermal", "62816")
    flags = tmp_path / THROTTLED
    flags.parent.mkdir(parents=True)
    flags.write_text("50005\n")
    health = read_health(tmp_path)
    assert health.temperature == 62.816
    assert health.throttling == (
        "under-voltage", "throttled", "under-voltage has occurred", "was throttled",
    )  # fmt: skip
    flags.write_text("0\n")
    assert read_health(tmp_path).throttling == ()


def test_the_firmware_is_asked_where_the_kernel_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "vcgencmd"
    tool.write_text("#!/bin/sh\necho throttled=0x20002\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    expected = ("frequency capped", "frequency was capped")
    assert read_health(tmp_path).throttling == expected


def test_what_is_absent_or_odd_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    zone(tmp_path, 0, "cpu-thermal", "nonsense")
    health = read_health(tmp_path, tmp_path)
    assert (health.temperature, health.throttling, health.memory) == (None, None, None)


def test_memory_is_that_of_this_process() -> None:
    memory = read_health().memory
    assert memory is not None and 10 < memory < 10_000
