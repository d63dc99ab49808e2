"""The head of result files that tests make."""

from __future__ import annotations

from common.result_file import KINDS


def head(kind: str, **circumstances: object) -> dict[str, object]:
    """The head of a result file, measured on nothing that is shipped."""
    where = {
        "date": "2026-01-02T03:04:05+00:00",
        "python": "3.11",
        "platform": "Linux",
        "packages": {"torch": "2.13.0"},
        "cpu": "A <fast> CPU",
        "cpu_features": ["avx2"],
        "cores": 1,
        "threads": 1,
        **circumstances,
    }
    command = f"python -m benchmarks.{kind}"
    known = {"kind": kind, "version": KINDS[kind], "command": command}
    return {**known, "measured": {}, "environment": where}
