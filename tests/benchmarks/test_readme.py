from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.readme import BEGIN, END, figures, read_results, sheet, with_block
from edge_apps.errors import InputError

ROOT = Path(__file__).resolve().parents[2]


def test_accuracy_comes_from_evaluations():
    data = [{"name": "ECSSD", "count": 250, "max_F": 0.8124, "MAE": 0.101}]
    text = figures({"a": {"model": "weights/net.safetensors", "maps": None, "data": data}})
    assert "| `net.safetensors` | ECSSD | 250 | 0.812 | 0.101 |" in text


def test_forms_come_from_the_demo(comparison):
    result = {
        "rows": [row.to_dict() for row in comparison.rows],
        "latency_protocol": "One thread.",
        "environment": {"cpu": "A CPU"},
    }
    text = figures({"demo": result})
    assert "| `net_96_int8.tflite` | 1.0 | 8.0 (7.0) |" in text
    assert "One thread. On A CPU." in text


def test_only_the_block_is_replaced(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    assert with_block(readme, "new") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"


@pytest.mark.parametrize("text", ["no marks", f"{BEGIN} without an end"])
def test_missing_marks_are_named(tmp_path, text):
    readme = tmp_path / "README.md"
    readme.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="marks"):
        with_block(readme, "new")


def test_results_are_required_and_readable(tmp_path):
    with pytest.raises(InputError, match="no result file"):
        read_results(tmp_path)
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"broken\.json"):
        read_results(tmp_path)


def test_the_sheet_has_a_column_a_photo():
    one = (np.zeros((300, 200, 3), np.uint8), np.zeros((300, 200), np.uint8))
    assert sheet([one, one]).shape[1] > 2 * sheet([one]).shape[1]


def test_the_readme_stands_for_what_is_there():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert with_block(ROOT / "README.md", "") != ""
    for path in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / path).exists(), path


def test_the_readme_shows_what_the_results_say():
    if not (ROOT / "results").is_dir():
        pytest.skip("results/ is not part of this checkout")
    readme = ROOT / "README.md"
    block = figures(read_results(ROOT / "results"))
    assert with_block(readme, block) == readme.read_text(encoding="utf-8")
