"""Checkpoints in the layout that the paper's authors released."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from common.errors import InputError
from samnet.checkpoints.safe_pickle import read_state_dict
from samnet.networks.config import STAGES, SAMNetConfig
from samnet.networks.samnet import SAMNet

# Released name to ours, applied in order to a key without its "module." prefix.
_RENAMES: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"^context_path\.layer1\.0\.", "encoder.stages.0.0."),
    (r"^pyramid_pooling\.conv([1-4])\.", r"pyramid.levels.#\1."),
    (r"^pyramid_pooling\.out\.", "pyramid.project."),
    (r"^prepare\.(\d)\.", r"decoder.laterals.@\1."),
    (r"^fuse\.(\d)\.", r"decoder.fusions.@\1."),
    (r"^heads\.(\d)\.conv\.1\.", r"heads.@\1.conv."),
    (r"^context_path\.layer(\d)\.0\.", r"encoder.stages.#\1.0."),
    (r"^context_path\.layer(\d)\.(\d)\.conv\.", r"encoder.stages.#\1.\2.common."),
    (r"^context_path\.layer(\d)\.(\d)\.branches\.", r"encoder.stages.#\1.\2.branches."),
    (r"^context_path\.layer(\d)\.(\d)\.fc1\.", r"encoder.stages.#\1.\2.channel.squeeze."),
    (r"^context_path\.layer(\d)\.(\d)\.fuse\.", r"encoder.stages.#\1.\2.fuse."),
    (r"^context_path\.layer(\d)\.(\d)\.convs\.0\.", r"encoder.stages.#\1.\2.spatial.reduce."),
    (r"^context_path\.layer(\d)\.(\d)\.convs\.1\.", r"encoder.stages.#\1.\2.spatial.context.0."),
    (r"^context_path\.layer(\d)\.(\d)\.convs\.2\.", r"encoder.stages.#\1.\2.spatial.context.1."),
    (r"^context_path\.layer(\d)\.(\d)\.convs\.3\.", r"encoder.stages.#\1.\2.spatial.maps.0."),
    # A separable convolution, then a plain one.
    (r"\.conv\.0\.conv\.0\.", ".depthwise.conv."),
    (r"\.conv\.0\.conv\.1\.", ".depthwise.bn."),
    (r"\.conv\.1\.conv\.0\.", ".pointwise.conv."),
    (r"\.conv\.1\.conv\.1\.", ".pointwise.bn."),
    (r"\.conv\.0\.", ".conv."),
    (r"\.conv\.1\.", ".bn."),
    # The authors count stages from 1, and the decoder from the deepest stage.
    (r"#(\d)", lambda m: str(int(m[1]) - 1)),
    (r"@(\d)", lambda m: str(STAGES - 1 - int(m[1]))),
)


def _translate(state: dict[str, Tensor]) -> dict[str, Tensor]:
    ours: dict[str, Tensor] = {}
    for key, value in state.items():
        name = key.removeprefix("module.")
        expand = re.match(r"context_path\.layer(\d)\.(\d)\.fc2\.weight$", name)
        if expand:
            stage, module = int(expand[1]) - 1, expand[2]
            parts = value.split(value.shape[1])
            # The authors stack the common branch last; here it stands first.
            for i, part in enumerate((parts[-1], *parts[:-1])):
                ours[f"encoder.stages.{stage}.{module}.channel.expand.{i}.weight"] = part.clone()
            continue
        for pattern, replacement in _RENAMES:
            name = re.sub(pattern, replacement, name)
        ours[name] = value
    return ours


def load_released(path: str | Path) -> SAMNet:
    """Read a checkpoint in the authors' layout.

    Args:
        path: a ``.pth`` state dict; keys may carry the prefix ``module.``. It is read with
            ``weights_only=True``, so no code in it is run.

    Returns:
        the paper's network with shared spatial maps, in evaluation mode.

    Raises:
        InputError: if the file cannot be read, or does not hold the released network.
    """
    model = SAMNet(SAMNetConfig())
    ours = _translate(read_state_dict(path))
    expected = model.state_dict()
    missing = sorted(expected.keys() - ours.keys())
    surplus = sorted(ours.keys() - expected.keys())
    wrong = [k for k in expected.keys() & ours.keys() if expected[k].shape != ours[k].shape]
    if missing or surplus or wrong:
        example = (missing or surplus or sorted(wrong))[0]
        raise InputError(
            f"{path}: not a checkpoint of the released SAMNet: {len(missing)} tensors missing, "
            f"{len(surplus)} unknown, {len(wrong)} of another shape (first: {example})"
        )
    with torch.no_grad():
        model.load_state_dict(ours)
    return model.eval()
