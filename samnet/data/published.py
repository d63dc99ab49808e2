"""The published data sets of salient object detection: their folders and sizes."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where a published data set keeps its files.

    Args:
        count: pairs in the set.
        folders: the folder of photos and that of masks, first as published, then as often passed
            on. ``*`` stands for a class; photos (.jpg) and masks (.png) may share a folder.
        complete: whether every photo is meant to have a mask.
    """

    count: int
    folders: tuple[tuple[str, str], ...]
    complete: bool = True


LAYOUTS = {
    "DUTS-TR": Layout(10553, (("DUTS-TR-Image", "DUTS-TR-Mask"),)),
    "DUTS-TE": Layout(5019, (("DUTS-TE-Image", "DUTS-TE-Mask"),)),
    "ECSSD": Layout(1000, (("images", "ground_truth_mask"),)),
    "DUT-OMRON": Layout(
        5168,
        (
            ("DUT-OMRON-image", "pixelwiseGT-new-PNG"),
            ("DUT-OMRON-image", "DUT-OMRON-gt-pixelwise"),
        ),
    ),
    "HKU-IS": Layout(4447, (("imgs", "gt"),)),
    "SOD": Layout(300, (("Imgs", "Imgs"), ("images", "GT"))),
    "THUR15K": Layout(6232, (("*/Src", "*/GT"), ("*/Src", "*/Src")), complete=False),
    "PASCAL-S": Layout(
        850,
        (
            ("datasets/imgs/pascal", "datasets/masks/pascal"),
            ("imgs/pascal", "masks/pascal"),
            ("Imgs", "Imgs"),
        ),
    ),
}
"""The published data sets by name. THUR15K has masks for 6,232 of its photos."""
