"""Every private part of a library that this project touches, and the functions that do.

Libraries promise nothing of these parts, so each stands here with the versions that it was seen
in and what ends when it moves. Tests compare the versions with those installed, look for every
name in the installed files, and find touches that are not listed.
"""

from __future__ import annotations

import dataclasses
import json
import platform
import re
import tempfile
from pathlib import Path
from typing import Any

from common.installed import installed_version


@dataclasses.dataclass(frozen=True)
class Touch:
    """Private parts of a library that are touched together.

    Args:
        package: the library's distribution; ``python`` for Python's own modules.
        names: the parts, as ``module:name`` or ``module:Class.name``; of a compiled library its
            path from where packages lie, and a symbol.
        where: modules of this project that touch them.
        breaks: consequence when they are gone or others.
    """

    package: str
    names: tuple[str, ...]
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
    "python": ("3.11", "3.12", "3.13"),
    "torch": ("2.13.0",),
    "torchao": ("0.18.0",),
}
"""The versions of each package that all its touches were seen to work in."""

_HERE = "convert.upstream"
_LITERT = "ai_edge_litert/libLiteRt.so"
_PASSES = "executorch.backends.xnnpack._passes"
_EXECUTORCH = "executorch/extension/pybindings/_portable_lib*.so"

TOUCHES = (
    Touch(
        "ai-edge-litert",
        ("ai_edge_litert.interpreter:Interpreter._get_ops_details",),
        (_HERE,),
        "which operations a delegate takes: delegation in manifests, profiles by operation",
    ),
    Touch(
        "ai-edge-litert",
        (
            "ai_edge_litert.schema_py_generated:ModelT",
            "ai_edge_litert.tools.flatbuffer_utils:read_model_from_bytearray",
            "ai_edge_litert.tools.flatbuffer_utils:convert_object_to_bytearray",
        ),
        ("convert.tflite.flatbuffer",),
        "reading and rewriting of every .tflite: its interface, metadata, padding, inspection",
    ),
    Touch(
        "ai-edge-litert",
        (
            f"{_LITERT}:LiteRtCreateOpaqueOptions",
            f"{_LITERT}:LiteRtAddOpaqueOptions",
            f"{_LITERT}:LiteRtCreateCompiledModel",
            f"{_LITERT}:LiteRtCompiledModelGetProfiler",
            f"{_LITERT}:LiteRtGetRankedTensorType",
            f"{_LITERT}:LiteRtCreateManagedTensorBufferFromRequirements",
            f"{_LITERT}:LiteRtRunCompiledModel",
            f"{_LITERT}:LiteRtGetProfilerEvents",
        ),
        ("benchmarks.profiling.litert",),
        "times of a .tflite by operation; layouts of its structures are of litert/c as well",
    ),
    Touch(
        "ai-edge-quantizer",
        (
            "ai_edge_quantizer.algorithm_manager:AlgorithmName.FLOAT_CASTING",
            "ai_edge_quantizer.qtyping:OpQuantizationConfig.explicit_dequantize",
        ),
        ("convert.tflite.weight_quantization",),
        ".tflite files in fp16 and dynamic",
    ),
    Touch(
        "efficientnet-lite-pytorch",
        (
            "efficientnet_lite_pytorch.model:EfficientNet._swish",
            "efficientnet_lite_pytorch.model:EfficientNet._bn0",
            "efficientnet_lite_pytorch.model:EfficientNet._conv_stem",
            "efficientnet_lite_pytorch.model:EfficientNet._blocks",
            "efficientnet_lite_pytorch.model:MBConvBlock._swish",
        ),
        ("samnet.training.imagenet_teacher",),
        "features of the ImageNet teacher",
    ),
    Touch(
        "executorch",
        (
            "executorch.exir._serialize._program:serialize_pte_binary",
            "executorch.exir._serialize._program:deserialize_pte_binary",
            "executorch.exir._serialize._flatbuffer:_flatc_compile",
            "executorch.exir._serialize._flatbuffer:_flatc_decompile",
        ),
        (_HERE,),
        "reading a .pte back: its scales, intermediates, inspection, profile",
    ),
    Touch(
        "executorch",
        (
            "executorch.backends.xnnpack.serialization.xnnpack_graph_serialize:"
            "XNNHeader.constant_data_offset",
            "executorch/backends/xnnpack/serialization/schema.fbs:scale_buffer_idx",
        ),
        ("convert.executorch.delegate", _HERE),
        "the same, inside the delegate; its node names stand in convert.graphs.kinds",
    ),
    Touch(
        "executorch",
        (
            "executorch.backends.xnnpack.xnnpack_preprocess:XNNPACKPassManager",
            f"{_PASSES}:XNNPACKPassManager",
            f"{_PASSES}.channels_last_tagged_reshape_pass:ChannelsLastTaggedReshapePass",
            f"{_PASSES}.fuse_activation_pass:FuseActivationPass",
            f"{_PASSES}.remove_redundant_copy_pass:RemoveRedundantCopyPass",
        ),
        ("convert.executorch.fast_lowering",),
        "nothing but time: lowering takes minutes",
    ),
    Touch(
        "executorch",
        (
            "executorch.exir.capture._config:EdgeCompileConfig._check_ir_validity",
            "executorch.exir.capture._config:EdgeCompileConfig._skip_dim_order",
        ),
        ("convert.executorch.lowering",),
        "conversions of bytes at the ends of a .pte become four times as slow",
    ),
    Touch(
        "executorch",
        (
            "executorch.backends.xnnpack.quantizer.xnnpack_quantizer:"
            "XNNPACKQuantizer.SUPPORTED_PATTERNS",
            "executorch.backends.xnnpack.quantizer.xnnpack_quantizer:"
            "XNNPACKQuantizer.transform_for_annotation",
        ),
        ("quantize.quantizer",),
        "quantization: what the recipe annotates",
    ),
    Touch(
        "executorch",
        (
            "executorch.extension.pybindings.portable_lib:_unsafe_reset_threadpool",
            "executorch.extension.pybindings.portable_lib:_threadpool_get_thread_count",
        ),
        ("edge_apps.backends.pte",),
        "the number of threads that a .pte runs with",
    ),
    Touch(
        "executorch",
        (
            f"{_EXECUTORCH}:xnn_create_runtime_v4",
            f"{_EXECUTORCH}:xnn_delete_runtime",
            f"{_EXECUTORCH}:xnn_get_runtime_profiling_info",
        ),
        ("benchmarks.profiling.executorch",),
        "times of a .pte by operation, for which XNNPACK within the bindings is called by ctypes",
    ),
    Touch(
        "litert-torch",
        (
            "litert_torch.quantize.pt2e_quantizer:PT2EQuantizer.set_global",
            "litert_torch.quantize.pt2e_quantizer:get_symmetric_quantization_config",
            "litert_torch.quantize.quant_config:QuantConfig.pt2e_quantizer",
        ),
        ("convert.tflite.litert",),
        "int8 and int16 .tflite files: that quantization in a graph becomes integer arithmetic",
    ),
    Touch(
        "numpy",
        ("numpy._core._multiarray_umath:__cpu_features__",),
        ("common.processor",),
        "a masked or emulated processor is believed to have what /proc/cpuinfo lists; NumPy 1 "
        "has it as numpy.core._multiarray_umath",
    ),
    Touch(
        "onnx2tf",
        (
            "onnx2tf.onnx2tf:download_test_image_data",
            "onnx2tf.ops.Resize:make_node",
        ),
        ("convert.tflite.onnx2tf_process",),
        "the onnx2tf engine: it would fetch photos, and resize without aligned corners",
    ),
    Touch(
        "python",
        ("argparse:HelpFormatter._format_action_invocation",),
        ("common.cli",),
        "help that shows a positional argument and its option as one",
    ),
    Touch(
        "torch",
        (
            "torch.fx.traceback:NodeSource.__init__",
            "torch.export.exported_program:ExportedProgram.run_decompositions",
        ),
        ("convert.executorch.fast_lowering",),
        "nothing but time: lowering takes minutes",
    ),
    Touch(
        "torch",
        ("torch.serialization:load", "pickle:loads", "torch._C:_pickle_load_obj"),
        ("quantize.program_archive",),
        "a .pt2 might run code when it is read: torch reads it through these, here replaced",
    ),
    Touch(
        "torch",
        ("torch.utils._python_dispatch:TorchDispatchMode",),
        ("benchmarks.profiling.torch_modules",),
        "the torch module of each operation in a profile",
    ),
    Touch(
        "torch",
        ("torch.utils._pytree:LeafSpec",),
        ("common.quiet_libraries",),
        "a command begins with notices of that module on standard error",
    ),
    Touch(
        "torchao",
        (
            "torchao.quantization.pt2e.quantizer.quantizer:QuantizationAnnotation._annotated",
            "torchao.quantization.pt2e.quantizer.quantizer:Q_ANNOTATION_KEY",
        ),
        ("quantize.quantizer",),
        "quantization: what the recipe annotates",
    ),
    Touch(
        "torchao",
        ("torchao.quantization.pt2e.observer:UniformQuantizationObserverBase._calculate_qparams",),
        ("quantize.observers",),
        "scales of the percentile and mse observers",
    ),
    Touch(
        "torchao",
        ("torchao.quantization.pt2e.constant_fold:constant_fold",),
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
    if package == "python":
        return ".".join(platform.python_version_tuple()[:2])
    version = installed_version(package)
    return None if version is None else version.partition("+")[0]


def unchecked() -> list[str]:
    """Say for every installed package of another version all that has to be looked at."""
    lines = []
    for package, versions in CHECKED.items():
        found = installed(package)
        if found is None or found in versions:
            continue
        parts = "; ".join(
            f"{', '.join(it.names)} ({', '.join(it.where)}: {it.breaks})"
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
