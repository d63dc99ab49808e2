"""The report of all results: what it says, and that it holds everything it shows."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest
from result_heads import head

from benchmarks.demo.command import WEIGHTS
from benchmarks.report.charts import changes as chart_of
from benchmarks.report.command import changes, gather, markdown, measured
from benchmarks.report.cores import cores_table
from benchmarks.report.pareto import ParetoEntry, front
from benchmarks.report.recommendations import advice
from benchmarks.report.result_readers import accuracies, comparisons, file_name, timings
from benchmarks.report.sections import sections
from benchmarks.results.accuracy_kinds import Accuracy
from benchmarks.results.reader import SCHEMAS, newest, read_results
from benchmarks.results.speed_kinds import Latency
from benchmarks.shared.charts import FLOAT, OURS
from common.decode import decode
from common.errors import InputError
from common.files import sha256
from edge_apps.recommendation import CORES
from edge_apps.shipped import default_model

ROOT = Path(__file__).resolve().parents[2]


def scores(file, max_F, data="ECSSD", size=96, **values):
    curve = [k / 255 for k in range(256)]
    return {
        "name": file, "file": file, "origin": "onnx" if size is None else "artifact",
        "last_step": "plain", "data": data, "count": 9, "of": 9, "published_count": 1000,
        "size": size, "max_F": max_F, "MAE": 0.1, "max_F_per_image": 0.7, "weighted_F": 0.7,
        **dict.fromkeys(("S", "E_max", "E_mean", "E_adaptive")),
        "precision": curve[::-1], "recall": curve, **values,
    }  # fmt: skip


def row(file, engine, ms, failure="", **values):
    precision = "int8" if "int8" in file else "fp32"
    times = {"median": ms, "minimum": ms - 0.5}
    return {
        "file": file, "network": file.partition("_")[0].partition(".")[0], "engine": engine,
        "label": f"{engine} {precision}", "precision": precision, "size": 96, "threads": 1,
        "megabytes": ms / 2, "peak_MB": 10 * ms, "failure": failure,
        "latency_ms": None if failure else times, **values,
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
def plain():
    """What result files would hold."""
    rows = [
        scores("samnet-edge.safetensors", 0.80, origin="checkpoint"),
        scores("samnet-edge_96_int8.tflite", 0.795),
        scores("samnet_96_int8.tflite", 0.70),
        scores("theirs.onnx", 0.9, size=None),
    ]
    timed = [
        row("samnet-edge.safetensors", "PyTorch eager", 30.0),
        row("samnet-edge_96_int8.tflite", "LiteRT", 3.0),
        row("samnet-edge_96_fp32.tflite", "LiteRT", 6.0),
        row("samnet_96_int8.tflite", "LiteRT", 2.0),
        row("theirs.onnx", "OpenVINO", 40.0),
        row("broken.pte", "ExecuTorch", 1.0, failure="its process ended with SIGSEGV"),
    ]
    counted = {
        "samnet-edge_336_int8.tflite": {"cortex-a76": 120_000_000},
        "samnet_336_fp32.tflite": {"cortex-a76": 300_000_000},
    }
    how = {"repetitions": 2, "warm_up": 1, "threads": [1], "text": "Each in turn."}
    said = {"what": "guest instructions", "how": "by qemu", "note": "No latency."}
    instructions = {"instructions": counted, "ratio_to_first": {}, "protocol": said}
    return {
        "accuracy": {**head("accuracy"), "protocol": "", "rows": rows, "paired": [PAIRED]},
        "latency": {**head("latency"), "rows": timed, "protocol": how},
        "instructions": {**head("instructions"), **instructions},
    }


@pytest.fixture
def results(plain):
    return decoded(plain)


def decoded(plain):
    return {name: decode(SCHEMAS[it["kind"]], it) for name, it in plain.items()}


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
    assert "Guest instructions. by qemu. No latency." in text


def test_the_advice_leaves_out_what_is_fast_but_poor(results):
    result_index = gather(results, "ECSSD")
    found = advice(result_index.pareto_entries, result_index.accuracies, results, "ECSSD")
    files = {it.device: it.file for it in found}
    assert files["Desktop or server, x86 with AVX2, without VNNI"] == "samnet-edge_96_int8.tflite"
    assert "0.40 of samnet_336_fp32.tflite's" in found[0].why
    assert files["Where accuracy counts most"] == "samnet-edge.safetensors"
    assert "Apps that use ExecuTorch" not in files


def cells(results):
    return {row[0]: row[1:] for row in cores_table(results).rows}


def test_every_kind_of_core_has_its_file_and_what_int8_takes_there(plain):
    found = cells(decoded(plain))
    assert list(found) == [it.name for it in CORES]
    assert found["x86 with AVX2, without VNNI"][1] == "samnet-edge 0.50"
    assert found["x86 with VNNI"][0] == f"`{default_model().name}`"
    assert found["x86 with VNNI"][1] == found["arm with dot products"][1] == "–"
    plain["latency"]["environment"]["cpu_features"] = ["avx2", "avx_vnni"]
    table = cores_table(decoded(plain))
    assert table.rows[0][2] == "samnet-edge 0.50" and table.rows[1][2] == "–"
    assert "x86 with VNNI: A <fast> CPU (avx2, avx_vnni)." in table.notes


def test_instructions_stand_where_one_network_was_counted_in_both_precisions(plain):
    both = {"cortex-a72": 90, "cortex-a76": 50}, {"cortex-a72": 100, "cortex-a76": 100}
    files = ("samnet-lite_256_int8.tflite", "samnet-lite_256_fp32.tflite")
    plain["instructions"]["instructions"] |= dict(zip(files, both, strict=True))
    found = cells(decoded(plain))
    assert found["arm with dot products"][1] == "samnet-lite 0.50 (cortex-a76)"
    assert found["arm without dot products"][1] == "samnet-lite 0.90 (cortex-a72)"


def test_what_is_said_of_times_holds_for_the_results():
    """A sentence that recommends for speed rests on a ratio; renewed results may not belie it."""
    if not (ROOT / "results").is_dir():
        pytest.skip("results/ is not part of this checkout")
    found = cells(read_results())
    for it in CORES:
        for share in re.findall(r"samnet-lite ([\d.]+)", found[it.name][1]):
            # Where float32 is recommended int8 takes as long, or longer.
            assert float(share) < 1 if it.precision == "int8" else float(share) > 0.95, it.name


def test_little_memory_is_beside_the_most_of_the_same_run(plain):
    plain["latency"]["rows"][1]["size"] = [96, 96]
    results = decoded(plain)
    result_index = gather(results, "ECSSD")
    found = advice(result_index.pareto_entries, result_index.accuracies, results, "ECSSD")
    (memory,) = (it for it in found if it.device == "Little memory")
    assert memory.why == ("30 MB at most at 96 px, samnet-edge.safetensors by PyTorch eager 300 MB")


def test_each_data_set_has_a_table_and_each_network_one_remark(plain):
    more = {"count": 7, "published_count": None}
    plain["accuracy"]["rows"].append(scores("samnet-edge.safetensors", 0.9, "SOD", **more))
    for it in plain["latency"]["rows"][:2]:
        it["remark"] = "odd"
    plain["latency"]["rows"][0]["threads"] = 2
    result_index = gather(decoded(plain), "ECSSD")
    text = markdown(result_index, sections(result_index))
    assert "| ECSSD | px | max F | MAE | weighted F | S | E max |" in text
    assert "ECSSD, 9 of 1000 photos." in text
    assert "SOD, 7 photos." in text
    assert text.count("samnet-edge: odd.") == 1
    assert "| `samnet-edge.safetensors` | PyTorch eager fp32 | 96 | 2 | 30.0 |" in text


def test_where_time_goes_says_what_bounds_it(plain):
    profiled = {"file": "x.tflite", "engine": "LiteRT", "precision": "int8", "operations": []}
    profiled |= dict.fromkeys(("microseconds", "microseconds_outside_operations"), 1.0)
    profiled |= {"microseconds_wall_median": 1.0, "notes": []}
    bound = {"microseconds": 500.0, "least": 400.0, "by_bytes": 0.0, "by": "products"}
    plain["profile"] = {
        **head("profile"), "protocol": {}, "machine_limits": {"fp32": 1.0},
        "profiles": [profiled], "bound_by_module": [{"encoder": bound}],
        "by_module_microseconds": {"encoder": [500.0], "outside": [1200.0]},
    }  # fmt: skip
    result_index = gather(decoded(plain), "ECSSD")
    text = markdown(result_index, sections(result_index))
    assert "## Where the time goes" in text
    assert "| outside | 1.20 | – |\n| encoder | 0.50 | products |" in text


def test_a_result_of_earlier_weights_is_named(run, plain):
    def of(name, digest):
        return {**plain["accuracy"], "measured": {name: digest}, "rows": []}

    given = decoded(
        {
            "today": of(WEIGHTS.name, sha256(WEIGHTS)),
            "earlier": of(WEIGHTS.name, "0" * 64),
            "artifact": of(default_model().name, "0" * 64),
            "other": of("mine.safetensors", "0" * 64),
        }
    )
    named = dict(measured(given))
    assert named["earlier"].endswith(f"; of an earlier {WEIGHTS.name}")
    assert named["artifact"].endswith(f"; of an earlier {default_model().name}")
    assert named["today"] == named["other"] == "2026-01-02 03:04; A <fast> CPU"
    (run.folder / "old.json").write_text(json.dumps(of(WEIGHTS.name, "0")), encoding="utf-8")
    status, _, err, _ = run("--no-photos")
    assert status == 0
    assert err.startswith(f"old.json is of an earlier {WEIGHTS.name}; renew it")


def test_the_newest_result_counts_and_a_stale_one_only_alone(plain):
    def of(date, name=WEIGHTS.name, digest="0"):
        return {**plain["accuracy"], **head("accuracy", date=date), "measured": {name: digest}}

    today = sha256(WEIGHTS)
    given = {"a": of("2026-01-01", digest=today), "b": of("2026-01-03"), "c": of("2026-01-02")}
    found = decoded(given)
    assert newest(found, Accuracy) is found["a"]
    assert newest({name: found[name] for name in "bc"}, Accuracy) is found["b"]
    assert newest(found, Accuracy, lambda it: it.environment.date == "2026-01-02") is found["c"]
    assert newest(found, Latency) is None


def test_a_latency_joins_the_accuracy_of_the_same_size_alone(plain):
    plain["accuracy"]["rows"][0]["size"] = 336
    joined = {it.file.text for it in gather(decoded(plain), "ECSSD").pareto_entries}
    assert "samnet-edge.safetensors" not in joined
    assert "theirs.onnx" in joined


def test_rows_of_latencies(plain):
    odd = row("samnet_336_int8.tflite", "LiteRT", 3.0, size=[192, 256], remark="odd")
    plain["latency"]["rows"] = [{**odd, "network": "samnet_336_int8"}]
    (found,) = timings(decoded(plain))
    assert (found.engine, found.size, found.remark) == ("LiteRT", 256, "odd")
    assert (found.failure, found.file.network) == ("", "samnet")


def test_the_front_is_what_nothing_beats():
    def pareto_entry(ms, max_F):
        return ParetoEntry(file_name("a"), "e", "fp32", 1, ms, None, max_F, 0.1)

    rows = [pareto_entry(*it) for it in ((3, 0.8), (5, 0.9), (4, 0.7), (6, 0.9), (2, 0.6))]
    assert [row.median for row in front(rows, "median")] == [3, 5, 2]


def test_the_latest_score_counts(plain):
    def result(date, max_F):
        rows = [scores("a.onnx", max_F)]
        return {**plain["accuracy"], **head("accuracy", date=date), "rows": rows, "paired": []}

    found = decoded({"a": result("2026-01-02", 0.8), "b": result("2026-01-01", 0.9)})
    assert [it.row.max_F for it in accuracies(found)] == [0.8]


def test_names_of_artifacts():
    name = file_name("dir/samnet-edge_192_int8-qat.tflite")
    assert (name.network, name.size, name.precision) == ("samnet-edge", 192, "int8")
    assert (name.suffix, name.ours, name.baseline) == (".tflite", True, False)
    assert file_name("mobilenetv2_336_fp32.pte").baseline
    assert file_name("u2netp.onnx").size is None


@pytest.mark.parametrize("content", [{"latency": 3}, {**head("latency"), "rows": [{}]}])
def test_a_damaged_result_is_named(run, content):
    (run.folder / "odd.json").write_text(json.dumps(content), encoding="utf-8")
    status, out, err, page = run("--no-photos")
    assert (status, out) == (2, "") and "odd.json" in err and err.count("\n") == 1
    assert not page.exists()


def test_an_unknown_data_set(results):
    with pytest.raises(InputError, match="did you mean 'ECSSD'"):
        gather(results, "ECCSD")


@pytest.fixture
def run(command, plain, tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    for name, content in plain.items():
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


@pytest.mark.parametrize("count", [1, 16, 40])
def test_changes_of_any_number_of_files_have_room_on_a_phone(count):
    made = chart_of(compared([PAIRED] * count))
    wide, narrow = (
        float(re.search(r'height="([\d.]+)pt"', svg(it))[1]) / 72 for it in (made.wide, made.narrow)
    )
    # A row each, and no more; a phone's panels stand below each other.
    assert 0.17 * count < wide < 2 + 0.19 * count
    assert 2 * 0.17 * count < narrow < 2 * (2 + 0.19 * count)


def compared(paired, rows=()):
    values = {**head("accuracy"), "protocol": "", "rows": list(rows), "paired": paired}
    return comparisons(decoded({"accuracy": values}))


def test_every_change_is_named_by_what_tells_it_apart():
    names = [
        ("samnet-edge_96_int8.tflite", "samnet-edge.safetensors"),
        ("samnet-edge_96_int8.tflite, refined", "samnet-edge.safetensors, refined"),
        ("samnet-lite_int8-qat.pte", "samnet-lite.safetensors"),
        ("samnet-lite_int8.pte", "samnet-lite_256_fp32.pte"),
        ("theirs.onnx", "samnet-lite.safetensors"),
    ]
    paired = [{**PAIRED, "name": name, "reference": other} for name, other in names]
    paired.append({**paired[0], "data": "DUTS-TE", "count": 5})
    rows = [scores("samnet-lite_int8.pte", 0.7, size=256)]
    found = compared(paired, rows)
    assert [(it.network, it.form) for it in found[:5]] == [
        ("samnet-edge", "96 px .tflite int8"),
        ("samnet-edge", "96 px .tflite int8 refined"),
        ("samnet-lite", ".pte int8-qat"),
        ("samnet-lite", "256 px .pte int8"),
        ("theirs", ".onnx"),
    ]
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg(chart_of(found).wide))
    for heading in (
        "samnet-edge, 9 photos of ECSSD",
        "samnet-edge, 5 photos of DUTS-TE",
        "samnet-lite, 9 photos of ECSSD",
        "theirs, 9 photos of ECSSD",
    ):
        assert texts.count(heading) == 1
    assert texts.count("96 px .tflite int8") == 2 and texts.count("256 px .pte int8") == 1


def test_changes_of_files_called_alike_name_their_results():
    values = {**head("accuracy"), "protocol": "", "rows": [], "paired": [PAIRED]}
    texts = svg(chart_of(comparisons(decoded({"first": values, "second": values}))).narrow)
    assert "96 px .tflite int8 (first)" in texts and "96 px .tflite int8 (second)" in texts


@pytest.mark.parametrize(
    ("figure", "ends", "hue"),
    [
        ("max_F", (-0.02, -0.01), OURS),
        ("max_F", (0.01, 0.02), FLOAT),
        ("MAE", (0.01, 0.02), OURS),
        ("MAE", (-0.02, -0.01), FLOAT),
        ("MAE", (-0.01, 0.02), None),
    ],
)
def test_a_change_has_the_color_of_what_it_means(figure, ends, hue):
    def change(name):
        low, high = ends if name == figure else (-0.01, 0.01)
        middle = (low + high) / 2
        return {"figure": name, "before": 1, "after": 1, "change": middle, "low": low, "high": high}

    pair = {**PAIRED, "changes": [change("max_F"), change("MAE")]}
    drawn = svg(chart_of(compared([pair])).wide)
    assert [it for it in (OURS, FLOAT) if it in drawn] == ([hue] if hue else [])


def svg(uri):
    return base64.b64decode(uri.partition("base64,")[2]).decode()


def test_the_results_of_this_project_can_be_reported():
    if not (ROOT / "results").is_dir():
        pytest.skip("results/ is not part of this checkout")
    found = read_results(ROOT / "results")
    assert len(timings(found)) >= 10
    result_index = gather(found, "ECSSD")
    parts = sections(result_index)
    assert parts[0].title == "Which file for which device"
    assert markdown(result_index, parts).count("\n- ") > len(found)
