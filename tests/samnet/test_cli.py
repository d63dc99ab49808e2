"""The door: one table of commands, one vocabulary of options, no torch before it is needed."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import samnet
from benchmarks.docs.commands_page import commands
from common.images.photos import read_map, write_image
from common.subcommands import Entry, Subcommands
from samnet import cli
from samnet.commands import ENTRIES
from samnet.completion import script
from samnet.data.synthetic import scene

ROOT = Path(__file__).parents[2]

KINDS = {
    "--calibration": Path,
    "--cache": Path,
    "--count": int,
    "--held-out": int,
    "--limit": int,
    "--output": Path,
    "--plot": Path,
    "--processor": str,
    "--repetitions": int,
    "--seed": int,
    "--serial": str,
    "--size": int,
    "--threads": int,
}
"""Options that mean the same in every command, with the type of a value."""

OTHER_WORDS = re.compile(
    r"--(hold-?out|calibrat(e|ion-.*)|cpus?|processors|sizes|suffixes|engines|precisions"
    r"|observers|out|outdir|output-dir|force|num-threads|workers-count|result|json-out"
    r"|checkpoint|weights|models|network|repeats|runs)"
)
"""Names that would be second ones for options that have one."""


@pytest.fixture(params=ENTRIES, ids=lambda it: it.name)
def entry(request) -> Entry:
    return request.param


@pytest.fixture
def door(monkeypatch, capsys):
    """Runs ``samnet`` in this process; gives status, output and errors."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["samnet", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, *capsys.readouterr()

    return run


def test_options_have_one_vocabulary_and_help_in_sentences(entry):
    pytest.importorskip("torch")
    command = entry.load("samnet")
    assert command.description.endswith(".") and entry.summary.endswith(".")
    for action, shown in command.parser(f"samnet {entry.name}").shown.items():
        if action.help != "==SUPPRESS==":
            assert re.fullmatch(r"[A-Z].*\.", action.help or ""), (shown, action.help)
        if action.option_strings:
            assert not OTHER_WORDS.fullmatch(action.option_strings[0]), shown
            kind = KINDS.get(action.option_strings[0])
            named = getattr(action.type, "__name__", "")
            assert kind is None or named == kind.__name__, (shown, named)


def test_the_list_of_a_command_and_its_help(door):
    status, out, err = door("--help")
    assert (status, err) == (0, "") and all(it.name in out for it in ENTRIES)
    assert door() == (0, out, "")
    status, out, _ = door("quantize", "--help")
    assert status == 0 and "quantize ptq" in out and "convert" not in out
    status, out, _ = door("completion", "--help")
    assert status == 0 and out.startswith("usage: samnet completion SHELL [option …]\n")
    assert door("--version")[1].startswith("samnet ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["quantze"], "quantze: unknown command, did you mean 'quantize'?; see samnet --help"),
        (["convert", "tflit"], "convert tflit: unknown command, did you mean 'convert tflite'?"),
        (["xyzzy"], "xyzzy: unknown command"),
        (["--help-me"], "--help-me: unknown command"),
        (["predict"], "required: PHOTO; see samnet predict --help"),
        (["completion", "tcsh"], "invalid choice: 'tcsh'"),
    ],
)
def test_an_unknown_command_is_one_line_with_the_nearest_one(door, words, said):
    status, out, err = door(*words)
    assert (status, out) == (2, "") and err.count("\n") == 1 and said in err


def test_a_file_in_place_of_a_command_leads_to_predict(door, tmp_path):
    (tmp_path / "dog.jpg").touch()
    assert f"samnet predict {tmp_path}/dog.jpg" in door(tmp_path / "dog.jpg")[2]


def test_a_missing_package_is_named_with_its_extra(monkeypatch, capsys):
    entry = Entry("fly", "no_such_package.fly", "Flies.", needs=("train",))
    monkeypatch.setattr(
        "importlib.import_module",
        lambda _: (_ for _ in ()).throw(ModuleNotFoundError(name="wings")),
    )
    with pytest.raises(SystemExit) as ended:
        Subcommands("samnet", "", (entry,)).run(["fly"])
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said == (
        "error: samnet fly needs wings, which is not installed; pip install 'samnet[train]'\n"
    )


def test_modules_name_themselves_in_their_usage():
    run = [sys.executable, "-m", "convert.doctor", "--help"]
    out = subprocess.run(run, capture_output=True, text=True, check=True, timeout=120).stdout
    assert out.startswith("usage: python -m convert.doctor [option …]\n")


def test_names_of_the_package_are_there_and_load_when_asked_for():
    assert set(samnet.__all__) <= set(dir(samnet))
    assert samnet.SAMNet.__module__ == "samnet.networks.samnet"
    with pytest.raises(AttributeError, match="no attribute 'SAMNot'"):
        _ = samnet.SAMNot


NO_TORCH = """
import sys
sys.modules["torch"] = None
sys.argv = ["samnet", *sys.argv[1:]]
from samnet.cli import main
try:
    main()
finally:
    heavy = {"tqdm", "scipy", "rich", "sklearn"} & set(sys.modules)
    assert not heavy, heavy
"""


def without_torch(folder, *words):
    command = [sys.executable, "-c", NO_TORCH, *map(str, words)]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )


def test_a_photo_is_all_that_predict_needs_and_nothing_is_replaced(tmp_path):
    pytest.importorskip("ai_edge_litert")
    write_image(tmp_path / "dog.jpg", scene(0, (50, 80))[0])
    assert without_torch(tmp_path, "--help").returncode == 0
    done = without_torch(tmp_path, "predict", "dog.jpg")
    assert done.returncode == 0 and done.stdout == "1 of 1 photos: maps in dog_map.png\n"
    assert read_map(tmp_path / "dog_map.png").shape == (50, 80)
    (tmp_path / "dog_map.png").write_bytes(b"precious")
    done = without_torch(tmp_path, "predict", "dog.jpg")
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.count("\n") == 1 and "dog_map.png: already exists" in done.stderr
    assert (tmp_path / "dog_map.png").read_bytes() == b"precious"


def test_maps_of_a_folder_stand_in_one_beside_it(door, tmp_path, monkeypatch):
    pytest.importorskip("ai_edge_litert")
    for name in ("a", "b"):
        write_image(tmp_path / "photos" / f"{name}.png", np.zeros((40, 40, 3), np.uint8))
    monkeypatch.chdir(tmp_path / "photos")
    for _ in range(2):  # maps of the first time are no photos of the second
        assert door("predict", ".", "--overwrite")[0] == 0
    assert sorted(it.name for it in (tmp_path / "photos_maps").iterdir()) == ["a.png", "b.png"]
    assert len(list((tmp_path / "photos").iterdir())) == 2
    assert door("predict", "a.png", "--output", tmp_path / "one.png", "--cutout")[0] == 0
    assert (tmp_path / "one.png").exists() and (tmp_path / "one_cutout.png").exists()
    for output, said in (("one.png", "one file for 2 photos"), ("one.jpg", "maps are .png")):
        status, _, err = door("predict", ".", "--output", output)
        assert status == 2 and said in err and err.count("\n") == 1


def test_the_page_of_commands_is_current():
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert commands() in page, "run samnet docs"


MODULES = {it.module.removesuffix(".__main__") for it in ENTRIES} | {
    f"edge_apps.{name}" for name in ("desktop", "raspberry_pi", "preview")
}
SENTENCE = re.compile(
    rf"(?<![\w.`])({'|'.join(re.escape(it) for it in sorted(MODULES))})(?!\.?[\w(])"
)
"""The name of a command's module where it does not stand as code."""


def sentences(path: Path) -> list[str]:
    """Texts of a module that people read: messages, help and docstrings."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    texts = [it.value for it in nodes if isinstance(it, ast.Constant)]
    return [it.replace("``", "") for it in texts if isinstance(it, str) and " " in it]


@pytest.mark.parametrize("package", sorted({it.module.partition(".")[0] for it in ENTRIES}))
def test_commands_are_called_as_users_type_them(package):
    others = {"suite.py", "desktop.py", "raspberry_pi.py", "__main__.py"}
    for path in (ROOT / package).rglob("*.py"):
        if path.name not in others:
            for text in sentences(path):
                assert not SENTENCE.search(text), f"{path}: {text}"


def test_pages_call_commands_as_users_type_them():
    """Apart from what was printed, by torchrun, and where the page says that both ways go."""
    others = re.compile(r"^\| `samnet|^\$ |torchrun|Each command is a module as well")
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if not others.search(line):
                assert not SENTENCE.search(line.replace("`", "")), f"{path}: {line}"


def test_bash_completes_commands_options_and_choices(tmp_path):
    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    known = tuple(it for it in ENTRIES if it.name in ("predict", "convert doctor", "completion"))
    text = script("bash", (*known, Entry("convert doctor", "convert.doctor.__main__", "Says.")))
    file = tmp_path / "samnet.bash"
    file.write_text(text, encoding="utf-8")

    def complete(*words: str) -> list[str]:
        program = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _samnet; '
        program += 'echo "${COMPREPLY[@]}"'
        run = ["bash", "-c", program, str(file), *words]
        return subprocess.run(run, capture_output=True, text=True, check=True).stdout.split()

    assert complete("samnet", "p") == ["predict"]
    assert complete("samnet", "conv", "") == []
    assert complete("samnet", "convert", "") == ["doctor"]
    assert complete("samnet", "predict", "--over") == ["--overlay", "--overwrite"]
    assert complete("samnet", "predict", "--no") == ["--no-refine"]
    assert complete("samnet", "convert", "doctor", "--h") == ["--help"]
    assert "complete -F" not in script("fish", known)
    assert script("zsh", known).startswith("autoload")
