"""The report of this project's results as a browser shows and prints it."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest
from browser import BROWSER, started, tab
from PIL import Image

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]

OVERLAPS = """[...document.querySelectorAll("td, th, figcaption, p")].filter(it =>
  it.scrollWidth > it.clientWidth + 1 && getComputedStyle(it).display !== "inline"
  && it.clientWidth > 1 && it.offsetParent !== null).map(it => it.textContent.trim())"""
"""Texts that are wider than their place."""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (ROOT / "results").is_dir():
        pytest.skip("results/ is not part of this checkout")
    path = tmp_path_factory.mktemp("report") / "report.html"
    command = [sys.executable, "-m", "benchmarks.report", "--output", str(path)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)
    return path


def test_nothing_is_cut_off_on_a_desk_a_phone_or_paper(page: Path, tmp_path: Path) -> None:
    if BROWSER is None:
        pytest.skip("needs a Chromium; apt-get install chromium")
    pytest.importorskip("aiohttp")
    with started(tmp_path / "profile") as address:
        asyncio.run(look(address, page, tmp_path))
    with Image.open(tmp_path / "1280.png") as wide, Image.open(tmp_path / "390.png") as phone:
        assert wide.height > 3000
        assert phone.height > wide.height
    pages = re.findall(rb"/Type\s*/Page\b(?!s)", (tmp_path / "report.pdf").read_bytes())
    assert 8 <= len(pages) <= 20


async def look(address: str, page: Path, folder: Path) -> None:
    """Measures the page at two widths and keeps its pictures."""
    async with tab(address) as it:
        for width in (1280, 390):
            await it.show(page.as_uri(), width)
            assert await it.value("document.documentElement.scrollWidth") <= width
            assert await it.value(OVERLAPS) == []
            assert await it.value("[...document.images].every(i => i.naturalWidth > 0)")
            await it.shoot(folder / f"{width}.png")
        await it.print(folder / "report.pdf")
