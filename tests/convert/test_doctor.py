"""The doctor: what is missing is named with the line that fixes it, without importing anything."""

from __future__ import annotations

import subprocess
import sys

import pytest

from convert.doctor import environment
from convert.doctor.environment import COMMANDS, conflicts, examine, python_problem, requirements

DECLARED = [
    "numpy<2.3.5,>=2",
    'torch==2.13.0; extra == "train"',
    'samnet[train]; extra == "executorch"',
    'executorch==1.4.1; extra == "executorch"',
    'ai-edge-litert==2.3.0; extra == "device"',
]
GOOD = {"numpy": "2.3.4", "torch": "2.13.0+cpu", "executorch": "1.4.1", "ai-edge-litert": "2.3.0"}


def finding(command, versions):
    (found,) = (f for f in examine(DECLARED, versions.get) if f.command == command)
    return found


def test_extras_of_extras_are_followed():
    names = {r.name for r in requirements(("executorch",), DECLARED)}
    assert names == {"numpy", "torch", "executorch"}
    assert {r.name for r in requirements(("device",), DECLARED)} == {"numpy", "ai-edge-litert"}


def test_a_sound_environment_has_no_problem():
    assert not any(f.problems for f in examine(DECLARED, GOOD.get))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"torch": None}, "torch missing, needs ==2.13.0"),
        ({"torch": "2.14"}, "torch 2.14, needs ==2.13.0"),
    ],
)
def test_what_is_missing_is_named_for_the_commands_that_need_it(change, expected):
    versions = {**GOOD, **change}
    found = finding("samnet convert executorch", versions)
    assert [str(it) for it in found.problems] == [expected]
    assert found.fix == "pip install -e '.[executorch]'"
    assert not finding("samnet predict", versions).problems


def test_what_several_extras_require_is_said_once():
    twice = [*DECLARED, 'torch==2.13.0; extra == "tflite"']
    (found,) = (f for f in examine(twice, {**GOOD, "torch": None}.get) if "inspect" in f.command)
    assert [it.package for it in found.problems] == ["torch"]


@pytest.mark.parametrize(
    ("versions", "package"),
    [
        ({"onnx2tf": "1.29.3", "executorch": "1.4.1"}, "onnx2tf"),
        ({"tflite-runtime": "2.14.0", "numpy": "2.3.4"}, "tflite-runtime"),
        ({"typing_extensions": "4.15", "litert-torch": "0.10.0"}, "typing_extensions"),
        ({"pydantic": "2.12.1", "litert-torch": "0.10.0"}, "pydantic"),
        ({"torch": "2.13.0+cpu", "torchvision": "0.28.0"}, "torchvision"),
    ],
)
def test_known_conflicts_are_found_with_their_fix(versions, package):
    (found,) = conflicts(versions.get)
    assert found.package == package and found.fix.startswith("pip ") and found.reason


def test_packages_that_go_together_are_no_conflict():
    assert not list(conflicts({**GOOD, "torchvision": "0.28.0+cpu", "onnx2tf": "1.28.8"}.get))
    assert not list(conflicts({"tflite-runtime": "2.14.0", "numpy": "1.26.4"}.get))


def test_other_interpreters_are_refused():
    assert python_problem("3.11.9") is None and "3.12.1" in (python_problem("3.12.1") or "")


def test_every_extra_that_a_command_names_is_declared():
    declared = environment.declared_requirements()
    for extras in COMMANDS.values():
        for extra in extras:
            assert any(f'extra == "{extra}"' in line for line in declared), extra


def test_the_command_says_so_without_torch():
    hide = (
        "import sys, runpy\n"
        "from importlib import metadata\n"
        "sys.modules['torch'] = None\n"
        "version = metadata.version\n"
        "def without(name):\n"
        "    if name == 'torch': raise metadata.PackageNotFoundError(name)\n"
        "    return version(name)\n"
        "metadata.version = without\n"
        "sys.argv = ['doctor']\n"
        "runpy.run_module('convert.doctor', run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", hide], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 1 and not done.stderr
    lines = done.stdout.splitlines()
    assert lines.count("  torch missing, needs ==2.13.0") == 1
    assert "  samnet convert tflite: cannot run because of torch" in lines
    assert "  samnet predict: can run" in lines
