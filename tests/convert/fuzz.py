"""Feeds damaged files to a reader in a process that may die, and counts what came of each."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

SECONDS = 20
"""That one file may take."""
START = 300
"""Seconds for imports and the undamaged file, on a machine with other work."""
MEMORY = 12 << 30


def damaged(content: bytes, seed: int) -> bytes:
    """Random bytes behind a true start, a truncation, flipped bits, or a overwritten stretch."""
    chance = random.Random(seed)
    kind = seed % 4
    if kind == 0:
        return content[: chance.choice((0, 8, 16, 64))] + chance.randbytes(chance.randrange(4096))
    if kind == 1:
        return content[: chance.randrange(len(content))]
    changed = bytearray(content)
    if kind == 2:
        for _ in range(chance.choice((1, 4, 64))):
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    else:
        start, length = chance.randrange(len(changed)), chance.randrange(1, 64)
        changed[start : start + length] = chance.choice((b"\xff", b"\0", b"\x80")) * length
    return bytes(changed)


def read(reader: str, path: Path) -> str:
    """Opens a file as a user of this project would; any error but InputError is a finding."""
    import numpy as np

    from common.errors import InputError

    try:
        if reader == "manifest":
            from edge_apps.manifest import read_manifest

            read_manifest(path.with_suffix(""))
        elif reader == "checkpoint":
            from samnet import load_checkpoint

            load_checkpoint(path)
        elif reader == "inspect":
            from convert.inspect.isolated_reader import answer

            return "refused" if "error" in answer(path) else "read"
        else:
            from edge_apps.runtime import load

            segmenter = load(path, threads=1)
            if reader == "run":
                segmenter.run(np.zeros((segmenter.size, segmenter.size, 3), np.uint8))
    except InputError as error:
        return "refused" if "\n" not in str(error) else "refused in several lines"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:100]}"
    return "read"


def fuzz(reader: str, base: Path, folder: Path, seeds: range) -> dict[int, str]:
    """What came of each seed: ``read``, ``refused``, an exception, or the signal of a crash."""
    found: dict[int, str] = {}
    log = folder / f"{reader}.log"
    start = seeds.start
    while start < seeds.stop:
        log.write_text("")
        arguments = [reader, str(base), str(folder), str(start), str(seeds.stop), str(log)]
        done = subprocess.run(
            [sys.executable, __file__, *arguments],
            capture_output=True,
            check=False,
            timeout=START + SECONDS * (seeds.stop - start),
        )
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        assert lines, done.stderr.decode()[-2000:]
        found |= {seed: outcome for seed, outcome in lines if outcome is not None}
        last, outcome = lines[-1]
        if outcome is None:
            assert done.returncode < 0, (last, done.returncode, done.stderr.decode()[-2000:])
            found[last] = signal.Signals(-done.returncode).name
        start = last + 1
    return found


def counts(found: dict[int, str]) -> Counter[str]:
    """How often each outcome came."""
    return Counter(found.values())


def findings(found: dict[int, str]) -> dict[int, str]:
    """The seeds whose outcome is neither a network nor one line."""
    return {seed: outcome for seed, outcome in found.items() if outcome not in ("read", "refused")}


def _work(reader: str, base: Path, folder: Path, seeds: range) -> Iterator[tuple[int, str | None]]:
    content = base.read_bytes()
    path = folder / f"damaged{base.suffix}"
    if reader == "manifest":
        path = folder / "alone.tflite.json"
    path.write_bytes(content)
    # Their default action ends the process, as a reader that hangs deserves.
    signal.alarm(START)
    # Without it, a reader that refuses everything would pass.
    assert (outcome := read(reader, path)) == "read", outcome
    for seed in seeds:
        path.write_bytes(damaged(content, seed))
        signal.alarm(SECONDS)
        yield seed, None
        yield seed, read(reader, path)


def main() -> None:
    reader, base, folder, start, stop, log = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if base.endswith(".pte"):
        import torch  # noqa: F401
    with Path(log).open("a") as file:
        for line in _work(reader, Path(base), Path(folder), range(int(start), int(stop))):
            file.write(json.dumps(line) + "\n")
            file.flush()
    # What damaged files left in native libraries may keep the interpreter from ending.
    os._exit(0)


if __name__ == "__main__":
    main()
