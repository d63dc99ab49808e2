"""Runs ``.onnx`` artifacts with onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.errors import InputError, MissingPackageError
from common.images.photos import Bytes
from edge_apps.backends.float_io import Floats
from edge_apps.backends.interface import checked_size
from edge_apps.maps.coding import Coding, coding_by

SCALE, ZERO_POINT = "output_scale", "output_zero_point"
"""Metadata that say what a byte of the map stands for: value = (byte - zero_point) * scale."""

TYPES = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}
"""Types by their names in ONNX."""

SEVEN_BITS = "int8 codes from -63 to 63"
"""Stands in the metadata of files whose weights have seven bits: their sums are exact anywhere."""

PRECISE = "session.x64quantprecision"
"""Option by which onnxruntime sums products of eight bits exactly on x86 without VNNI, where it
would cut off what 16 bits cannot hold; it takes a slower kernel
(onnxruntime_session_options_config_keys.h)."""

SILENT = 4
"""The level at which onnxruntime logs nothing but its own end."""


class OnnxBackend:
    """An opened ``.onnx``.

    Args:
        session: an onnxruntime session.
        size: S, height and width of the input in pixels.
        floats: what bytes mean to it; None where it takes them as they are.
        coding: what the bytes of its maps mean; None where the file does not say.
    """

    def __init__(
        self, session: Any, size: int, floats: Floats | None = None, coding: Coding | None = None
    ) -> None:
        self.session = session
        self.size = size
        self.floats = floats
        self.coding = coding
        self._input = session.get_inputs()[0].name

    def run(self, photo: Bytes) -> Bytes:
        """Map a photo (S, S, 3) uint8 to a map (M, M) uint8."""
        given = self.floats.photo(photo) if self.floats else photo[None]
        saliency_map: Bytes = self.session.run(None, {self._input: given})[0]
        if self.floats:
            saliency_map = self.floats.map(saliency_map)
        return saliency_map.reshape(saliency_map.shape[1:3])


def session_options(threads: int) -> Any:
    """Build the options with which this project runs every ONNX network.

    Raises:
        InputError: if onnxruntime is not installed.
    """
    onnxruntime = _onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = SILENT
    return options


def open_onnx(path: str | Path, threads: int, floats: Floats | None = None) -> OnnxBackend:
    """Open an ``.onnx`` that takes a photo (1, S, S, 3) and give a map of M x M, both uint8.

    Args:
        path: the artifact.
        threads: number of threads that the runtime may use.
        floats: what bytes mean to it, if it was converted for float32 tensors.

    Raises:
        InputError: if the file is no ONNX network, is damaged, needs operators that the runtime
            lacks, has another interface, or onnxruntime is not installed.
    """
    onnxruntime, options = _onnxruntime(), session_options(threads)
    try:
        # As bytes, so that no file beside it is read as its weights.
        content = Path(path).read_bytes()
        if b"QuantizeLinear" in content and SEVEN_BITS.encode() not in content:
            options.add_session_config_entry(PRECISE, "1")
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        # Names and metadata are decoded here, and may be no UTF-8 in a damaged file.
        stated = session.get_modelmeta().custom_metadata_map
        inputs, outputs = (
            [(tuple(it.shape), TYPES.get(it.type, it.type)) for it in tensors if it.name]
            for tensors in (session.get_inputs(), session.get_outputs())
        )
    except Exception as error:  # onnxruntime's own kinds of error share no other base
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"{path}: damaged or foreign ONNX file ({reason})") from error
    size = checked_size(path, inputs, outputs, floats)
    return OnnxBackend(session, size, floats, _coding(stated))


def _coding(stated: Mapping[str, str]) -> Coding | None:
    """Read what the file's metadata says of its map's bytes; None where that is nothing."""
    try:
        return coding_by(float(stated[SCALE]), int(stated[ZERO_POINT]))
    except (KeyError, ValueError):
        return None


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            "onnxruntime is not installed; pip install onnxruntime"
        ) from error
    return onnxruntime
