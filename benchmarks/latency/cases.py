"""Turns names and files on the command line into the cases that are timed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from benchmarks.latency.artifact_cache import ArtifactCache, NotMadeError
from benchmarks.latency.case import ENGINES, LatencyCase, Precision
from benchmarks.latency.openvino_int8 import is_int8
from benchmarks.peers.fetch import fetch
from benchmarks.peers.table import PEERS
from common.errors import InputError, SamnetError
from common.suggestions import suggestion
from edge_apps.formats import FORMATS
from edge_apps.manifest import manifest_path, read_manifest

TORCH = ("torch", "torch-compiled", "cuda", "cuda-compiled")

PRECISIONS: dict[str, tuple[Precision, ...]] = {
    **dict.fromkeys(TORCH, ("fp32",)),
    "litert": ("fp32", "int8"),
    "executorch": ("fp32", "int8"),
    "onnxruntime": ("fp32", "int8"),
    "openvino": ("fp32", "bf16", "int8"),
}

SUFFIXES = {**{known.engine: suffix for suffix, known in FORMATS.items()}, "openvino": ".onnx"}
"""What the engines open that do not open checkpoints."""


def available(cpu_features: Sequence[str]) -> tuple[tuple[str, ...], tuple[Precision, ...]]:
    """List the engines and precisions that this machine has: a GPU's too, and bfloat16."""
    import torch

    gpu = torch.cuda.is_available()
    engines = tuple(it for it in ENGINES if gpu or not it.startswith("cuda"))
    precisions: list[Precision] = ["fp32", "int8"]
    if "avx512_bf16" in cpu_features:
        precisions.insert(1, "bf16")
    return engines, tuple(precisions)


def split_engines(model: str) -> tuple[str, tuple[str, ...]]:
    """Split ``NAME@ENGINE,ENGINE`` into the name and its engines, none where it names none.

    Raises:
        InputError: for an unknown engine; the nearest one is suggested.
    """
    name, at, listed = model.rpartition("@")
    if not at or Path(model).exists():
        return model, ()
    engines = tuple(listed.split(","))
    for engine in engines:
        if engine not in ENGINES:
            hint = suggestion(engine, ENGINES)
            raise InputError(f"{model}: no engine is called {engine!r}; {hint}")
    return name, engines


@dataclasses.dataclass(frozen=True)
class CaseList:
    """Which forms of networks are wanted.

    Args:
        engines: keys of :data:`benchmarks.latency.case.ENGINES`.
        precisions: of their arithmetic.
        sizes: heights and widths at which checkpoints and networks by name run, in pixels.
        threads: how many an engine may use, each number a case of its own.
        cache: makes what is not there yet; what it may not make is left out.
        peers: folder of the networks of others.
    """

    engines: Sequence[str]
    precisions: Sequence[Precision]
    sizes: Sequence[int]
    threads: Sequence[int]
    artifact_cache: ArtifactCache
    peers: Path

    def cases(self, models: Sequence[str]) -> list[LatencyCase]:
        """List all forms of all models; what cannot be made is a case with a failure.

        Args:
            models: names of networks, of peers, or files; behind an @ the engines of that one.

        Raises:
            InputError: for a name or file that does not exist, or if nothing is left to time.
        """
        named = [split_engines(model) for model in models]
        kinds = [self._kind(model) for model, _ in named]
        found = [
            dataclasses.replace(it, threads=threads)
            for (model, engines), kind in zip(named, kinds, strict=True)
            for it in self._with(engines)._forms(model, kind)
            for threads in self.threads
        ]
        if not found:
            raise InputError(
                f"none of {', '.join(models)} has a form with the engines "
                f"{', '.join(self.engines)} in {', '.join(self.precisions)}"
            )
        return found

    def _with(self, engines: Sequence[str]) -> CaseList:
        """Leave some engines, in the order of all; every one where none is named."""
        chosen = [it for it in self.engines if it in engines or not engines]
        return dataclasses.replace(self, engines=chosen)

    def _kind(self, model: str) -> Literal["peer", "file", "name"]:
        """Tell what a model is; checked before minutes go into another one."""
        from samnet.networks.registry import CONFIGS

        if model in PEERS:
            return "peer"
        if model in CONFIGS:
            return "name"
        path = Path(model)
        known = (".safetensors", ".xml", *SUFFIXES.values())
        if path.suffix in known:
            if not path.is_file():
                raise InputError(f"{path}: no such file; give a network's file or its name")
            return "file"
        hint = suggestion(model, [*CONFIGS, *PEERS])
        raise InputError(f"{model!r} is no file of {', '.join(known)} and no network; {hint}")

    def _forms(self, model: str, kind: Literal["peer", "file", "name"]) -> Iterator[LatencyCase]:
        if kind == "name":
            try:
                path, remark = self.artifact_cache.checkpoint(model)
            except NotMadeError:
                return
            except SamnetError as error:
                for engine in self.engines[:1]:
                    yield LatencyCase(model, engine, "fp32", "", None, 1, failure=str(error))
                return
            yield from self._of_checkpoint(model, path, remark)
        elif kind == "peer":
            yield from self._of_peer(model)
        elif Path(model).suffix == ".safetensors":
            yield from self._of_checkpoint(Path(model).stem, Path(model), "")
        else:
            yield from self._of_file(Path(model))

    def _of_checkpoint(self, name: str, path: Path, remark: str) -> Iterator[LatencyCase]:
        for size in self.sizes:
            for engine in self.engines:
                for precision in PRECISIONS[engine]:
                    if precision not in self.precisions:
                        continue
                    form = LatencyCase(name, engine, precision, str(path), size, 1, remark)
                    try:
                        yield form if engine in TORCH else self._made(form, path, size)
                    except NotMadeError:
                        continue

    def _made(self, form: LatencyCase, source: Path, size: int) -> LatencyCase:
        """Make a case with the file that its engine opens in place of the checkpoint.

        Raises:
            NotMadeError: if there is no such file, and none may be made.
        """
        make, suffix = self.artifact_cache.artifact, SUFFIXES[form.engine]
        try:
            if form.engine == "openvino":
                path = make(source, size, "fp32", suffix)
                path = self.artifact_cache.openvino(path) if form.precision == "int8" else path
            else:
                path = make(source, size, "int8" if form.precision == "int8" else "fp32", suffix)
        except NotMadeError:
            raise
        except SamnetError as error:
            return dataclasses.replace(form, file="", failure=str(error))
        return dataclasses.replace(form, file=str(path))

    def _of_peer(self, name: str) -> Iterator[LatencyCase]:
        peer = PEERS[name]
        for suffix in peer.suffixes:
            for engine, precision in self._opening(suffix):
                # NNCF makes int8 of float networks.
                quantized = (engine, precision, peer.precision) == ("openvino", "int8", "fp32")
                if not quantized and (precision == "int8") != (peer.precision == "int8"):
                    continue
                form = LatencyCase(name, engine, precision, "", None, 1, peer.about)
                try:
                    path = fetch(name, self.peers, suffix)
                    path = self.artifact_cache.openvino(path) if quantized else path
                    yield dataclasses.replace(form, file=str(path))
                except NotMadeError:
                    continue
                except SamnetError as error:
                    yield dataclasses.replace(form, failure=str(error))

    def _of_file(self, path: Path) -> Iterator[LatencyCase]:
        if path.suffix == ".xml":
            int8 = is_int8(path)
        elif manifest_path(path).exists():
            int8 = read_manifest(path).precision == "int8"
        else:
            int8 = "int8" in path.stem
        for engine, precision in self._opening(path.suffix):
            if (precision == "int8") == int8:
                yield LatencyCase(path.stem, engine, precision, str(path), None, 1)

    def _opening(self, suffix: str) -> Iterator[tuple[str, Precision]]:
        for engine in self.engines:
            if SUFFIXES.get(engine) == suffix or (engine, suffix) == ("openvino", ".xml"):
                for precision in PRECISIONS[engine]:
                    if precision in self.precisions:
                        yield engine, precision
