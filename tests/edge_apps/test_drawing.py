"""Pictures of maps for files and screens, and the line that tells how far a command is."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from common import progress
from edge_apps.program.drawing import DARK, LIGHT, SHOWS, display, draw

PHOTO = np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)


def test_files_get_what_was_asked_for() -> None:
    saliency_map = PHOTO[..., 0]
    shapes = [draw(show, PHOTO, saliency_map).shape for show in SHOWS]
    assert shapes == [(30, 50, 3), (30, 50), (30, 50, 4)]


@pytest.mark.parametrize("show", [*SHOWS, "photo"])
def test_screens_get_rgb(show: str) -> None:
    picture = display(show, PHOTO, PHOTO[..., 0])  # type: ignore[arg-type]
    assert picture.shape == PHOTO.shape and picture.dtype == np.uint8


def test_a_cutout_lies_over_a_board() -> None:
    saliency_map = np.zeros((30, 50), np.uint8)
    saliency_map[:, 25:] = 255
    picture = display("cutout", PHOTO, saliency_map)
    assert (picture[:, 25:] == PHOTO[:, 25:]).all()
    assert set(np.unique(picture[:, :25])) == {DARK, LIGHT}


def test_progress_tells_rate_and_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(progress.progress(range(3), 3, "photos")) == [0, 1, 2]
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "LINE_EVERY", 0.0)
    list(progress.progress(range(2), 4, "photos"))
    list(progress.progress(range(1), None, "camera"))
    first, second, third = capsys.readouterr().err.splitlines()
    assert first.startswith("photos: 1 of 4, ") and second.endswith(" s left")
    assert progress._duration(3 * 3600 + 125.4) == "3:02:05"
    assert third.startswith("camera: 1, ") and third.endswith("/s")
    monkeypatch.setattr(progress, "RENEW_EVERY", 0.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    list(progress.progress(range(2), 2, "photos"))
    assert capsys.readouterr().err.endswith("\r\033[K")
