"""The window on a virtual screen."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageGrab
from processes import found_in, running

from common.images.photos import fitting

pytestmark = pytest.mark.slow


@pytest.fixture
def screen() -> Iterator[str]:
    """The name of a virtual screen."""
    if shutil.which("Xvfb") is None:
        pytest.skip("needs a virtual screen; apt-get install xvfb")
    pytest.importorskip("tkinter")
    receiver, sender = os.pipe()
    command = ["Xvfb", "-screen", "0", "800x600x24", "-displayfd", str(sender)]
    with running(command, pass_fds=[sender], stderr=subprocess.DEVNULL):
        os.close(sender)
        yield f":{found_in(os.fdopen(receiver), '[0-9]+')[0]}"


def test_the_window_shows_the_map_and_ends(
    screen: str, make_video: Callable[[str, int], Path], tflite: Path, tmp_path: Path
) -> None:
    clip = make_video("clip.mp4", 30)
    command = [sys.executable, "-m", "edge_apps.desktop", str(clip), "--window", "--show", "map"]
    environment = {**os.environ, "DISPLAY": screen}
    with running([*command, "--model", str(tflite)], env=environment) as program:
        levels = set()
        end = time.monotonic() + 60
        while len(levels) < 3 and time.monotonic() < end:
            time.sleep(0.2)
            shot = ImageGrab.grab(xdisplay=screen)
            levels.add(int(np.asarray(shot.convert("L")).max()))
        shot.save(tmp_path / "screen.png")
        program.send_signal(signal.SIGINT)
        assert program.wait(20) == 130
    assert len(levels) >= 3
    assert Image.open(tmp_path / "screen.png").size == (800, 600)


def test_pictures_are_made_to_fit_but_never_enlarged() -> None:
    assert fitting((480, 640), (720, 960)) == (480, 640)
    assert fitting((1440, 960), (720, 960)) == (720, 480)
    assert fitting((1, 10000), (720, 960)) == (1, 960)
