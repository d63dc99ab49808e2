"""Suggests the name that a mistyped one may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Find the known name that is most alike, in any case of its letters.

    Args:
        name: name that is not among the known ones.
        known: names to choose from.
        cutoff: likeness from which a name counts, 0 to 1, as :func:`difflib.get_close_matches`
            has it.
    """
    spelled = {it.lower(): it for it in known}
    found = difflib.get_close_matches(name.lower(), spelled, n=1, cutoff=cutoff)
    return spelled[found[0]] if found else None


def suggestion(
    name: str,
    known: Iterable[str],
    *,
    otherwise: str = "",
    group: str = "",
    cutoff: float = 0.6,
) -> str:
    """Ask whether the nearest known name was meant, or list all of them where none is near.

    Args:
        name: name that is not among the known ones.
        known: names to choose from.
        otherwise: what to say in place of the list.
        group: what users type in front of each of the names.
        cutoff: as of :func:`nearest`.
    """
    names = list(known)
    near = nearest(name, names, cutoff)
    if near is not None:
        return f"did you mean {group + near!r}?"
    return otherwise or (f"use one of {', '.join(names)}" if names else "there is none")
