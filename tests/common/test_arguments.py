"""Options from the fields of a dataclass."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import pytest

from common.arguments import MODEL, POSITIONAL, REPEATED, Argument
from common.command import Command
from common.errors import InputError


@dataclasses.dataclass
class Options:
    model: Annotated[Path, MODEL]
    """The network."""
    photos: Annotated[tuple[Path, ...], POSITIONAL]
    """Photos: 100 % of them."""
    output: Path
    """Where to."""
    data: Annotated[tuple[str, ...], REPEATED] = ()
    """Sets."""
    size: Annotated[tuple[int, ...], Argument(aliases=("sizes",))] = (336,)
    """Pixels."""
    area: tuple[int, int] = (2, 3)
    """Of two."""
    limit: int | None = 5
    """All with None."""
    kind: Literal["a", "b"] = "a"
    """Which of
    the two."""
    refine: bool = True
    """Follow edges."""
    overwrite: bool = False
    """Replace."""
    secret: Annotated[int, Argument(hidden=True)] = 7


def parsed(*words):
    found = []
    Command.of(Options, found.append, "Does it.").start(list(words), "samnet do")
    return found[0]


def test_every_kind_of_field_is_read():
    words = ["net.tflite", "a.jpg", "--output", "x", "b.jpg", "--data", "A=1", "--data", "B=2"]
    words += ["--sizes", "96", "192", "--area", "4", "5", "--limit", "None", "--kind", "b"]
    found = parsed(*words, "--no-refine", "--overwrite")
    assert found == Options(
        Path("net.tflite"), (Path("a.jpg"), Path("b.jpg")), Path("x"), ("A=1", "B=2"), (96, 192),
        (4, 5), None, "b", False, True,
    )  # fmt: skip
    assert parsed("n", "p", "--output", "x") == Options(Path("n"), (Path("p"),), Path("x"))


def test_a_model_may_be_named_and_leaves_its_place():
    given = parsed("--model", "net", "a.jpg", "b.jpg", "--output", "x")
    assert (given.model, given.photos) == (Path("net"), (Path("a.jpg"), Path("b.jpg")))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "required: MODEL, PHOTO, --output; see samnet do --help"),
        (["net", "--output", "x"], "required: PHOTO; see"),
        (["n", "p", "--output", "x", "--size", "big"], "--size/--sizes: invalid int value: 'big'"),
        (["n", "p", "--output", "x", "--limit", "x"], "argument --limit: invalid int value: 'x'"),
        (["n", "p", "--output", "x", "--kind", "c"], "invalid choice: 'c'"),
        (["n", "p", "--outp", "x"], "unrecognized arguments: --outp"),
        (["n", "p", "--output", "x", "--secret", "1"], "unrecognized arguments: --secret 1"),
    ],
)
def test_wrong_words_are_refused(words, said):
    with pytest.raises(InputError, match=r"^[^\n]*$") as error:
        parsed(*words)
    assert said in str(error.value)


def test_help_says_what_fields_say():
    parser = Command.of(Options, lambda _: None, "Does it.").parser("samnet do")
    text = " ".join(parser.format_help().split())
    assert text.startswith("usage: samnet do MODEL PHOTO … --output PATH [option …] Does it.")
    for part in (
        "MODEL, --model MODEL The network.",
        "100 % of them.",
        "--size N … Pixels. Default: 336.",
        "--area N N Of two. Default: 2 3.",
        "--kind {a,b} Which of the two. Default: a.",
        "--refine, --no-refine Follow edges.",
        "--overwrite Replace.",
    ):
        assert part in text
    assert "sizes" not in text and "secret" not in text and "--no-overwrite" not in text
