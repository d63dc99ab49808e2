from __future__ import annotations

import dataclasses
import html.parser

import numpy as np
import pytest

from benchmarks.demo.report import Report, changes, explanation, render, write_report
from benchmarks.demo.steps import Step
from benchmarks.shared.pictures import difference
from benchmarks.shared.timing import Protocol


@pytest.fixture
def report(comparison):
    return Report(
        title="Title of the report",
        summary="Names with <angle brackets> & ampersands.",
        comparison=comparison,
        steps=(Step("Quantize", 12.5), Step("Convert", 7.5)),
        protocol=Protocol(1, 25, 3, (0,), 1.0),
        notes=("How it was measured.",),
        environment={
            "date": "2026-01-01",
            "cpu": "A CPU",
            "cpu_features": ["avx2"],
            "python": "3.11.0",
            "packages": {"torch": "2.13.0"},
        },
    )


class Page(html.parser.HTMLParser):
    """Collects the images and the text, and checks that elements are closed in order."""

    VOID = frozenset({"meta", "img", "br", "link", "input", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.images, self.text = [], [], ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.images.append(dict(attrs))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_file_holds_everything_it_shows(report):
    text = render(report)
    page = Page(text)
    # A photo, an overlay, a mask and the reference's map; map and difference of the two others.
    assert len(page.images) == 2 * (4 + 2 * 2)
    assert all(image["src"].startswith("data:image/") for image in page.images)
    assert all(image["alt"] for image in page.images)
    assert "http" not in text.replace("http-equiv", "")


def test_every_figure_stands_in_the_table(report):
    text = Page(render(report)).text
    for row in report.comparison.rows:
        assert row.candidate.label in text
        assert f"{row.latency.median:.1f}" in text
        assert f"{row.mae:.3f}" in text
    assert "3 warm-up runs, then 25 runs" in text
    assert explanation(report.comparison.rows, ["avx2"]) in text


def test_text_is_escaped(report):
    assert "&lt;angle brackets&gt; &amp; ampersands" in render(report)


def test_an_unmeasured_latency_is_a_dash(report):
    rows = tuple(dataclasses.replace(row, latency=None) for row in report.comparison.rows)
    comparison = dataclasses.replace(report.comparison, rows=rows)
    text = render(dataclasses.replace(report, comparison=comparison))
    assert '<td data-name="Latency, ms">–</td>' in text


def test_changes_compare_the_precisions_of_one_format(comparison):
    size, latency, max_f, _ = changes(comparison.rows)
    assert (size.before, size.after, size.remark) == ("4.0", "1.0", "4.0 times smaller")
    assert latency.remark == "1.6 times faster"
    assert max_f.remark == "+0.000 by int8"


def test_no_changes_without_a_pair(comparison):
    assert changes(comparison.rows[:2]) == []


@pytest.mark.parametrize(
    ("features", "said"),
    [
        (["avx2", "avx512_vnni"], "What is known of x86 with VNNI: VNNI sums"),
        (["avx2"], "What is known of x86 with AVX2, without VNNI: without VNNI"),
        (["asimd"], "times on a board are not known"),
    ],
)
def test_the_times_are_explained_by_the_processor(comparison, features, said):
    text = explanation(comparison.rows, features)
    assert text.startswith("Best runs here: 0.64 of LiteRT fp32's time in LiteRT int8. ")
    assert said in text and "\n" not in text
    busy = explanation(comparison.rows, features, timed=False)
    assert "Best runs" not in busy and said in busy


def test_difference_is_red_where_more_is_salient():
    saliency_map, reference = np.uint8([[255, 100, 0]]), np.uint8([[0, 100, 255]])
    more, equal, less = difference(saliency_map, reference)[0].astype(int)
    assert more[0] > more[2]
    assert equal.tolist() == [255, 255, 255]
    assert less[2] > less[0]


def test_an_old_report_is_replaced(report, tmp_path):
    path = tmp_path / "new" / "report.html"
    write_report(path, report)
    write_report(path, dataclasses.replace(report, title="Second"))
    assert "<h1>Second</h1>" in path.read_text(encoding="utf-8")
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]


def test_times_of_a_machine_far_too_busy_are_not_compared(report):
    assert "Latency, best run" in render(report)
    busy = dataclasses.replace(report, protocol=Protocol(1, 25, 3, (0,), 0.13))
    assert "Latency, best run" not in render(busy)
