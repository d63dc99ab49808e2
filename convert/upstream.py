"""Every private part of a library that this project touches, and the functions that do.

Libraries promise nothing of these parts, so each stands here with the versions that it was seen
in and what ends when it moves. A test compares the versions with those installed.
"""

from __future__ import annotations

import dataclasses
import json
import re
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True)
class Touch:
    """A private part of a library.

    Args:
        package: the library's distribution.
        part: name of the part.
        where: modules of this project that touch it.
        breaks: consequence when it is gone or another.
    """

    package: str
    part: str
    where: tuple[str, ...]
    breaks: str


CHECKED = {
    "ai-edge-litert": ("2.3.0",),
    "ai-edge-quantizer": ("0.10.0",),
    "efficientnet-lite-pytorch": ("0.1.0",),
    "executorch": ("1.4.1",),
    "litert-torch": ("0.10.0",),
    "numpy": ("2.3.4",),
    "onnx2tf": ("1.28.8",),
    "torch": ("2.13.0",),
    "torchao": ("0.18.0",),
}
"""The versions of each package that all its touches were seen to work in."""

_HERE = "convert.upstream"

TOUCHES = (
    Touch(
        "ai-edge-litert",
        "Interpreter._get_ops_details",
        (_HERE,),
        "which operations a delegate takes: delegation in manifests, profiles by operation",
    ),
    Touch(
        "ai-edge-litert",
        "schema_py_generated, tools.flatbuffer_utils",
        ("convert.tflite.flatbuffer",),
        "reading and rewriting of every .tflite: its interface, metadata, padding, inspection",
    ),
    Touch(
        "ai-edge-litert",
        "libLiteRt.so: names, layouts and options of litert/c, by ctypes",
        ("benchmarks.profiling.litert",),
        "times of a .tflite by operation",
    ),
    Touch(
        "ai-edge-quantizer",
        "algorithm_manager.AlgorithmName, qtyping.OpQuantizationConfig",
        ("convert.tflite.weight_quantization",),
        ".tflite files in fp16 and dynamic",
    ),
    Touch(
        "efficientnet-lite-pytorch",
        "_swish, _bn0, _conv_stem and _blocks of its network",
        ("samnet.training.imagenet_teacher",),
        "features of the ImageNet teacher",
    ),
    Touch(
        "executorch",
        "exir._serialize: serialize_pte_binary, deserialize_pte_binary, flatc of _flatbuffer",
        (_HERE,),
        "reading a .pte back: its scales, intermediates, inspection, profile",
    ),
    Touch(
        "executorch",
        "XNNHeader and schema.fbs of backends.xnnpack.serialization",
        ("convert.executorch.delegate", _HERE),
        "the same, inside the delegate; its node names stand in convert.graphs.kinds",
    ),
    Touch(
        "executorch",
        "backends.xnnpack._passes; xnnpack_preprocess.XNNPACKPassManager, replaced",
        ("convert.executorch.fast_lowering",),
        "nothing but time: lowering takes minutes",
    ),
    Touch(
        "executorch",
        "EdgeCompileConfig(_check_ir_validity, _skip_dim_order)",
        ("convert.executorch.lowering",),
        "conversions of bytes at the ends of a .pte become four times as slow",
    ),
    Touch(
        "executorch",
        "XNNPACKQuantizer.SUPPORTED_PATTERNS, transform_for_annotation",
        ("quantize.quantizer",),
        "quantization: what the recipe annotates",
    ),
    Touch(
        "executorch",
        "portable_lib._unsafe_reset_threadpool, _threadpool_get_thread_count",
        ("edge_apps.backends.pte",),
        "the number of threads that a .pte runs with",
    ),
    Touch(
        "executorch",
        "_portable_lib: symbols of the XNNPACK within it, by ctypes",
        ("benchmarks.profiling.executorch",),
        "times of a .pte by operation",
    ),
    Touch(
        "litert-torch",
        "quantize.pt2e_quantizer, quantize.quant_config",
        ("convert.tflite.litert",),
        "int8 and int16 .tflite files: that quantization in a graph becomes integer arithmetic",
    ),
    Touch(
        "numpy",
        "_core._multiarray_umath.__cpu_features__",
        ("common.processor",),
        "a masked or emulated processor is believed to have what /proc/cpuinfo lists",
    ),
    Touch(
        "onnx2tf",
        "onnx2tf.download_test_image_data and ops.Resize.make_node, replaced",
        ("convert.tflite.onnx2tf_process",),
        "the onnx2tf engine: it would fetch photos, and resize without aligned corners",
    ),
    Touch(
        "torch",
        "fx.traceback.NodeSource.__init__, export.ExportedProgram.run_decompositions, replaced",
        ("convert.executorch.fast_lowering",),
        "nothing but time: lowering takes minutes",
    ),
    Touch(
        "torch",
        "torch.load, pickle.loads and torch._C._pickle_load_obj, replaced",
        ("quantize.program_archive",),
        "a .pt2 might run code when it is read",
    ),
    Touch(
        "torch",
        "utils._python_dispatch.TorchDispatchMode",
        ("benchmarks.profiling.torch_modules",),
        "the torch module of each operation in a profile",
    ),
    Touch(
        "torchao",
        "QuantizationAnnotation(_annotated), quantizer.quantizer.Q_ANNOTATION_KEY",
        ("quantize.quantizer",),
        "quantization: what the recipe annotates",
    ),
    Touch(
        "torchao",
        "quantization.pt2e.constant_fold",
        ("convert.executorch.lowering",),
        "weights of .pte and .onnx files stay float",
    ),
)
"""All of them."""


def is_checked(package: str) -> bool:
    """Tell whether all touches were seen to work in the installed version of a package."""
    return installed(package) in CHECKED[package]


def installed(package: str) -> str | None:
    """Return the public version of an installed package, None where there is none."""
    try:
        return metadata.version(package).partition("+")[0]
    except metadata.PackageNotFoundError:
        return None


def unchecked() -> list[str]:
    """Say for every installed package of another version all that has to be looked at."""
    lines = []
    for package, versions in CHECKED.items():
        found = installed(package)
        if found is None or found in versions:
            continue
        parts = "; ".join(
            f"{it.part} ({', '.join(it.where)}: {it.breaks})"
            for it in TOUCHES
            if it.package == package
        )
        lines.append(
            f"{package} {found} is installed, what this project touches in it was seen in "
            f"{', '.join(versions)}; look at {parts}; then add the version to "
            "convert.upstream.CHECKED"
        )
    return lines


def interpreter_operations(interpreter: Any) -> list[dict[str, Any]]:
    """List the operations of a LiteRT interpreter with allocated tensors.

    Returns:
        ``index``, ``op_name``, ``inputs`` and ``outputs`` of each; behind the file's own a DELEGATE
        for every piece of the graph that a delegate took.
    """
    found: list[dict[str, Any]] = interpreter._get_ops_details()
    return found


def read_program(content: bytes) -> Any:
    """Read a ``.pte`` as ExecuTorch's ``PTEFile``.

    Raises:
        subprocess.CalledProcessError: if its flatbuffer is damaged.
    """
    from executorch.exir._serialize._program import deserialize_pte_binary

    return deserialize_pte_binary(content)


def write_program(file: Any) -> bytes:
    """Serialize a ``PTEFile``."""
    from executorch.exir._serialize._program import serialize_pte_binary

    return bytes(serialize_pte_binary(file, extract_delegate_segments=True))


def decode_delegate(flatbuffer: bytes) -> dict[str, Any]:
    """Decode an XNNPACK delegate's flatbuffer to plain values, by ExecuTorch's own schema and tool.

    Floats are the integers of their bits: the tool prints floats with six decimals, which a scale
    does not survive.
    """
    from executorch.exir._serialize._flatbuffer import _flatc_decompile

    with tempfile.TemporaryDirectory() as name:
        folder, schema = Path(name), _delegate_schema(Path(name))
        (folder / "graph.bin").write_bytes(flatbuffer)
        _flatc_decompile(str(folder), schema, str(folder / "graph.bin"), ["--raw-binary"])
        decoded: dict[str, Any] = json.loads((folder / "graph.json").read_bytes())
    return decoded


def encode_delegate(graph: dict[str, Any]) -> bytes:
    """Encode what :func:`decode_delegate` gives."""
    from executorch.exir._serialize._flatbuffer import _flatc_compile

    with tempfile.TemporaryDirectory() as name:
        folder, schema = Path(name), _delegate_schema(Path(name))
        (folder / "graph.json").write_text(json.dumps(graph), encoding="utf-8")
        _flatc_compile(str(folder), schema, str(folder / "graph.json"))
        return (folder / "graph.bin").read_bytes()


def _delegate_schema(folder: Path) -> str:
    """Write the schema of delegates, its floats called integers, into a folder; return its path."""
    from importlib import resources

    from executorch.backends.xnnpack import serialization

    schema = resources.files(serialization).joinpath("schema.fbs").read_text(encoding="utf-8")
    path = folder / "schema.fbs"
    path.write_text(re.sub(r":\s*(\[?)float(\]?)\s*;", r":\1uint\2;", schema), encoding="utf-8")
    return str(path)
