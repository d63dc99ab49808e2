"""Converts a network of one module to every form of litert, ExecuTorch and torch.onnx.

A script: it prints the hash of each as JSON.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path

from one_module import SIZE, one_module, one_module_int8, one_module_pte, one_module_tflite
from one_onnx import METADATA, one_module_onnx

ATTENTION = ""
"""None: what takes time is starting the converters."""


def contents() -> dict[str, bytes]:
    """Every form's bytes by its name."""
    from convert.executorch.lowering import PhotoToMap, lower
    from convert.onnx.export import export
    from convert.tflite import litert
    from convert.tflite.metadata import Description, with_metadata
    from convert.tflite.weight_quantization import dynamic_weights, half_weights
    from edge_apps.maps.coding import LOGITS
    from quantize.batch_norm_folding import fold_batch_norm
    from quantize.quantized_program import save_program
    from samnet import Preprocessing
    from samnet.networks.deployed import ByteInterface

    network = one_module(ATTENTION)
    folded = fold_batch_norm(network)
    whole = ByteInterface(folded, Preprocessing()).eval()
    bare = litert.bare_float(network, Preprocessing())  # type: ignore[arg-type]
    said = Description("one", "a test", SIZE, 128.0, 64.0, False, LOGITS)
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "x.pt2"
        save_program(program, one_module_int8(ATTENTION))
        saved = program.read_bytes()
    return {
        "program.pt2": saved,
        "fp32.tflite": with_metadata(litert.float_interface(bare, Preprocessing(), "bytes"), said),
        "fp16.tflite": half_weights(bare),
        "dynamic.tflite": dynamic_weights(bare),
        "int8.tflite": one_module_tflite(ATTENTION, "int8"),
        "fp32.pte": lower(PhotoToMap(folded, 1 / 64, 2.0, LOGITS, codes=False).eval(), SIZE)[0],
        "int8.pte": one_module_pte(ATTENTION),
        "fp32.onnx": export(whole, SIZE, METADATA).SerializeToString(deterministic=True),
        "int8.onnx": one_module_onnx(ATTENTION),
    }


if __name__ == "__main__":
    made = {name: hashlib.sha256(content).hexdigest() for name, content in contents().items()}
    Path(sys.argv[1]).write_text(json.dumps(made), encoding="utf-8")
