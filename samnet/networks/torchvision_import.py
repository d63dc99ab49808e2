"""Imports torchvision even where it was built for another torch.

A torchvision built for CUDA cannot load its operators beside a CPU build of torch, and then its
import fails on ``nms``, an operator that this project never calls. Defining the schemas that
torchvision's Python code registers against lets everything else of it work.

Use ``from samnet.networks.torchvision_import import torchvision``; libraries that import
torchvision by themselves work once this module has been imported.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import torch

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
"""What torchvision's compiled part would have declared and its Python part relies on."""

_library: torch.library.Library | None = None
"""Kept for as long as the process lives: the declarations go when this does."""


def import_torchvision() -> ModuleType:
    """Import torchvision; declare the missing operators only where the plain import fails.

    Raises:
        ImportError: if torchvision is not installed.
    """
    global _library
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
    # The failed import leaves half of the package behind, which a second one would trip over.
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    _library = torch.library.Library("torchvision", "DEF")
    for schema in SCHEMAS:
        _library.define(schema)
    return importlib.import_module("torchvision")


torchvision = import_torchvision()
