from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.readme import BEGIN, END, Options, figures, pages, read_results, sheet, with_blocks
from benchmarks.training_page import recipes
from edge_apps.errors import InputError

ROOT = Path(__file__).resolve().parents[2]


def test_accuracy_comes_from_evaluations():
    data = [{"name": "ECSSD", "count": 250, "max_F": 0.8124, "MAE": 0.101}]
    weights = "samnet/weights/samnet.safetensors"
    text = figures({"a": {"model": weights, "maps": None, "data": data}})
    assert "| `samnet.safetensors` | ECSSD | 250 | 0.812 | 0.101 |" in text
    assert not figures({"a": {"model": "not/shipped.tflite", "maps": None, "data": data}})


def test_forms_come_from_the_demo(comparison):
    result = {
        "rows": [row.to_dict() for row in comparison.rows],
        "latency_protocol": "One thread.",
        "environment": {"cpu": "A CPU"},
    }
    text = figures({"demo": result})
    assert "| `net_96_int8.tflite` | 1.0 | 8.0 (7.0) |" in text
    assert "One thread. On A CPU." in text


def marked(text):
    begin, end = BEGIN.format("figures"), END.format("figures")
    return f"before\n{begin}\n{text}\n{end}\nafter\n"


def test_only_the_block_is_replaced(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(marked("old"), encoding="utf-8")
    assert with_blocks(readme, {"figures": "new"}) == marked("new")


@pytest.mark.parametrize("text", ["no marks", f"{BEGIN.format('figures')} without an end"])
def test_missing_marks_are_named(tmp_path, text):
    readme = tmp_path / "README.md"
    readme.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="marks"):
        with_blocks(readme, {"figures": "new"})


def test_results_are_required_and_readable(tmp_path):
    with pytest.raises(InputError, match="no result file"):
        read_results(tmp_path)
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"broken\.json"):
        read_results(tmp_path)


def test_the_sheet_has_a_column_a_photo():
    one = (np.zeros((300, 200, 3), np.uint8), np.zeros((300, 200), np.uint8))
    assert sheet([one, one]).shape[1] > 2 * sheet([one]).shape[1]


@pytest.mark.parametrize(
    "name", ["README.md", *(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))]
)
def test_what_a_page_links_to_is_there(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    for path in re.findall(r"\]\(([^)#:]+)\)", text):
        assert ((ROOT / name).parent / path).exists(), path


def test_pages_show_what_the_results_say():
    if not (ROOT / "results").is_dir():
        pytest.skip("results/ is not part of this checkout")
    for page, text in pages(Options(), read_results(ROOT / "results")).items():
        assert page.read_text(encoding="utf-8") == text, f"{page}: run benchmarks.readme"


def test_every_difference_of_the_recipes_is_a_row_with_its_effect():
    settings = {"phases": ["96:1"]}
    rows = [
        {"key": "modern", "max_F": 0.7, "MAE": 0.2, "settings": settings},
        {"key": "loss", "max_F": 0.69, "MAE": 0.21, "settings": settings},
        {"key": "clip", "failure": "the loss is nan"},
    ]
    protocol = {"held_out": 500, "data": "DUTS-TR", "seed": 0}
    lines = recipes({"ablation_recipe": {"rows": rows, "protocol": protocol}}).splitlines()
    cells = {line.split("|")[1].strip(): line.split("|")[2:-1] for line in lines if "|" in line}
    assert [cell.strip() for cell in cells["`loss`"]] == ["bce", "bce", "bce+iou", "-0.010, +0.010"]
    assert cells["`clip`"][-1].strip() == "–"
    assert {"`phases`", "`schedule`", "`scales`", "`augmentation`", "`imitation`"} <= cells.keys()
    assert "96:1" in lines[-1]
