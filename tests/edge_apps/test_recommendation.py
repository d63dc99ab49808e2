"""Which precision is recommended for which processor, told by its instruction sets alone."""

from __future__ import annotations

import pytest

from common.processor import FEATURES
from convert.doctor.command import processor_lines
from edge_apps.recommendation import (
    CORES,
    NETWORK,
    UNKNOWN,
    conversion,
    core,
    recommendation,
    recommended_files,
)
from edge_apps.shipped import default_model

ICE_LAKE = ("sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_vnni")


@pytest.mark.parametrize(
    ("features", "name", "precision"),
    [
        (ICE_LAKE, "x86 with VNNI", "int8"),
        (("sse4_2", "avx", "avx2", "avx_vnni"), "x86 with VNNI", "int8"),
        (ICE_LAKE[:7], "x86 with AVX2, without VNNI", "fp32"),
        (ICE_LAKE[:3], "x86 with AVX2, without VNNI", "fp32"),
        (ICE_LAKE[:2], "x86 without AVX2", "int8"),
        (("asimd", "asimddp"), "arm with dot products", "int8"),
        (("asimd", "i8mm", "sve"), "arm with dot products", "int8"),
        (("asimd",), "arm without dot products", "int8"),
        ((), "another processor", "int8"),
    ],
)
def test_a_core_is_told_by_what_it_has(features, name, precision):
    found = core(features)
    assert (found.name, found.precision) == (name, precision)


def test_every_core_is_told_by_features_that_are_looked_for():
    for it in CORES:
        assert it.features and set(it.features) <= set(FEATURES)
        assert core(it.features) is it


def test_what_is_not_known_is_said_so():
    for it in (UNKNOWN, core(["sse4_2"]), core(["asimd"]), core(["asimddp"])):
        assert "not known" in it.reason


def test_the_shipped_file_is_named():
    first, second = recommendation(ICE_LAKE)
    assert first.startswith("int8: VNNI")
    assert second.startswith(f"file: {default_model().name}")
    assert recommended_files("int8")[0] == default_model()


def test_a_file_that_is_not_shipped_comes_with_its_command(monkeypatch):
    monkeypatch.setattr("edge_apps.recommendation.recommended_files", lambda _: [])
    lines = recommendation(["avx2"])
    assert lines[0].startswith("fp32: without VNNI")
    assert lines[1] == f"made by: {conversion('fp32')}"
    assert lines[2] == f"shipped, about as fast and much smaller: {default_model().name}"
    output = default_model().name.replace("int8", "fp32")
    assert conversion("fp32") == (
        f"samnet convert tflite {NETWORK} --precision fp32 --output {output}"
    )


def test_the_doctor_names_the_processor_and_the_file():
    lines = processor_lines("A CPU", ["asimd", "asimddp"])
    assert lines[:2] == ["processor", "  A CPU: asimd, asimddp"]
    assert lines[-1] == "  " + recommendation(["asimd", "asimddp"])[-1]
    assert "none of the instruction sets that matter" in processor_lines("A CPU", [])[1]
