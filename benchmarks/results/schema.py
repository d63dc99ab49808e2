"""What every result file says beside its figures: what it is and how it came to be."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Environment:
    """The circumstances of a measurement, as :func:`common.result_file.environment` gives them."""

    date: str
    python: str
    platform: str
    packages: dict[str, str]
    cpu: str
    cpu_features: tuple[str, ...]
    cores: int
    threads: int

    @property
    def machine(self) -> str:
        """Names the processor with the instruction sets that matter."""
        return f"{self.cpu} ({', '.join(self.cpu_features) or 'no instruction set that matters'})"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """The head of a result file; what a kind adds is a dataclass of its own.

    Args:
        kind: a key of :data:`common.result_file.KINDS`.
        version: of the kind's format.
        command: that made it, as one types it.
        measured: SHA-256 of what was measured, by file name; empty where that is no file.
        environment: where and when.
    """

    kind: str
    version: int
    command: str
    measured: dict[str, str]
    environment: Environment
