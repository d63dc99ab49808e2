"""Engines that are timed: this project's runtimes and those of others."""

from __future__ import annotations

import dataclasses
import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.latency.case import LatencyCase
from benchmarks.latency.input_feeder import feeder
from benchmarks.peers.interface import Interface, Quantization
from benchmarks.peers.table import PEERS
from common.errors import InputError, MissingPackageError
from common.images.photos import Bytes

TORCH = ("torch", "samnet")

MODULES = {
    **dict.fromkeys(("torch", "torch-compiled", "cuda", "cuda-compiled"), TORCH),
    "executorch": ("torch", "executorch.extension.pybindings.portable_lib"),
    "onnxruntime": ("onnxruntime",),
    "openvino": ("openvino",),
}
"""What each engine imports, beside LiteRT, whose runtime goes by several names."""


@dataclasses.dataclass(frozen=True)
class Opened:
    """A network that is ready to run.

    Args:
        run: one inference, photo (H, W, 3) uint8 in, whatever the network gives out.
        size: H and W.
        quantization: of what it gives out; None where that is values, or not known.
    """

    run: Callable[[Bytes], object]
    size: tuple[int, int]
    quantization: Quantization | None = None


def preload(engine: str) -> None:
    """Import what an engine needs, so that opening a network costs no import.

    Raises:
        InputError: if it is not installed.
    """
    if engine == "litert":
        from edge_apps.backends.tflite import interpreter_class

        interpreter_class()
        return
    if engine == "openvino":
        quiet_openvino()
    try:
        for module in MODULES[engine]:
            importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            f"{error.name} is not installed; pip install {error.name}"
        ) from error


def open_latency_case(latency_case: LatencyCase) -> Opened:
    """Open a case's file with its engine.

    Raises:
        InputError: if it cannot be opened, or not with as many threads or in that precision.
    """
    path, threads = Path(latency_case.file), latency_case.threads
    peer = PEERS.get(latency_case.network)
    interface = peer.interface if peer else None
    if latency_case.engine == "litert":
        return _litert(path, threads, interface)
    if latency_case.engine == "executorch":
        from edge_apps.backends.pte import open_pte

        backend = open_pte(path, threads)
        return Opened(backend.run, (backend.size, backend.size))
    if latency_case.engine == "onnxruntime":
        return _onnxruntime(path, threads, interface)
    if latency_case.engine == "openvino":
        return _openvino(path, threads, latency_case.precision, interface)
    return _torch(path, threads, latency_case.size, latency_case.engine)


def quiet_openvino() -> None:
    """Keep OpenVINO and NNCF from reporting that they are used, which they do outside of CI."""
    os.environ.setdefault("CI", "true")


def _torch(path: Path, threads: int, size: int | None, engine: str) -> Opened:
    import torch

    from samnet.checkpoints.checkpoint import load_checkpoint
    from samnet.networks.deployed import ByteInterface, DeployedNetwork, deployed_size

    torch.set_num_threads(threads)
    device = "cuda" if engine.startswith("cuda") else "cpu"
    checkpoint = load_checkpoint(path)
    size = deployed_size(size, checkpoint.preprocessing)
    deployed = DeployedNetwork(checkpoint.model, size)
    network: Any = ByteInterface(deployed, checkpoint.preprocessing).eval().to(device)
    if engine.endswith("compiled"):
        network = torch.compile(network)

    def run(photo: Bytes) -> object:
        with torch.inference_mode():
            # Fetching the map waits for a GPU.
            return network(torch.from_numpy(photo)[None].to(device)).cpu().numpy()

    return Opened(run, (deployed.size, deployed.size))


def _litert(path: Path, threads: int, interface: Interface | None) -> Opened:
    from edge_apps.backends.tflite import interpreter_class

    try:
        interpreter = interpreter_class()(model_path=str(path), num_threads=threads)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise InputError(f"{path}: {_reason(error)}") from error
    (given,) = interpreter.get_input_details()
    details = interpreter.get_output_details()[interface.output if interface else 0]
    output, kind = details["index"], given["dtype"].__name__
    shape = [int(side) for side in given["shape"]]
    feed, size = feeder(str(path), shape, kind, interface, _quantization(given))

    def run(photo: Bytes) -> object:
        interpreter.set_tensor(given["index"], feed(photo))
        interpreter.invoke()
        return interpreter.get_tensor(output)

    return Opened(run, size, _quantization(details))


def _quantization(details: dict[str, Any]) -> Quantization | None:
    scale, zero_point = details["quantization"]
    return Quantization(float(scale), int(zero_point)) if scale else None


def _onnxruntime(path: Path, threads: int, interface: Interface | None) -> Opened:
    import onnxruntime

    from edge_apps.backends.onnx import session_options

    try:
        session = onnxruntime.InferenceSession(
            path.read_bytes(), session_options(threads), providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's own kinds of error share no other base
        raise InputError(f"{path}: {_reason(error)}") from error
    (given,) = session.get_inputs()
    kind = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}.get(given.type, given.type)
    feed, size = feeder(str(path), given.shape, kind, interface)
    outputs = [session.get_outputs()[interface.output if interface else 0].name]

    def run(photo: Bytes) -> object:
        return session.run(outputs, {given.name: feed(photo)})[0]

    return Opened(run, size)


def _openvino(
    path: Path, threads: int, precision: str, interface: Interface | None = None
) -> Opened:
    import openvino

    core = openvino.Core()
    settings: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": "1",
        "INFERENCE_NUM_THREADS": threads,
        # The process is pinned already.
        "ENABLE_CPU_PINNING": False,
    }
    if precision != "int8":
        # Left to itself it computes in bfloat16 wherever the CPU can.
        settings["INFERENCE_PRECISION_HINT"] = "f32" if precision == "fp32" else precision
    try:
        compiled = core.compile_model(core.read_model(path), "CPU", settings)
    except RuntimeError as error:
        raise InputError(f"{path}: {_reason(error)}") from error
    if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise InputError("this CPU does not compute in bfloat16")
    given = compiled.input(0)
    kind = given.element_type.to_dtype().name
    feed, size = feeder(str(path), list(given.shape), kind, interface)
    request = compiled.create_infer_request()

    def run(photo: Bytes) -> object:
        request.infer([feed(photo)])
        return request.get_output_tensor(interface.output if interface else 0).data.copy()

    return Opened(run, size)


def _reason(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
