"""Tells the user once about an input that is odd but usable."""

from __future__ import annotations

import functools
import logging

_LOGGER = logging.getLogger("samnet.input")


@functools.lru_cache(maxsize=4096)
def notice(text: str) -> None:
    """Say a line once, on standard error unless the program that calls has set up logging.

    The same text is not repeated: a photo may be shown over and over.
    """
    _LOGGER.warning(text)
