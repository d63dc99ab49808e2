from __future__ import annotations

import functools
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.demo.command import WEIGHTS
from benchmarks.docs import int8_page, models_page
from benchmarks.docs.command import (
    BEGIN,
    END,
    Options,
    figures,
    pages,
    sheet,
    with_blocks,
)
from benchmarks.docs.training_page import recipes
from benchmarks.results.reader import read_results
from common.errors import InputError
from common.files import sha256

ROOT = Path(__file__).resolve().parents[2]


def score_row(**values):
    """A row of an accuracy result, of a plain checkpoint unless told otherwise."""
    scores = {"max_F_per_image": 0.8, "precision": [1.0], "recall": [1.0]}
    scores |= dict.fromkeys(("weighted_F", "S", "E_max", "E_mean", "E_adaptive"))
    about = {"name": "n", "origin": "checkpoint", "last_step": "plain"}
    return {**scores, **about, **values}


def test_accuracy_is_that_of_what_is_shipped(made):
    row = functools.partial(score_row, data="ECSSD", max_F=0.8124, MAE=0.101, count=250, of=250)
    shipped = {"file": WEIGHTS.name, "sha256": sha256(WEIGHTS)}
    rows = [row(**shipped), row(**shipped, last_step="refined", MAE=0.05)]
    text = figures({"a": made("accuracy", protocol="", rows=rows)})
    assert f"| `{WEIGHTS.name}` | ECSSD | 250 | 0.812 | 0.101 |" in text
    assert f"| `{WEIGHTS.name}`, refined | ECSSD | 250 | 0.812 | 0.050 |" in text
    for other in ({"file": "x.tflite", "sha256": "0"}, {**shipped, "sha256": "0"}):
        assert not figures({"a": made("accuracy", protocol="", rows=[row(**other)])})


def test_a_model_stands_with_its_cost_and_what_int8_changes(made):
    row = functools.partial(score_row, data="DUTS-TE", max_F=0.81, MAE=0.1, count=9, of=9)
    digest = sha256(WEIGHTS)
    ours = {"file": WEIGHTS.name, "sha256": digest, "source_sha256": digest}
    int8 = {"file": "samnet-lite_256_int8.tflite", "sha256": "1", "source_sha256": digest}
    rows = [row(**ours), row(**ours, last_step="refined", max_F=0.85, MAE=0.05)]
    rows += [row(**int8, origin="artifact", max_F=0.805, MAE=0.101)]
    rows += [row(name="Other", file="o.onnx", origin="onnx", max_F=0.9, data="ECSSD")]
    counts = {WEIGHTS.name: {"parameters": 2.5e6, "multiply_adds": 467e6}}
    results = {
        "a": made("accuracy", protocol="", rows=rows),
        "c": made("counts", protocol="", counts=counts),
    }
    lines = models_page.table(results).splitlines()
    (line,) = (it for it in lines if it.startswith("| `samnet-lite`"))
    assert "| 2.50 | 467 | 0.850 / 0.050 | – | 9 / – | −0.0050 / +0.0010 |" in line
    assert "| Other | – | – | – | 0.900 / 0.100 | – / 9 |" in "\n".join(lines)
    assert not any("samnet-edge" in it for it in lines)
    assert lines[-1] == models_page.FOR_CORES


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
    for path, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", text):
        page = ROOT / name if not path else (ROOT / name).parent / path
        assert page.exists(), path
        if anchor:
            headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
            words = (re.sub(r"[^\w\- ]", "", it.lower()) for it in headings)
            assert anchor in {it.replace(" ", "-") for it in words}, f"{path}#{anchor}"


def test_pages_show_what_the_results_say():
    if not (ROOT / "results").is_dir():
        pytest.skip("results/ is not part of this checkout")
    for page, text in pages(Options(), read_results(ROOT / "results")).items():
        assert page.read_text(encoding="utf-8") == text, f"{page}: run samnet docs"


def test_every_difference_of_the_recipes_is_a_row_with_its_effect(made):
    settings = {"phases": ["96:1"]}
    rows = [
        {"key": "modern", "max_F": 0.7, "MAE": 0.2, "settings": settings},
        {"key": "loss", "max_F": 0.69, "MAE": 0.21, "settings": settings},
        {"key": "clip", "failure": "the loss is nan"},
    ]
    rows = [{**row, "name": row["key"], "paper": {}} for row in rows]
    protocol = {"held_out": 500, "data": "DUTS-TR", "seed": 0, "scores": "", "weights": ""}
    protocol["multiply_adds_at"] = 336
    result = made("ablation", table="recipe", rows=rows, protocol=protocol)
    lines = recipes(result).splitlines()
    cells = {line.split("|")[1].strip(): line.split("|")[2:-1] for line in lines if "|" in line}
    loss = [cell.strip() for cell in cells["`loss`"]]
    assert loss == ["bce", "bce", "bce+iou", "bce+iou", "-0.010, +0.010"]
    assert cells["`clip`"][-1].strip() == "–"
    assert {"`phases`", "`schedule`", "`scales`", "`augmentation`", "`imitation`"} <= cells.keys()
    assert "96:1" in lines[-1]


def test_the_most_sensitive_modules_come_first_and_all_of_them_last(made):
    effect = {"snr": 30.0, "max_F": -0.001, "MAE": 0.0}
    rows = [{"module": f"stage.{i}", "only": {**effect, "snr": i}, "but": effect} for i in range(9)]
    kept = {"keep_float": [], "max_drop": 0.003, "max_F": -0.002, "MAE": 0.0}
    about = {"protocol": "", "model": "x", "size": 96, "recipe": "r", "observer": "o"}
    about |= {"calibration": {}, "float": {}, "costs": {}, "data": {"name": "X", "count": 60}}
    result = made("sensitivity", rows=rows, whole=effect, suggestion=kept, **about)
    lines = int8_page.sensitivity(result).splitlines()
    assert lines[2] == "| `stage.0` | 0.0 | -0.0010 | -0.0010 |"
    assert lines[2 + int8_page.SENSITIVE] == "| all of them | 30.0 | -0.0010 | – |"
    assert lines[-1].startswith("60 photos of X. Keep nothing in float")


def test_options_of_ptq_stand_beside_each_other_for_each_network(made):
    def model(name, snr):
        scores = {"max_F": 0.9, "MAE": 0.05}
        rows = [
            {"observer": None, "correction": None, **scores},
            {"observer": "mse", "correction": "plain", "snr": snr, **scores},
        ]
        return {"model": f"{name}.safetensors", "rows": rows, "size": 96, "calibration": {}}

    models = [model("one", 20.0), model("two", 30.0)]
    data = {"name": "X", "count": 60}
    result = made("ptq_options", models=models, data=data, protocol="", recipe="r")
    lines = int8_page.options(result).splitlines()
    assert lines[0] == "| observer, correction | `one` | `two` |"
    assert lines[3] == "| mse, plain | 0.9000, 0.0500, 20.0 dB | 0.9000, 0.0500, 30.0 dB |"
