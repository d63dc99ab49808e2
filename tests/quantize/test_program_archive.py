"""Files of programs: the same bytes every time, and nothing in them is run."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from common.errors import InputError
from quantize import program_archive
from quantize.quantized_program import load_program


class Two(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(3, 2)
        self.register_buffer("shift", torch.ones(2), persistent=False)

    def forward(self, x):
        return self.linear(x) + self.shift


@pytest.fixture
def program():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.export.export(Two(), (torch.zeros(1, 3),))


def rewritten(path: Path, change) -> None:
    """Changes the members of a zip file, given by their names below its root."""
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    root = next(iter(members)).partition("/")[0]
    inner = {name.partition("/")[2]: content for name, content in members.items()}
    change(inner)
    with zipfile.ZipFile(path, "w") as new:
        for name, content in inner.items():
            new.writestr(f"{root}/{name}", content)


def test_a_program_comes_back_and_is_written_alike(program, tmp_path):
    first, second = tmp_path / "a.pt2", tmp_path / "b.pt2"
    for path in (first, second):
        program_archive.write(path, program, {"note.txt": "one"})
    assert first.read_bytes() == second.read_bytes()
    found, extra = program_archive.read(first, ["note.txt", "other.txt"])
    x = torch.ones(1, 3)
    assert torch.equal(found.module()(x), program.module()(x))
    assert extra["note.txt"] == "one" and extra["other.txt"] == ""


def armed(kind: str, bomb):
    """Puts a pickle that runs code where torch would unpickle it."""
    plain = pickle.dumps(bomb)
    buffer = io.BytesIO()
    torch.save(bomb, buffer)
    saved = buffer.getvalue()

    def change(members: dict[str, bytes]) -> None:
        if kind == "inputs":
            members["data/sample_inputs/model.pt"] = saved
        elif kind == "weight":
            name = "data/weights/model_weights_config.json"
            config = json.loads(members[name])
            entry = next(iter(config["config"].values()))
            entry["use_pickle"] = True
            members[name] = json.dumps(config).encode()
            members[f"data/weights/{entry['path_name']}"] = saved
        elif kind == "object":
            name = "data/constants/model_constants_config.json"
            config = json.loads(members[name])
            entry = next(iter(config["config"].values()))
            entry["path_name"], entry["use_pickle"] = "custom_obj_0", True
            members[name] = json.dumps(config).encode()
            members["data/constants/custom_obj_0"] = plain
        elif kind == "call":
            members["models/model.json"] = members["models/model.json"].replace(
                b"torch.ops.aten.linear.default", b"torch.os.system"
            )
        elif kind == "library":
            members["data/aotinductor/model/model.so"] = plain
        else:
            name = "models/model.json"
            graph = json.loads(members[name])
            side = next(iter(graph["graph_module"]["graph"]["tensor_values"].values()))["sizes"][0]
            side.clear()
            code = f"__import__('pathlib').Path({str(bomb.mark)!r}).touch()"
            side["as_expr"] = {"expr_str": code, "hint": None}
            members[name] = json.dumps(graph).encode()

    return change


@pytest.mark.parametrize("kind", ["inputs", "weight", "object", "library", "call", "expression"])
def test_nothing_in_a_file_is_run(kind, program, bomb, tmp_path):
    path = tmp_path / "x.pt2"
    program_archive.write(path, program, {})
    rewritten(path, armed(kind, bomb))
    with pytest.raises(InputError, match=r"x\.pt2: not a readable \.pt2 program") as error:
        load_program(path)
    assert not bomb.mark.exists() and "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["inputs", "weight", "object"])
def test_pickles_give_tensors_alone_even_under_expected_names(
    kind, program, bomb, tmp_path, monkeypatch
):
    path = tmp_path / "x.pt2"
    program_archive.write(path, program, {})
    rewritten(path, armed(kind, bomb))
    monkeypatch.setattr(program_archive, "_check", lambda path: None)
    with pytest.raises(InputError, match="not a readable"):
        load_program(path)
    assert not bomb.mark.exists()
