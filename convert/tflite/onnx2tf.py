"""The onnx2tf engine: converts torch to ONNX to TensorFlow to TFLite, in its own process.

onnx2tf ends the interpreter where it fails, prints by the page, and brings a TensorFlow that need
not share a process with torch. What it does wrong is put right from outside in that process
(:mod:`convert.tflite.onnx2tf_process`), and looked for in what it writes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common.errors import InputError
from common.images.photos import Bytes, resize_photo
from convert.tflite.flatbuffer import read_flatbuffer
from convert.upstream import CHECKED, installed, is_checked
from edge_apps.maps.coding import LOGITS
from samnet.networks.deployed import DeployedNetwork, rest_of_zero_point
from samnet.networks.preprocessing import Preprocessing

OPSET = 18
"""The oldest that torch's exporter writes by itself."""

SECONDS = 1800
"""After which the process is ended."""

NAMES = {"onnx": "network.onnx", "fp32": "float.tflite", "int8": "int8.tflite"}
CALIBRATION = "calibration.npy"


def bare_float(network: DeployedNetwork, preprocessing: Preprocessing) -> bytes:
    """Convert to a flatbuffer between float tensors, (1, S, S, 3) to (1, M, M, 1).

    Raises:
        InputError: if onnx2tf fails, asks for the network, or resizes in another way than torch.
    """
    return _run(network, preprocessing, None)


def bare_int8(
    network: DeployedNetwork, preprocessing: Preprocessing, photos: Sequence[Bytes]
) -> bytes:
    """Convert to the same between int8 tensors, with scales that TensorFlow's converter found.

    Its ranges are the extremes over all photos, so that a few odd ones spend most of the codes on
    themselves; the oddest tenth is kept from it.

    Args:
        network: in float.
        preprocessing: of the network.
        photos: to calibrate on, each (H, W, 3) uint8.

    Raises:
        InputError: as :func:`bare_float`, and if there are no photos.
    """
    if not photos:
        raise InputError("onnx2tf finds int8 scales by itself: give photos with --calibration")
    from quantize.calibration import normalize
    from quantize.outlier_photos import without_outliers

    side = (network.size, network.size)
    inputs = [normalize(resize_photo(photo, side), preprocessing) for photo in photos]
    chosen = np.concatenate([inputs[i].numpy() for i in without_outliers(network, inputs)])
    return _run(network, preprocessing, chosen.transpose(0, 2, 3, 1))


def _run(
    network: DeployedNetwork, preprocessing: Preprocessing, calibration: np.ndarray | None
) -> bytes:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clipped = calibration is not None
        resizes = _export(network, preprocessing, folder / NAMES["onnx"], clipped=clipped)
        precision = "fp32"
        if calibration is not None:
            precision = "int8"
            np.save(folder / CALIBRATION, calibration)
        process(folder, precision)
        content = (folder / NAMES[precision]).read_bytes()
    check_resizes(content, resizes)
    return content


def process(folder: Path, precision: str) -> None:
    """Run onnx2tf on a folder that holds ``network.onnx``.

    Raises:
        InputError: with its last line if it fails.
    """
    # -P: beside the script stand modules with names such as ``inspect``.
    script = Path(__file__).with_name("onnx2tf_process.py")
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-P", str(script), precision]
    with open(folder / "log", "w+b") as log:
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise InputError(f"onnx2tf did not end within {SECONDS} s") from error
        log.seek(0)
        lines = log.read().decode(errors="replace").strip().splitlines()
    if done.returncode or not (folder / NAMES[precision]).exists():
        reason = lines[-1].strip()[:300] if lines else f"status {done.returncode}"
        raise InputError(f"{_engine()} failed: {reason}; {_advice()}")


def check_resizes(content: bytes, expected: int) -> None:
    """Make sure that every bilinear resize aligns its corners, as the network's do.

    Args:
        content: what onnx2tf wrote.
        expected: resizes of the network.

    Raises:
        InputError: if one does not, or some are missing.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = read_flatbuffer(content)
    bilinear = schema.BuiltinOperator.RESIZE_BILINEAR
    found = [
        operator.builtinOptions
        for operator in model.subgraphs[0].operators
        if model.operatorCodes[operator.opcodeIndex].builtinCode == bilinear
    ]
    wrong = sum(not options.alignCorners or options.halfPixelCenters for options in found)
    if wrong or len(found) != expected:
        raise InputError(
            f"{_engine()} wrote {len(found)} bilinear resizes of {expected}, {wrong} of "
            f"them without aligned corners, so maps would be shifted; {_advice()}"
        )


def _export(
    network: DeployedNetwork, preprocessing: Preprocessing, path: Path, *, clipped: bool
) -> int:
    """Write a float network (1, 3, S, S) to (1, 1, M, M) as ONNX; return how often it resizes.

    Args:
        network: in float.
        preprocessing: of the network.
        path: of the ONNX file.
        clipped: whether logits end where those of an artifact's bytes do, so that a scale for
            their observed range is as fine as the bytes'.
    """
    import torch
    from torch import Tensor, nn

    from convert.onnx.export import raw_export
    from quantize.batch_norm_folding import fold_batch_norm

    class Shifted(nn.Module):
        """The network behind what a whole zero point leaves of the mean."""

        def __init__(self) -> None:
            super().__init__()
            self.network = fold_batch_norm(network)
            self.rest = rest_of_zero_point(preprocessing)

        def forward(self, photo: Tensor) -> Tensor:
            saliency_map: Tensor = self.network(photo + self.rest if self.rest else photo)
            return saliency_map.clamp(*LOGITS.limits) if clipped else saliency_map

    photo = torch.zeros(1, 3, network.size, network.size)
    model = raw_export(Shifted().eval(), photo, OPSET)
    path.write_bytes(model.SerializeToString())
    return sum(node.op_type == "Resize" for node in model.graph.node)


def _engine() -> str:
    return f"onnx2tf {installed('onnx2tf') or '(not installed)'}"


def _advice() -> str:
    if is_checked("onnx2tf"):
        return "convert with --engine litert"
    known = CHECKED["onnx2tf"][-1]
    return f"this was checked with onnx2tf {known}; pip install onnx2tf=={known}"
