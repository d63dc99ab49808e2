"""Teachers in ONNX files: maps of networks of others.

Such a network takes RGB photos (N, 3, S, S), normalized as ImageNet's are, and its first output is
a map in 0 to 1, (N, 1, S, S). That is how U²-Net and what rembg distributes are made.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from common.errors import InputError
from common.images.input_file import check_is_file
from common.images.photos import resize_photo

MEAN = np.array([0.485, 0.456, 0.406], np.float32)[:, None, None]
STD = np.array([0.229, 0.224, 0.225], np.float32)[:, None, None]
"""Of ImageNet, for values in 0 to 1."""

FREE_SIZE = 320
"""Height and width for a network that takes any, in pixels: U²-Net's."""


class MapTeacher:
    """An ONNX network as a function from photo to map.

    Args:
        path: its file.
        threads: CPU threads; None for all.

    Raises:
        InputError: if the file is missing, unreadable, or takes or gives something else than the
            module's text says.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        import onnxruntime

        check_is_file(path, "give the path of an ONNX network")
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = threads or 0
        settings.log_severity_level = 3
        try:
            self.session = onnxruntime.InferenceSession(
                path, settings, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own kinds of error share no other base
            reason = str(error).splitlines()[0]
            raise InputError(f"{path}: not a readable ONNX network ({reason})") from error
        self.path = path
        inputs = self.session.get_inputs()
        shape = inputs[0].shape
        if len(inputs) != 1 or len(shape) != 4 or shape[1] != 3:
            raise InputError(
                f"{path}: takes {[(i.name, i.shape) for i in inputs]}, expected one tensor "
                "(N, 3, S, S) of normalized RGB"
            )
        self.size = shape[2] if isinstance(shape[2], int) else FREE_SIZE

    def __call__(self, photo: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Compute the map (S, S) uint8 of a photo (H, W, 3) uint8.

        Raises:
            InputError: if the network gives no map in 0 to 1.
        """
        x = resize_photo(photo, (self.size, self.size)).astype(np.float32).transpose(2, 0, 1) / 255
        name = self.session.get_inputs()[0].name
        first = self.session.run(None, {name: ((x - MEAN) / STD)[None]})[0]
        if first.size != self.size**2 or first.min() < -1e-3 or first.max() > 1 + 1e-3:
            raise InputError(
                f"{self.path}: its first output is {first.shape} from {first.min():.3g} to "
                f"{first.max():.3g}, expected one map of {self.size}x{self.size} in 0 to 1"
            )
        codes = np.rint(first.reshape(self.size, self.size).clip(0, 1) * 255)
        return np.asarray(codes, np.uint8)
