"""The report of all results: what it says, and that it holds everything it shows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks.demo.command import WEIGHTS
from benchmarks.report.command import changes, gather, markdown, measured
from benchmarks.report.pareto import ParetoEntry, front
from benchmarks.report.recommendations import advice
from benchmarks.report.result_readers import accuracies, file_name, timings
from benchmarks.report.sections import sections
from common.errors import InputError
from common.files import sha256
from edge_apps.shipped import default_model

ROOT = Path(__file__).resolve().parents[2]


def scores(file, max_F, data="ECSSD", size=96):
    curve = [k / 255 for k in range(256)]
    return {
        "name": file, "file": file, "kind": "artifact", "data": data, "count": 9, "of": 9,
        "published_count": 1000, "size": size, "missing": [], "max_F": max_F, "MAE": 0.1,
        "weighted_F": 0.7, "S": None, "E_max": None, "precision": curve[::-1], "recall": curve,
    }  # fmt: skip


def row(file, engine, ms, failure=""):
    precision = "int8" if "int8" in file else "fp32"
    times = {"median": ms, "minimum": ms - 0.5}
    return {
        "file": file, "network": file.partition("_")[0].partition(".")[0],
        "label": f"{engine} {precision}", "precision": precision, "size": 96, "threads": 1,
        "megabytes": ms / 2, "peak_MB": 10 * ms, "failure": failure,
        **({} if failure else {"latency_ms": times}),
    }  # fmt: skip


PAIRED = {
    "name": "samnet-edge_96_int8.tflite", "reference": "samnet-edge.safetensors", "data": "ECSSD",
    "count": 9, "worse": 4,
    "changes": [
        {"figure": f, "before": 0.8, "after": 0.79, "change": -0.01, "low": -0.02, "high": 0.0}
        for f in ("max_F", "MAE")
    ],
    "photos": [{"stem": "0007", "before": 0.1, "after": 0.2}],
}  # fmt: skip


@pytest.fixture
def results():
    environment = {"date": "2026-01-02", "cpu": "A <fast> CPU", "packages": {"torch": "2.13.0"}}
    return {
        "accuracy": {
            "accuracy": [
                scores("samnet-edge.safetensors", 0.80),
                scores("samnet-edge_96_int8.tflite", 0.795),
                scores("samnet_96_int8.tflite", 0.70),
                scores("theirs.onnx", 0.9, size=None),
            ],
            "paired": [PAIRED],
            "environment": environment,
        },
        "latency": {
            "rows": [
                row("samnet-edge.safetensors", "PyTorch eager", 30.0),
                row("samnet-edge_96_int8.tflite", "LiteRT", 3.0),
                row("samnet-edge_96_fp32.tflite", "LiteRT", 6.0),
                row("samnet_96_int8.tflite", "LiteRT", 2.0),
                row("theirs.onnx", "OpenVINO", 40.0),
                row("broken.pte", "ExecuTorch", 1.0, failure="its process ended with SIGSEGV"),
            ],
            "protocol": "Each in turn.",
            "environment": environment,
        },
        "instructions": {
            "instructions": {
                "samnet-edge_336_int8.tflite": {"cortex-a76": 120_000_000},
                "samnet_336_fp32.tflite": {"cortex-a76": 300_000_000},
            },
            "protocol": {"what": "guest instructions"},
        },
    }


def test_the_parts_stand_in_order_and_hold_the_figures(results):
    result_index = gather(results, "ECSSD")
    parts = {part.title: part for part in sections(result_index)}
    assert list(parts) == [
        "Which file for which device",
        "Accuracy against cost",
        "int8 against float",
        "Accuracy",
        "Latency",
        "Counts, the same on every machine",
        "Precision and recall",
    ]
    text = markdown(result_index, list(parts.values()))
    assert "| samnet-edge, LiteRT, 96 px | 6.0 → 3.0 | 2.0 × | 3.0 → 1.5 | 2.0 × |" in text
    # samnet_96_int8.tflite is faster, but too poor.
    assert "Run samnet-edge_96_int8.tflite by LiteRT unless" in text
    assert [it.after for it in changes(result_index)] == ["3.0", "1.5", "0.795", "0.100"]
    assert "−0.0100 (−0.0200 to 0.0000)" in text
    assert "| SAMNet | 0.925 | 0.053 | 0.855 | 0.902 |" in text
    assert "| `theirs.onnx` | OpenVINO fp32 | 96 | 40.0 | 39.5 | 20.0 | 400 |" in text
    assert "| `broken.pte` | ExecuTorch fp32 | 96 | failed | – | 0.5 | 10 |" in text
    assert "broken, ExecuTorch fp32: its process ended with SIGSEGV." in text
    assert "Guest instructions." in text


def test_the_advice_leaves_out_what_is_fast_but_poor(results):
    result_index = gather(results, "ECSSD")
    found = advice(result_index.pareto_entries, result_index.accuracies, results, "ECSSD")
    files = {it.device: it.file for it in found}
    assert files["Desktop or server, x86"] == "samnet-edge_96_int8.tflite"
    assert "0.40 of samnet_336_fp32.tflite's" in found[0].why
    assert files["Where accuracy counts most"] == "samnet-edge.safetensors"
    assert "Apps that use ExecuTorch" not in files


def test_little_memory_is_beside_the_most_of_the_same_run(results):
    results["latency"]["rows"][1]["size"] = [96, 96]
    result_index = gather(results, "ECSSD")
    found = advice(result_index.pareto_entries, result_index.accuracies, results, "ECSSD")
    (memory,) = (it for it in found if it.device == "Little memory")
    assert memory.why == ("30 MB at most at 96 px, samnet-edge.safetensors by PyTorch eager 300 MB")


def test_each_data_set_has_a_table_and_each_network_one_remark(results):
    results["accuracy"]["accuracy"].append(scores("samnet-edge.safetensors", 0.9, "SOD"))
    results["accuracy"]["accuracy"][-1] |= {"count": 7, "published_count": None}
    for it in results["latency"]["rows"][:2]:
        it["remark"] = "odd"
    results["latency"]["rows"][0]["threads"] = 2
    result_index = gather(results, "ECSSD")
    text = markdown(result_index, sections(result_index))
    assert "| ECSSD | px | max F | MAE | weighted F | S | E |" in text
    assert "ECSSD, 9 of 1000 photos." in text
    assert "SOD, 7 photos." in text
    assert text.count("samnet-edge: odd.") == 1
    assert "| `samnet-edge.safetensors` | PyTorch eager fp32 | 96 | 2 | 30.0 |" in text


def test_where_a_result_was_measured_may_stand_in_its_protocol(results):
    results["places"] = {"protocol": {"date": "2026-01-02T03:04:05", "cpu": "Another"}}
    assert dict(measured(results))["places"] == "2026-01-02 03:04; Another"
    assert dict(measured({"old": {"protocol": "Somehow."}}))["old"] == "not noted"


def test_a_result_of_earlier_weights_is_named(run, results):
    of_today = {"model": f"weights/{WEIGHTS.name}", "model_sha256": sha256(WEIGHTS)}
    earlier = {**of_today, "model_sha256": "0" * 64}
    artifact = {"model": {"name": default_model().name, "sha256": "0" * 64}}
    other = {"model": "mine.safetensors", "model_sha256": "0" * 64}
    given = {"today": of_today, "earlier": earlier, "artifact": artifact, "other": other}
    named = dict(measured(given))
    assert named["earlier"] == f"of an earlier {WEIGHTS.name}"
    assert named["artifact"] == f"of an earlier {default_model().name}"
    assert named["today"] == named["other"] == "not noted"
    (run.folder / "old.json").write_text(json.dumps(earlier), encoding="utf-8")
    status, _, err, _ = run("--no-photos")
    assert status == 0
    assert err == f"old.json is of an earlier {WEIGHTS.name}; measure anew\n"


def test_a_latency_joins_the_accuracy_of_the_same_size_alone(results):
    results["accuracy"]["accuracy"][0]["size"] = 336
    joined = {it.file.text for it in gather(results, "ECSSD").pareto_entries}
    assert "samnet-edge.safetensors" not in joined
    assert "theirs.onnx" in joined


def test_rows_of_every_latency_command():
    old = {"latency_ms": {"a/samnet_336_fp32.pte": {"median": 2, "minimum": 1}}}
    new = {**row("samnet_336_int8.tflite", "LiteRT", 3.0), "size": [192, 256], "remark": "odd"}
    new["network"] = "samnet_336_int8"
    first, second = timings({"old": old, "new": {"rows": [new]}})
    assert (first.engine, first.size, first.threads) == ("ExecuTorch", 336, 1)
    assert (second.engine, second.size, second.remark) == ("LiteRT", 256, "odd")
    assert second.failure == ""
    assert first.file.network == second.file.network == "samnet"


def test_the_front_is_what_nothing_beats():
    def pareto_entry(ms, max_F):
        return ParetoEntry(file_name("a"), "e", "fp32", 1, ms, None, max_F, 0.1)

    rows = [pareto_entry(*it) for it in ((3, 0.8), (5, 0.9), (4, 0.7), (6, 0.9), (2, 0.6))]
    assert [row.median for row in front(rows, "median")] == [3, 5, 2]


def test_the_latest_score_counts():
    def result(date, max_F):
        return {"accuracy": [scores("a.onnx", max_F)], "environment": {"date": date}}

    rows = accuracies({"a": result("2026-01-02", 0.8), "b": result("2026-01-01", 0.9)})
    assert [row.max_F for row in rows] == [0.8]


def test_names_of_artifacts():
    name = file_name("dir/samnet-edge_192_int8-qat.tflite")
    assert (name.network, name.size, name.precision) == ("samnet-edge", 192, "int8")
    assert (name.suffix, name.ours, name.baseline) == (".tflite", True, False)
    assert file_name("mobilenetv2_336_fp32.pte").baseline
    assert file_name("u2netp.onnx").size is None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("latency", {"latency_ms": {"a.pte": {"median": 1}}}),
        ("rows", {"rows": [{"latency_ms": 3}]}),
        ("accuracy", {"accuracy": [{"name": "x"}]}),
    ],
)
def test_a_damaged_result_is_named(results, name, content):
    with pytest.raises(InputError, match=rf"{name}\.json"):
        gather({**results, name: content}, "ECSSD")


def test_an_unknown_data_set(results):
    with pytest.raises(InputError, match="did you mean 'ECSSD'"):
        gather(results, "ECCSD")


@pytest.fixture
def run(command, results, tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    for name, content in results.items():
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")

    def run(*arguments):
        page = tmp_path / "report.html"
        flags = ["--results", folder, "--output", page, *arguments]
        return *command("benchmarks.report", *flags), page

    run.folder = folder
    return run


def test_the_page_holds_everything_it_shows(run):
    status, _, err, page = run("--no-photos")
    assert (status, err) == (0, "")
    html = page.read_text(encoding="utf-8")
    assert "A &lt;fast&gt; CPU" in html
    sources = re.findall(r'(?:src|srcset|href)="([^"]*)"', html)
    assert len(sources) == 6  # three charts, each for a page and for a phone
    assert all(source.startswith("data:image/") for source in sources)
    assert all(re.findall(r'<img [^>]*alt="([^"]*)"', html))
    assert page.with_suffix(".md").read_text(encoding="utf-8").startswith("# SAMNet")


def test_an_earlier_report_stays(run):
    page = run("--no-photos")[-1]
    page.with_suffix(".md").write_text("precious")
    page.unlink()
    status, _, err, _ = run("--no-photos")
    assert status == 2 and "--overwrite" in err and not page.exists()
    assert page.with_suffix(".md").read_text() == "precious"


def test_the_results_of_this_project_can_be_reported():
    if not (ROOT / "results").is_dir():
        pytest.skip("results/ is not part of this checkout")
    from benchmarks.docs.command import read_results

    found = read_results(ROOT / "results")
    assert len(timings(found)) >= 10
    result_index = gather(found, "ECSSD")
    parts = sections(result_index)
    assert parts[0].title == "Which file for which device"
    assert markdown(result_index, parts).count("\n- ") > len(found)
