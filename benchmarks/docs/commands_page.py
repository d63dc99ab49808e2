"""The block of docs/commands.md: all commands by what they are for."""

from __future__ import annotations

from benchmarks.shared.tables import markdown
from samnet.commands import ENTRIES


def commands() -> str:
    """Tabulate each group of commands: how it is called, what it does, its module."""
    blocks = []
    for group in dict.fromkeys(entry.group for entry in ENTRIES):
        rows = [
            (
                f"`samnet {entry.name} {entry.example}`".replace(" `", "`"),
                entry.summary,
                f"`{entry.module.removesuffix('.__main__')}`",
            )
            for entry in ENTRIES
            if entry.group == group
        ]
        table = markdown(("command", "does", "module"), rows, words=3)
        blocks.append(f"### {group}\n\n{table}")
    return "\n\n".join(blocks)
