"""The runtime: photos of any size in, maps out, no torch, and nothing but errors for the rest."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from common.errors import InputError, MissingPackageError
from edge_apps.backends.tflite import interpreter_class
from edge_apps.manifest import Manifest, write_manifest
from edge_apps.runtime import load

Describe = Callable[[Path], Manifest]


@pytest.fixture
def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def test_run_gives_the_raw_map(tflite: Path, photo: np.ndarray) -> None:
    saliency_map = load(tflite, threads=1).run(photo)
    assert saliency_map.shape == (32, 32) and saliency_map.dtype == np.uint8
    assert np.abs(saliency_map - photo.mean(axis=2)).max() <= 1


@pytest.mark.parametrize("size", [(32, 32), (20, 47), (1, 1), (300, 100)])
def test_map_has_the_size_of_the_photo(tflite: Path, size: tuple[int, int]) -> None:
    photo = np.full((*size, 3), 200, np.uint8)
    saliency_map = load(tflite)(photo, refine=False)
    assert saliency_map.shape == size and np.abs(saliency_map.astype(int) - 200).max() <= 1
    refined = load(tflite)(photo)
    assert refined.shape == size and np.ptp(refined) == 0


def test_repeated_runs_agree_and_do_not_share_memory(tflite: Path, photo: np.ndarray) -> None:
    segmenter = load(tflite, threads=2)
    first = segmenter.run(photo)
    kept = first.copy()
    segmenter.run(255 - photo)
    assert (first == kept).all() and (segmenter.run(photo) == kept).all()


def test_manifest_is_taken_along(tflite: Path, describe: Describe) -> None:
    assert load(tflite).manifest is None
    write_manifest(tflite, describe(tflite))
    assert load(tflite).manifest == describe(tflite)


def test_manifest_of_another_artifact_is_refused(tflite: Path, describe: Describe) -> None:
    write_manifest(tflite, dataclasses.replace(describe(tflite), sha256="f" * 64))
    with pytest.raises(InputError, match="hash"):
        load(tflite)
    write_manifest(tflite, dataclasses.replace(describe(tflite), size=64), overwrite=True)
    with pytest.raises(InputError, match="runs at 32 px, its manifest says 64"):
        load(tflite)


@pytest.mark.parametrize(
    "photo",
    [
        np.zeros((32, 32, 5), np.uint8),
        np.zeros((32, 32, 3), np.float32),
        np.zeros((0, 32, 3), np.uint8),
    ],
)
def test_what_is_no_photo_is_refused(tflite: Path, photo: np.ndarray) -> None:
    with pytest.raises(InputError, match="expected"):
        load(tflite)(photo)


def test_run_takes_no_other_size(tflite: Path) -> None:
    with pytest.raises(InputError, match="resize"):
        load(tflite).run(np.zeros((16, 16, 3), np.uint8))


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.5, 0.9, 0.99])
def test_truncated_files_are_refused(tflite: Path, share: float) -> None:
    content = tflite.read_bytes()
    tflite.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=r"mean_32_int8\.tflite"):
        load(tflite)


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.tflite"
    noise = np.random.default_rng(0).bytes(4096)
    for content in (noise, b"\x1c\0\0\0ET12" + noise, b"\x1c\0\0\0TFL3" + noise, b"PK\x03\x04"):
        path.write_bytes(content)
        with pytest.raises(InputError):
            load(path)


def test_another_interface_is_refused(
    tmp_path: Path, tiny_flatbuffer: Callable[[str], bytes]
) -> None:
    path = tmp_path / "float.tflite"
    path.write_bytes(tiny_flatbuffer("FLOAT32"))
    with pytest.raises(InputError, match="float32, expected a photo"):
        load(path)


def test_missing_file_suffix_and_threads(tmp_path: Path, tflite: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load(tmp_path / "absent.tflite")
    with pytest.raises(InputError, match="unknown suffix"):
        load(tmp_path / "x.bin")
    with pytest.raises(InputError, match="threads is 0"):
        load(tflite, threads=0)


def test_absent_runtimes_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_apps.backends.tflite.RUNTIMES", ("no_such_runtime.interpreter",))
    with pytest.raises(MissingPackageError, match="pip install ai-edge-litert"):
        interpreter_class()


def test_a_runtime_of_another_numpy_is_named(monkeypatch: pytest.MonkeyPatch, tflite: Path) -> None:
    def interpreter(**_: object) -> None:
        raise SystemError("CreateWrapperFromBuffer returned a result with an exception set")

    monkeypatch.setattr("edge_apps.backends.tflite.interpreter_class", lambda: interpreter)
    with pytest.raises(
        MissingPackageError, match=r"another NumPy.*pip install --upgrade ai-edge-litert"
    ):
        load(tflite)


def test_a_device_needs_no_torch_and_starts_at_once(tflite: Path) -> None:
    code = (
        "import sys, numpy as np\n"
        "from edge_apps.runtime import load\n"
        "import edge_apps.manifest\n"
        "load(sys.argv[1], threads=1)(np.zeros((50, 40, 3), np.uint8))\n"
        "heavy = {'torch', 'tensorflow', 'jax', 'scipy', 'samnet'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    start = time.monotonic()
    subprocess.run([sys.executable, "-c", code, str(tflite)], check=True, timeout=60)
    # A third of a second where it is quiet; with torch it would be several.
    assert time.monotonic() - start < 10
