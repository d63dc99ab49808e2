"""Script that runs onnx2tf in its working folder; to be started with ``python -P``.

It reads ``network.onnx`` and writes ``float.tflite``; with the argument ``int8`` it reads
``calibration.npy``, (N, S, S, 3) float32, as well and writes ``int8.tflite`` in its place. Imports
nothing of this project, whose torch would stand beside TensorFlow.

onnx2tf gives its model before it saves that, which takes longer than to make it, and a file in
float16 that nobody asked for.

onnx2tf 1.28.8 has two faults that are put right here while it runs; its files stay as they are:

* It fetches photos from the network, if only to compare its operations' results. It gets random
  ones in their place, and any other request fails.
* Its resize heeds ``align_corners`` for operator sets up to 17 only, and resizes otherwise without
  a word. It is told 17; nothing else in it depends on the number beyond 10.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NoReturn

HEEDED = 17
"""The newest operator set for which onnx2tf's resize does as it is told."""


def main() -> None:
    """Convert as the first argument says."""
    import onnx2tf

    _mend()
    model = onnx2tf.convert(
        input_onnx_file_path="network.onnx",
        output_folder_path="saved",
        # The optimizer would be a program to install; the graph was made tidy before.
        not_use_onnxsim=True,
        disable_model_save=True,
        non_verbose=True,
        verbosity="error",
    )
    if sys.argv[1] == "int8":
        Path("int8.tflite").write_bytes(_quantized(model))
    else:
        Path("float.tflite").write_bytes(_converter(model).convert())


def _mend() -> None:
    """Replace what is wrong.

    Raises:
        SystemExit: with a line, if this version of onnx2tf has no such places.
    """
    import importlib

    import numpy as np
    import requests

    whole: Any
    resize: Any
    whole, resize = (importlib.import_module(f"onnx2tf.{n}") for n in ("onnx2tf", "ops.Resize"))
    if not hasattr(whole, "download_test_image_data") or not hasattr(resize, "make_node"):
        sys.exit("its download of photos or its resize stands elsewhere in this version")

    def refuse(*arguments: Any, **_: Any) -> NoReturn:
        raise SystemExit(f"it asks the network for {arguments[:1]}, which a conversion must not")

    make_node = resize.make_node

    def heeding(**arguments: Any) -> Any:
        return make_node(**{**arguments, "opset": min(arguments["opset"], HEEDED)})

    web: Any = requests
    web.get = web.request = web.Session.request = refuse
    random = np.random.default_rng(0).random((20, 128, 128, 3), np.float32)
    whole.download_test_image_data = lambda: random
    resize.make_node = heeding


def _converter(model: Any) -> Any:
    """Make TensorFlow's converter of a Keras model."""
    import tensorflow as tf

    signature = [tf.TensorSpec(it.shape, it.dtype, it.name) for it in model.inputs]
    run = tf.function(lambda *inputs: model(inputs), input_signature=signature)
    return tf.lite.TFLiteConverter.from_concrete_functions([run.get_concrete_function()])


def _quantized(model: Any) -> bytes:
    import numpy as np
    import tensorflow as tf

    photos = np.load("calibration.npy").astype(np.float32)
    converter = _converter(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([photo[None]] for photo in photos)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    content: bytes = converter.convert()
    return content


if __name__ == "__main__":
    main()
