"""What `pip install` brings and leaves out: metadata, wheel and source distribution."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from source_copy import PACKAGES, copy_source

ROOT = Path(__file__).resolve().parents[1]


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
    code = "import samnet.networks.torchvision_import; from torchvision.transforms import v2"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=120)


def test_continuous_integration_is_executable():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def environment(*folders: Path) -> dict[str, str]:
    """Of a user who has nothing but these folders beside what is installed."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel and the source distribution, built from a copy of what git would give."""
    source, folder = (tmp_path_factory.mktemp(name) for name in ("source", "built"))
    copy_source(source)
    code = (
        "import sys; from setuptools import build_meta; folder = sys.argv[1];"
        "build_meta.build_wheel(folder); build_meta.build_sdist(folder)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, folder],
        cwd=source,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist


def shipped() -> set[str]:
    """Every file of the packages that is not left out of the repository."""
    listed = (path for name in PACKAGES for path in (ROOT / name).rglob("*"))
    files = (path for path in listed if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT).as_posix() for path in files}


def test_the_wheel_holds_every_file_of_the_packages(built):
    with zipfile.ZipFile(built[0]) as wheel:
        held = set(wheel.namelist())
        (metadata,) = (name for name in held if name.endswith(".dist-info/METADATA"))
        text = wheel.read(metadata).decode()
        scripts = wheel.read(metadata.replace("METADATA", "entry_points.txt")).decode()
    assert shipped() - held == set()
    assert "License: Apache-2.0" in text
    assert "samnet = samnet.cli:main" in scripts
    assert not {name.split("/")[0] for name in held if ".dist-info" not in name} - set(PACKAGES)


def test_the_source_distribution_holds_them_too(built):
    with tarfile.open(built[1]) as sdist:
        held = {name.partition("/")[2] for name in sdist.getnames()}
    assert shipped() - held == set()
    assert {"README.md", "LICENSE", "NOTICE", "setup.cfg"} <= held


def test_a_photo_is_segmented_by_the_installed_wheel_alone(built, tmp_path):
    site = tmp_path / "site"
    with zipfile.ZipFile(built[0]) as wheel:
        wheel.extractall(site)
    photo = ROOT / "docs" / "saliency.jpg"
    command = [sys.executable, "-m", "edge_apps.desktop", photo, "--show", "map"]
    done = subprocess.run(
        [*command, "--output", "maps"],
        cwd=tmp_path,
        env=environment(site),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "maps" / "saliency.png").is_file()
    code = "import edge_apps; print(edge_apps.__file__)"
    where = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment(site),
        capture_output=True,
        text=True,
    )
    assert Path(where.stdout.strip()).is_relative_to(site)


@pytest.mark.slow
@pytest.mark.parametrize("extra", ["", "device", "camera", "heic", "preview", "android"])
def test_an_empty_environment_with_an_extra(built, extra, tmp_path):
    """Base and each extra that a device may have; the others are in the environment of `make`."""
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    what = f"{built[0]}[{extra}]" if extra else str(built[0])
    made = subprocess.run(
        [python, "-m", "pip", "install", "-q", what], capture_output=True, text=True, timeout=600
    )
    if made.returncode and "connection" in made.stderr.lower():
        pytest.skip(f"no network: {made.stderr.strip()[-200:]}")
    assert not made.returncode, made.stderr
    user = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    photo = ROOT / "docs" / "saliency.jpg"
    command = [python, "-m", "edge_apps.desktop", photo, "--show", "map", "--output", "maps"]
    done = subprocess.run(command, cwd=tmp_path, env=user, capture_output=True, text=True)
    if extra in ("device", "android"):
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "maps" / "saliency.png").is_file()
    else:
        assert done.returncode == 2 and "pip install ai-edge-litert" in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
    checked = subprocess.run([python, "-m", "pip", "check"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
