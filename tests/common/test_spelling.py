"""Everything that people read or type is spelled the American way."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

BRITISH = re.compile(
    r"artefact|behaviour|colour|favour|flavour|honour|labour|neighbour|catalogue|judgement"
    r"|programme\b|programmes\b|\bgrey|\bcentre|\bmetres?\b|(milli|kilo|centi)metre|\blitre"
    r"|\bfibre|licence|defence|offence|whilst|amongst|learnt|\banalys(e|ing)"
    r"|cancell(ed|ing)|labell(ed|ing)|modell(ed|ing|er)|travell|signall(ed|ing)|channelled"
    r"|(author|binar|capital|character|custom|digit|discret|emphas|equal|factor|final|functional"
    r"|general|initial|local|maxim|memor|minim|modern|normal|optim|organ|parallel|polar|quant"
    r"|random|raster|real|recogn|regular|serial|special|standard|summar|symbol|synchron|token"
    r"|util|vector|visual)is(e|ing|ation|able)"
)

TEXT = (".py", ".md", ".html", ".sh", ".c", ".cc", ".h", ".cfg", ".toml", ".json", ".yml", ".cff")

FIRST_FORMAT = (
    "edge_apps/manifest.py",
    "tests/edge_apps/before/",
    "tests/edge_apps/test_manifest.py",
    "tests/common/test_spelling.py",
)
"""What knows the first layout of manifests, which has British fields and is read still."""


TITLE = "approximate fast foreground colour estimation"
"""What a paper is called."""


def files() -> list[Path]:
    command = ["git", "ls-files", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs git and the project's checkout")
    names = listed.stdout.split("\0")
    return [ROOT / n for n in names if n.endswith(TEXT) and not n.startswith(FIRST_FORMAT)]


def test_no_word_is_british():
    found = []
    for path in filter(Path.exists, files()):
        text = path.read_text(encoding="utf-8").lower().replace(TITLE, "")
        for match in BRITISH.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(f"{path.relative_to(ROOT)}:{line}: {match[0]}")
    assert not found


@pytest.mark.parametrize("word", ["Normalisation", "grey", "artefacts", "equalised", "colours"])
def test_british_words_are_known(word):
    assert BRITISH.search(f"in {word}, as one says".lower())


@pytest.mark.parametrize("word", ["program", "analysis", "minister", "raised", "percentage"])
def test_other_words_pass(word):
    assert not BRITISH.search(f"in {word}, as one says".lower())
