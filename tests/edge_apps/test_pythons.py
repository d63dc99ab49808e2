"""The device programs on each Python that a device's system may bring."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from source_copy import copy_source

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def interpreter(version: str) -> str:
    """The program of a Python; skips where there is none."""
    program = shutil.which(f"python{version}")
    # A version manager leaves programs in the path that do nothing but say what to install.
    if program is None or subprocess.run([program, "-c", ""], capture_output=True).returncode:
        pytest.skip(f"no python{version} here")
    return program


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy to build in, without what earlier builds left."""
    return copy_source(tmp_path / "source")


@pytest.mark.parametrize(
    ("version", "numpy"),
    [("3.11", "numpy==1.24.2"), ("3.12", "numpy"), ("3.13", "numpy"), ("3.14", "numpy")],
)
def test_an_installed_device_finds_what_is_salient(version, numpy, source, tmp_path):
    """Raspberry Pi OS is Debian 12 with Python 3.11 and NumPy 1.24, or Debian 13 with 3.13."""
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([interpreter(version), "-m", "venv", tmp_path / "venv"], check=True)
    install = [python, "-m", "pip", "install", "-q", f"{source}[device]", numpy]
    made = subprocess.run(install, capture_output=True, text=True, timeout=600)
    if made.returncode and "connection" in made.stderr.lower():
        pytest.skip(f"no network: {made.stderr.strip()[-200:]}")
    assert not made.returncode, made.stderr
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    photo = ROOT / "docs" / "saliency.jpg"
    command = [python, "-m", "edge_apps.raspberry_pi", photo, "--show", "map", "--output", "maps"]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=120)
    assert (tmp_path / "maps" / "saliency.png").is_file()
    listed = subprocess.run([python, "-m", "pip", "list"], capture_output=True, text=True)
    assert "ai-edge-litert" in listed.stdout and "torch" not in listed.stdout
