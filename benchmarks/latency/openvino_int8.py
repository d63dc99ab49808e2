"""ONNX networks quantized by NNCF, as users of OpenVINO would do it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import numpy as np

from benchmarks.latency.engines import quiet_openvino
from benchmarks.latency.input_feeder import feeder
from common.errors import InputError, MissingPackageError
from common.files import replacing, sha256
from common.images.photos import Bytes, resize_photo

PACKAGES = ("openvino", "nncf")

SUFFIX = ".xml"


def record_of(source: Path, photos: int) -> dict[str, object]:
    """Read the file beside a quantized network: its source, and what made it."""
    versions = {name: metadata.version(name) for name in PACKAGES}
    return {"source_sha256": sha256(source), "versions": versions, "photos": photos}


def is_int8(path: Path) -> bool:
    """Tell whether an ``.xml`` computes in int8: OpenVINO marks what is quantized by an operation.

    Raises:
        InputError: if the file cannot be read.
    """
    try:
        return b'type="FakeQuantize"' in path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def quantize_openvino(source: Path, output: Path, photos: Sequence[Bytes]) -> None:
    """Write ``output``, an ``.xml``, the ``.bin`` of its weights and a record; replace them.

    Args:
        source: a float ``.onnx`` of one photo of a fixed size.
        output: the file to write.
        photos: (H, W, 3) uint8 of any size, to calibrate on.

    Raises:
        InputError: if the network cannot be read or quantized, or a library is missing.
    """
    quiet_openvino()
    try:
        import nncf
        import openvino
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            f"{error.name} is not installed; pip install 'samnet[peers]'"
        ) from error
    model = openvino.Core().read_model(source)
    given = model.input(0)
    kind = given.get_element_type().to_dtype().name
    feed, size = feeder(str(source), [int(side) for side in given.get_shape()], kind)
    inputs = [np.array(feed(resize_photo(photo, size))) for photo in photos]
    try:
        quantized = nncf.quantize(model, nncf.Dataset(inputs), subset_size=len(inputs))
    except Exception as error:  # NNCF raises what its passes stumble over
        reason = (str(error).strip() or "NNCF failed").splitlines()[0]
        raise InputError(f"{source}: NNCF could not quantize it ({reason[:200]})") from error
    record = record_of(source, len(photos))
    with replacing(output, overwrite=True) as temporary:
        openvino.save_model(quantized, temporary, compress_to_fp16=False)
        temporary.with_suffix(".bin").replace(output.with_suffix(".bin"))
    with replacing(output.with_suffix(".xml.json"), overwrite=True) as temporary:
        temporary.write_text(json.dumps(record), encoding="utf-8")
