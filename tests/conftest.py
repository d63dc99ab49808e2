"""What several rooms of the tests share."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from quantize.quantized_program import QuantizedProgram

# Before any library that starts threads: tests run beside each other and beside other work.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# A script that runs tests in the background has them, and all that they start, ignore interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

EDGE = {"modules": (0, 1, 1, 1, 1), "decoder_stride": 4, "decoder_kernel": 3}
"""What ``samnet-edge`` changes beside its attention, with one module in each stage."""

SHARED = Path(__file__).resolve().parents[2] / "shared"
"""Data sets and golden outputs that stand beside the checkout; no part of the project."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--keep",
        type=Path,
        metavar="DIR",
        help="folder for result files of what tests saw on devices; replaces those that exist",
    )


@pytest.fixture
def keep(request: pytest.FixtureRequest) -> Callable[[str, Path, dict[str, Any]], None]:
    """Writes what a test saw of a model to a result file, where the user asks for it."""

    def write(name: str, model: Path, seen: dict[str, Any]) -> None:
        from common.result_file import write_result
        from edge_apps.manifest import hashes

        folder: Path | None = request.config.getoption("--keep")
        if folder is not None:
            plain = {
                key: dataclasses.asdict(it) if dataclasses.is_dataclass(it) else it
                for key, it in seen.items()
            }
            plain["model"] = model.name
            target = folder / f"{name}.json"
            write_result(target, name, plain, measured=hashes(model), overwrite=True)

    return write


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of data sets beside the checkout, or a skip where there is none."""
    if not SHARED.is_dir():
        pytest.skip("needs the data sets of ../shared, which are not beside this checkout")
    return SHARED


class Bomb:
    """Runs code when it is unpickled: it makes the file ``mark``."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


@pytest.fixture
def bomb(tmp_path: Path) -> Bomb:
    """An object whose pickle runs code; whether it did, its mark tells."""
    return Bomb(tmp_path / "ran")


@pytest.fixture
def ordinary() -> list[str]:
    """What makes a command heed permissions, which the superuser does not."""
    if os.geteuid():
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("the superuser needs setpriv to be like an ordinary user")
    return [setpriv, "--bounding-set=-dac_override,-dac_read_search,-fowner"]


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """Three synthetic scenes of 72x96 pixels as a data set with images/ and masks/."""
    from samnet.data.synthetic import write_scenes

    folder = tmp_path / "scenes"
    write_scenes(folder, 3, (72, 96))
    return folder


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs ``python -m MODULE ARGUMENTS`` in this process; gives status, output and errors."""

    def run(name: str, *arguments: object) -> tuple[int, str, str]:
        module = importlib.import_module(name)
        if hasattr(module, "__path__"):  # a package, of which python runs __main__
            module = importlib.import_module(f"{name}.command")
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            module.COMMAND.run()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture(scope="session")
def edge_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest network that every step up to int8 accepts: random weights, for 96 px."""
    import torch

    from samnet import Checkpoint, Preprocessing, SAMNet, SAMNetConfig, save_checkpoint

    config = SAMNetConfig(attention="stick_breaking", width=0.25, **EDGE)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = SAMNet(config).eval()
    path = tmp_path_factory.mktemp("edge") / "tiny-edge.safetensors"
    save_checkpoint(path, Checkpoint(model, Preprocessing(size=96)))
    return path


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A checkpoint of a tiny network with a given attention, taught some synthetic scenes.

    With stick-breaking attention it has the form of ``samnet-edge``, else the paper's.
    Random weights are so ill-conditioned that a comparison of int8 with float says nothing.
    """

    @functools.cache
    def make(attention: str) -> Path:
        import torch
        from torch.nn import functional as F

        from samnet import Checkpoint, Preprocessing, SAMNet, SAMNetConfig, save_checkpoint
        from samnet.data.synthetic import scene
        from samnet.training.augmentation import normalize

        config = SAMNetConfig(
            attention=attention,  # type: ignore[arg-type]
            width=0.25,
            dilation_rates=((1, 2), (1,), (1,), (1,), (1,)),
            **(EDGE if attention == "stick_breaking" else {"modules": (1, 1, 1, 1, 1)}),
        )
        preprocessing = Preprocessing(size=96)
        scenes = [scene(seed) for seed in range(16)]
        photos = torch.stack([torch.from_numpy(photo) for photo, _ in scenes])
        masks = torch.stack([torch.from_numpy(mask) for _, mask in scenes])[:, None] / 255
        x = normalize(photos.permute(0, 3, 1, 2).float() / 255, preprocessing)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = SAMNet(config)
            optimizer = torch.optim.Adam(model.parameters(), 3e-3)
            for step in range(60):
                part = slice(step % 2 * 8, step % 2 * 8 + 8)
                loss = sum(
                    F.binary_cross_entropy_with_logits(logits, masks[part])
                    for logits in model(x[part])
                )
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            # The moving averages lag behind weights that changed this fast.
            for part in model.modules():
                if isinstance(part, torch.nn.BatchNorm2d):
                    part.reset_running_stats()
                    part.momentum = None
            with torch.no_grad():
                model(x)
        path = tmp_path_factory.mktemp("taught") / f"{attention}.safetensors"
        save_checkpoint(path, Checkpoint(model.eval(), preprocessing))
        return path

    return make


@pytest.fixture(scope="session")
def quantized(taught: Callable[[str], Path]) -> Callable[[str], QuantizedProgram]:
    """The taught network of an attention after post-training quantization."""

    @functools.cache
    def make(attention: str) -> QuantizedProgram:
        from quantize.calibration import calibration_set
        from quantize.ptq import post_training_quantize
        from samnet import load_checkpoint
        from samnet.data.synthetic import scene

        photos = calibration_set([scene(seed)[0] for seed in range(16)], 16, 96)
        return post_training_quantize(load_checkpoint(taught(attention)), photos)

    return make
