"""Times, accuracies and instructions of ours and of others are joined by what they are of."""

from __future__ import annotations

import dataclasses
import functools

import pytest
from test_readme import score_row

from benchmarks.baselines import trained
from benchmarks.docs import int8_page, models_page, rivals_page, rivals_picture
from benchmarks.docs.rival_scores import instructions_of, scores_of
from benchmarks.peers.table import PEERS
from benchmarks.report.cores import cores_table
from benchmarks.report.recommendations import advice
from benchmarks.report.result_readers import Scored, file_name
from benchmarks.results.reader import SHIPPED
from common.files import sha256

LITE = sha256(SHIPPED[0] / "samnet-lite.safetensors")


def timed(network, ms, *, engine="litert", precision="fp32", file="", **more):
    times = None if ms is None else {"median": ms, "minimum": ms}
    return {
        **{"network": network, "engine": engine, "label": f"{engine} {precision}", "size": [8, 8]},
        **{"precision": precision, "file": file, "threads": 1, "latency_ms": times, **more},
    }


@pytest.fixture
def results(made):
    rows = [
        timed("samnet-lite", 4.0, precision="int8", file="samnet-lite_256_int8.tflite"),
        timed("samnet-lite", 8.0, file="samnet-lite_256_fp32.tflite"),
        timed("mobilenetv2", 6.0, file="mobilenetv2_256_fp32.tflite"),
        timed("u2netp", 400.0, engine="onnxruntime", file="u2netp.onnx", megabytes=4.57),
        timed("admnet", 40.0, engine="onnxruntime", file="admnet.onnx"),
        timed("admnet", 30.0, file="admnet.tflite", multiply_adds=761_000_000),
        timed("isnet", None, engine="onnxruntime", precision="int8", failure="no such host"),
        timed("selfie", 2.0, file="selfie.tflite"),
    ]
    row = functools.partial(score_row, data="DUTS-TE", count=1004, of=1004, max_F=0.8, MAE=0.06)
    ours = {"file": "samnet-lite.safetensors", "sha256": LITE, "source_sha256": LITE}
    int8 = {"file": "samnet-lite_256_int8.tflite", "origin": "artifact", "source_sha256": LITE}
    theirs = functools.partial(row, origin="peer")
    scored = [
        row(**ours, max_F=0.839),
        row(**ours, max_F=0.852, last_step="refined"),
        row(**int8, max_F=0.841),
        row(**{**int8, "file": "samnet-lite_256_int8-qat.tflite"}, max_F=0.99),
        theirs(name="ADMNet", file="admnet.onnx", max_F=0.832),
        theirs(name="U²-Net-p", file="u2netp.onnx", max_F=0.85),
        theirs(name="U²-Net-p", file="u2netp.onnx", data="ECSSD", max_F=0.95, count=100, of=100),
        theirs(name="ADMNet", file="admnet.onnx", data="ECSSD", max_F=0.9, count=250, of=250),
        theirs(name="MediaPipe selfie", file="selfie.tflite", max_F=0.3),
    ]
    protocol = {"repetitions": 9, "warm_up": 3, "threads": [1], "text": ""}
    counted = {
        name: {"cortex-a76": count}
        for name, count in (
            ("samnet-lite_256_int8.tflite", 84_000_000),
            ("admnet.tflite", 500_000_000),
            ("selfie.tflite", 20_000_000),
        )
    }
    about = {"what": "", "how": "", "note": ""}
    failures = {"IS-Net, @imgly": "cannot be had"}
    return {
        "rivals": made("latency", protocol=protocol, rows=rows),
        "a": made("accuracy", protocol="", rows=scored, failures=failures),
        "i": made("instructions", protocol=about, instructions=counted, ratio_to_first={}),
    }


@pytest.fixture
def lines(results):
    return rivals_page.table(rivals_page.timed_rivals(results), results).splitlines()


def cells(lines, start):
    return [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith(start)
    ]


def test_a_row_is_joined_from_three_results(lines):
    int8, fp32 = cells(lines, "| `samnet-lite`")
    assert int8[2:8] == ["litert int8", "8", "4.0", "1.00", "0.841 / 0.060", "–"]
    assert int8[8] == "1,004 / –" and int8[10] == "84"
    assert fp32[5:7] == ["2.00", "0.839 / 0.060"] and fp32[10] == "–"
    onnx, tflite = cells(lines, "| ADMNet")
    assert onnx[1] == "none stated" and onnx[6] == tflite[6] == "0.832 / 0.060"
    assert (onnx[10], tflite[10], tflite[5]) == ("–", "500", "7.50")


def test_every_row_names_its_photos_and_what_is_missing_is_a_row(lines):
    ((*_, ecssd, photos, megabytes, _count),) = cells(lines, "| U²-Net-p")
    assert (ecssd, photos, megabytes) == ("0.950 / 0.060", "1,004 / 100", "4.6")
    ((_, _, form, _px, ms, times, _, _, photos, *_),) = cells(lines, "| IS-Net")
    assert (form, ms, times, photos) == ("onnxruntime int8", "–", "–", "–")
    assert "- IS-Net, @imgly, onnxruntime int8: no such host." in lines
    assert "- IS-Net, @imgly, accuracy: cannot be had." in lines


def test_baselines_without_weights_have_a_time_and_no_scores(results, tmp_path, monkeypatch):
    monkeypatch.setattr(trained, "FOLDER", tmp_path)
    lines = rivals_page.table(results["rivals"], results).splitlines()
    ((*_, duts, ecssd, _photos, _mb, _count),) = cells(lines, "| `mobilenetv2`")
    assert (duts, ecssd) == ("–", "–")
    assert any(
        line.startswith("- `mobilenetv2`") and "no trained weights" in line for line in lines
    )


def test_published_rows_say_so(lines):
    ((_, _, form, px, ms, _, _, _, photos, *_),) = cells(lines, "| SAMNet |")
    assert (form, px, ms, photos) == ("published", "336", "–", "5,019 / 1,000")


def test_networks_for_people_are_marked_in_every_row_and_line(lines):
    assert len(cells(lines, "| MediaPipe selfie (people only) |")) == 1
    assert any(line.startswith("- MediaPipe selfie (people only): ") for line in lines)


def test_scores_of_other_weights_do_not_count(made):
    row = functools.partial(score_row, data="ECSSD", count=9, of=9, max_F=0.8, MAE=0.1)
    earlier = {"file": "samnet-lite.safetensors", "sha256": "0", "source_sha256": "0"}
    rows = [row(**earlier), row(**{**earlier, "file": "samnet-lite_256_int8.tflite"})]
    results = {"a": made("accuracy", protocol="", rows=rows)}
    assert not scores_of(results, "samnet-lite", "fp32")
    assert not scores_of(results, "samnet-lite", "int8")
    assert not instructions_of(results)


def legend(figure):
    return [it.get_text() for it in figure.legends[0].get_texts()] if figure.legends else []


def test_the_picture_has_a_panel_a_machine_and_leaves_people_networks_out(results):
    figure = rivals_picture.picture(results)
    left, right = figure.axes
    texts = [it.get_text() for it in left.texts]
    assert {"samnet-lite", "ADMNet", "U²-Net-p"} <= set(texts)
    assert texts.count("samnet-lite") == 1
    assert not any("selfie" in text for text in texts)
    assert {it.get_text() for it in right.texts} >= {"samnet-lite", "ADMNet"}
    low, high = left.get_ylim()
    drawn = [float(y) for marks in left.collections for _, y in marks.get_offsets()]
    assert low < min(drawn) and max(drawn) < high
    assert left.get_ylabel() == "max F on 1,004 photos of DUTS-TE, plain maps"
    assert legend(figure) == ["ours, int8", "ours, float32", "networks of others"]


def test_the_legend_explains_what_is_drawn_and_nothing_else(results):
    plain = results["a"]
    rows = [it for it in plain.rows if it.origin != "checkpoint"]
    rows = [dataclasses.replace(it, count=251) if "u2netp" in it.file else it for it in rows]
    figure = rivals_picture.picture({**results, "a": dataclasses.replace(plain, rows=tuple(rows))})
    assert legend(figure) == ["ours, int8", "networks of others"]
    assert "U²-Net-p (251 photos)" in {it.get_text() for it in figure.axes[0].texts}


def test_without_a_timing_the_picture_says_so():
    figure = rivals_picture.picture({})
    assert [it.get_text() for it in figure.axes[0].texts] == ["not measured yet"]
    assert not legend(figure)


def test_the_readme_names_the_best_known_ones_in_the_same_run(results):
    lines = models_page.table(results).splitlines()
    ((*_, duts, ecssd, photos, _, time, terms),) = cells(lines, "| U²-Net-p")
    assert (duts, ecssd, photos) == ("0.850 / 0.060", "0.950 / 0.060", "1,004 / 100")
    assert len(cells(lines, "| MediaPipe selfie (people only) |")) == 1
    assert time.startswith("400.0 / 4.6") and terms == PEERS["u2netp"].license
    ((_, _, madds, *_, time, terms),) = cells(lines, "| ADMNet")
    assert madds == "761" and time.startswith("30.0") and terms == "none stated"
    assert models_page.ALONE in lines


def test_counts_of_earlier_weights_of_ours_alone_are_left_out(made):
    ours, theirs = "samnet-lite_256_fp32.tflite", ("mobilenetv2_256_fp32.tflite", "selfie.tflite")
    about = {"what": "", "how": "", "note": ""}
    counted = {name: {"cortex-a76": 9} for name in (ours, *theirs)}
    result = functools.partial(
        made, "instructions", protocol=about, instructions=counted, ratio_to_first={}
    )
    earlier = {"samnet-lite.safetensors": "0", "mobilenetv2.safetensors": "0"}
    assert instructions_of({"i": result(measured=earlier)}).keys() == set(theirs)
    current = {"samnet-lite.safetensors": LITE}
    assert instructions_of({"i": result(measured=current)}).keys() == {ours, *theirs}


def test_others_have_no_say_in_what_is_told_of_our_files(results, made):
    counted = {
        "samnet-lite_256_int8.tflite": {"cortex-a76": 84},
        "samnet-lite_256_fp32.tflite": {"cortex-a76": 168},
        "mobilenetv2_256_int8.tflite": {"cortex-a76": 1},
        "mobilenetv2_256_fp32.tflite": {"cortex-a76": 2},
    }
    about, ratios = {"what": "", "how": "", "note": ""}, {"ratio_to_first": {}}
    beside = made("instructions", protocol=about, instructions=counted, **ratios)
    text = cores_table({**results, "j": beside, "k": beside}).markdown()
    assert text.count("samnet-lite 0.50 (cortex-a76)") == 1 and "mobilenetv2" not in text
    assert "| samnet-lite 0.50 |" in text
    assert not int8_page.has_several(beside) and not int8_page.has_several(results["i"])
    cores = {f"cortex-a{number}": 1 for number in (53, 72, 76)}
    names = ("samnet_336_fp32.tflite", "samnet-edge_336_int8.tflite")
    ours = made("instructions", protocol=about, instructions=dict.fromkeys(names, cores), **ratios)
    one = {name: {"cortex-a76": 1} for name in names}
    assert int8_page.has_several(ours)
    assert not int8_page.has_several(dataclasses.replace(ours, instructions=one))


def test_a_count_on_one_core_leaves_the_others_and_is_no_comparison(made):
    about = {"what": "", "how": "", "note": ""}
    ours = "samnet-lite_256_int8.tflite"
    every = {ours: {"cortex-a72": 50, "cortex-a76": 84_000_000}}
    beside = {ours: {"cortex-a76": 84_000_000}, "prisma.tflite": {"cortex-a76": 625_000_000}}
    results = {
        name: made("instructions", protocol=about, instructions=counted, ratio_to_first={})
        for name, counted in (("a", every), ("b", beside))
    }
    row = score_row(data="ECSSD", file=ours, count=250, of=250, max_F=0.9, MAE=0.1)
    scored = Scored(made("accuracy", protocol="", rows=[row]).rows[0], file_name(ours), "c")
    found = advice([], [scored], results, "ECSSD")
    told = {it.device.split(" (")[0]: it.why for it in found if "Raspberry" in it.device}
    assert {"Raspberry Pi 4", "Raspberry Pi 5"} <= told.keys()
    assert "prisma" not in told["Raspberry Pi 5"]
