"""The project's own metadata: what `pip install` brings and leaves out."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def setup() -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def requirements(setup: configparser.RawConfigParser, extra: str) -> set[str]:
    """Names in an extra."""
    lines = setup["options.extras_require"][extra].split()
    return {line.partition("=")[0].partition(">")[0].partition("<")[0] for line in lines}


def test_a_device_needs_no_torch(setup):
    base = setup["options"]["install_requires"]
    assert "torch" not in base
    assert requirements(setup, "device") == {"ai-edge-litert"}


def test_all_holds_every_other_extra(setup):
    extras = set(setup["options.extras_require"]) - {"all"}
    assert requirements(setup, "all") == {f"samnet[{extra}]" for extra in extras}


def test_a_device_may_have_the_runtime_that_files_are_checked_with(setup):
    lines = {e: setup["options.extras_require"][e].split() for e in ("device", "android", "tflite")}
    runtimes = {e: [Requirement(it) for it in lines[e] if "ai-edge-litert" in it] for e in lines}
    ((device,), (android,), (checked,)) = runtimes.values()
    (version,) = checked.specifier
    assert version.operator == "==" and device.specifier.contains(version.version)
    assert device.specifier == android.specifier


def test_torchvision_loads_beside_this_torch():
    code = (
        "from samnet.networks.torchvision_import import torchvision as it; print(it.transforms.v2)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=120)


def test_continuous_integration_is_executable():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
