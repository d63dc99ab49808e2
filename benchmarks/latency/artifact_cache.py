"""Converts the networks that are timed, and keeps the files for the next time."""

from __future__ import annotations

import functools
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Literal

from benchmarks.baselines.trained import trained_weights
from benchmarks.demo.steps import Steps
from common.errors import InputError, SamnetError
from common.files import sha256
from common.images.photos import Bytes
from convert.contract.forms import CONVERTERS
from edge_apps.manifest import verify
from samnet.checkpoints.shipped import shipped_weights

PHOTOS = 64
"""Embedded photos and crops of them that activation ranges are observed on. They decide what maps
look like, not how long they take."""

SECONDS = 3600


def sources(models: Sequence[str]) -> list[Path]:
    """Find the files behind models as users name them: weights of networks, and files."""
    found = [Path(model) if Path(model).is_file() else _weights(model) for model in models]
    return [path for path in found if path is not None]


class NotMadeError(InputError):
    """A file is not there, and none may be made."""


class ArtifactCache:
    """Makes files in a folder.

    A file that was made from the same source by the same versions is used again; whoever changed
    the converters themselves deletes the folder.

    Args:
        folder: of the files.
        steps: shows what is being made, and has the log.
        make: whether files may be made; where not, what is missing raises ``NotMadeError``.
    """

    def __init__(self, folder: Path, steps: Steps, *, make: bool = True) -> None:
        self.folder = folder
        self._steps = steps
        self._make = make
        self._failures: dict[Path, str] = {}

    def checkpoint(self, name: str) -> tuple[Path, str]:
        """Make the checkpoint of a named network, and say what a reader has to know of its weights.

        Raises:
            InputError: for an unknown name, or if a library that it needs is not installed.
        """
        from samnet.networks.registry import model_config

        model_config(name)
        if (path := _weights(name)) is not None:
            return path, ""
        from benchmarks.latency.short_training import REMARK

        path = self.folder / f"{name}.safetensors"
        if not path.is_file():
            self._once(path, "Teach", functools.partial(_teach, name, path))
        return path, REMARK

    def artifact(
        self, source: Path, size: int, precision: Literal["fp32", "int8"], suffix: str
    ) -> Path:
        """Make the artifact of a checkpoint.

        Raises:
            InputError: if it cannot be made; asked for again, it is not tried again.
        """
        path = self.folder / f"{source.stem}_{size}_{precision}{suffix}"
        if path not in self._failures and not is_current(path, source):
            made_from = source if precision == "fp32" else self._program(source, size)
            command = ["--model", made_from, "--output", path, "--size", size, "--overwrite"]
            run = functools.partial(_command, CONVERTERS[suffix].package, *map(str, command))
            self._once(path, "Convert to", run)
        return self._made(path)

    def openvino(self, source: Path) -> Path:
        """Make an ``.onnx`` in OpenVINO's int8.

        Raises:
            InputError: as :meth:`artifact`.
        """
        from benchmarks.latency.openvino_int8 import SUFFIX, quantize_openvino, record_of

        stem = source.stem.removesuffix("_fp32")
        path = self.folder / f"{stem}_int8{SUFFIX}"
        record = path.with_suffix(".xml.json")
        if path not in self._failures:
            try:
                current = json.loads(record.read_text()) == record_of(source, PHOTOS)
            except (OSError, ValueError, metadata.PackageNotFoundError):
                current = False
            if not (current and path.is_file()):
                run = functools.partial(quantize_openvino, source, path, _calibration(320))
                self._once(path, "Quantize by NNCF", run)
        return self._made(path)

    def _program(self, source: Path, size: int) -> Path:
        path = self.folder / f"{source.stem}_{size}_int8.pt2"
        if path not in self._failures and not _of(path, source):
            self._once(path, "Quantize to", functools.partial(_quantize, source, path, size))
        return self._made(path)

    def _once(self, path: Path, what: str, make: Callable[[], None]) -> None:
        """Make a file as a step; remember a failure instead of raising it."""
        if not self._make:
            raise NotMadeError(f"{path}: is not there, or of another source or version")
        try:
            with self._steps.step(f"{what} {path.name}"):
                make()
        except SamnetError as error:
            self._failures[path] = str(error)
        except Exception as error:  # the row fails, not the benchmark
            text = (str(error).strip() or type(error).__name__).splitlines()[0]
            self._failures[path] = f"{type(error).__name__}: {text[:300]}"

    def _made(self, path: Path) -> Path:
        if path in self._failures:
            raise InputError(self._failures[path])
        return path


def _weights(name: str) -> Path | None:
    """Find the trained weights of a network, shipped or of a baseline."""
    return shipped_weights(name) or trained_weights(name)


def _teach(name: str, path: Path) -> None:
    from benchmarks.latency.short_training import taught
    from samnet.checkpoints.checkpoint import save_checkpoint
    from samnet.networks.cost import PAPER_SIZE
    from samnet.networks.registry import model_config

    save_checkpoint(path, taught(model_config(name), PAPER_SIZE), overwrite=True)


def _quantize(source: Path, path: Path, size: int) -> None:
    from quantize.calibration import calibration_set
    from quantize.ptq import post_training_quantize
    from quantize.quantized_program import save_program
    from samnet.checkpoints.checkpoint import load_checkpoint

    photos = calibration_set(_calibration(size), PHOTOS, size)
    checkpoint = load_checkpoint(source)
    program = post_training_quantize(checkpoint, photos, source_sha256=sha256(source))
    save_program(path, program, overwrite=True)


def _calibration(size: int) -> list[Bytes]:
    """Draw photos (size, size, 3) to calibrate on."""
    from quantize.calibration import calibration_set
    from samnet.data.embedded import embedded_photos

    return list(calibration_set([it.photo for it in embedded_photos()], PHOTOS, size).photos)


def _command(module: str, *arguments: str) -> None:
    """Run a command of this project in a process of its own, which may crash.

    Raises:
        InputError: with the line in which it says what is wrong, or how it ended.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [""]
        status = done.returncode
        ended = signal.Signals(-status).name if status < 0 else f"status {status}"
        said = lines[-1].removeprefix("error: ")
        raise InputError(said if status == 2 else f"{module} ended with {ended} ({said[:300]})")


def is_current(path: Path, source: Path) -> bool:
    """Tell whether an artifact is up to date: this source, logits out, the versions installed."""
    try:
        manifest = verify(path)
        versions = {name: metadata.version(name) for name in manifest.versions}
    except (SamnetError, metadata.PackageNotFoundError):
        return False
    made = manifest.source_sha256 == sha256(source) and manifest.versions == versions
    return made and manifest.output.kind == "logits"


def _of(path: Path, source: Path) -> bool:
    """Tell whether a program was quantized from this source."""
    from quantize.quantized_program import load_program

    try:
        info = load_program(path).info
        return info.source_sha256 == sha256(source) and info.map == "logits"
    except SamnetError:
        return False
