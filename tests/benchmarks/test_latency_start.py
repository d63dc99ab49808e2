"""Start to first map, with what it loads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.latency.start import Options, by_package, imported, main
from common.errors import InputError

TOLD = """import time: self [us] | cumulative | imported package
import time:       250 |        250 |   numpy._core
import time:      1500 |       1750 | numpy
import time:       300 |        300 | PIL.Image
"""


def test_the_first_map_is_there_at_once(tmp_path: Path) -> None:
    target = tmp_path / "start.json"
    main(Options(repetitions=2, json=target))
    result = json.loads(target.read_text())
    # A third of it on a machine that does nothing else.
    assert result["seconds"]["median"] < 4.5
    assert result["modules"] > 100 and {"numpy", "edge_apps"} & result["packages"].keys()
    with pytest.raises(InputError, match="already exists"):
        main(Options(json=target))


def test_imports_are_summed_by_package() -> None:
    found = by_package(imported(TOLD))
    assert found == {"PIL": pytest.approx(3e-4), "numpy": pytest.approx(1.75e-3)}


def test_torch_is_refused() -> None:
    with pytest.raises(InputError, match="loads torch, which no device has"):
        imported(TOLD + "import time:       300 |        300 |   torch._C\n")
    with pytest.raises(InputError, match="no module"):
        imported("")


def test_a_model_that_does_not_run_is_named(tmp_path: Path) -> None:
    model = tmp_path / "broken_96_int8.tflite"
    model.write_bytes(b"no network")
    with pytest.raises(InputError, match=r"no map, status 2: error: .*broken_96_int8"):
        main(Options(model=model, repetitions=1))
