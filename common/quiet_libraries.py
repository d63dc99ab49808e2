"""Silences warnings and notices of libraries that concern their developers alone."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator


def silence_notices() -> None:
    """Silence notices that no user of a command can act on; errors stay.

    Without it every quantization and conversion begins with a dozen lines on extensions of
    torchao for other processors, on oneDNN, and on names that are going to change.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # TensorFlow announces oneDNN's kernels before it has read its own log level. Nothing here
    # computes with TensorFlow's kernels.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    for name in ("torchao", "torch.utils._pytree"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", "`isinstance\\(treespec, LeafSpec\\)`", FutureWarning)


@contextlib.contextmanager
def no_warnings() -> Iterator[None]:
    """Keep warnings about other people's code off standard error."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
