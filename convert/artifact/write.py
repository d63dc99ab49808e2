"""Writes an artifact of any format: converted, loaded, run and compared before it gets its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, cast

from common.errors import InputError
from common.files import replacing, sha256
from common.garbage_collection import paused_collection
from common.images.photos import Bytes, resize_photo
from convert.checks.context import Context, Figures, Trial
from convert.checks.maps import Parity
from convert.checks.scales import describe_scales
from convert.checks.suite import Integers, run_checks
from convert.contract.engine import Content, Format
from convert.contract.forms import Engine, Form, choose
from convert.contract.source import Source, kind_of_source, open_source
from convert.tflite.interface import Tensors
from edge_apps.backends.float_io import Floats
from edge_apps.manifest import (
    Manifest,
    Precision,
    Quantization,
    manifest_path,
    write_manifest,
)

if TYPE_CHECKING:
    from convert.checks.accuracy import Accuracy


@dataclasses.dataclass(frozen=True)
class Converted:
    """An artifact that passed its checks.

    Args:
        path: the artifact; its manifest stands beside it.
        manifest: what the manifest says.
        found: figures of the checks, by their names.
    """

    path: Path
    manifest: Manifest
    found: Mapping[str, Figures]

    @property
    def parity(self) -> Parity:
        """Maps against those of the source in torch."""
        return cast(Parity, self.found["maps"])

    @property
    def integers(self) -> Parity | None:
        """Those of an int8 artifact against its program in the runtime's own integers."""
        found = self.found.get("integers")
        return found.parity if isinstance(found, Integers) else None

    @property
    def accuracy(self) -> Accuracy | None:
        """On photos with masks, if there were any."""
        return cast("Accuracy | None", self.found.get("accuracy"))


def write_artifact(
    kind: Format,
    source: str | Path | Source,
    output: str | Path,
    *,
    precision: Precision | None = None,
    engine: Engine | None = None,
    tensors: Tensors = "bytes",
    photos: Sequence[tuple[str, Bytes]] = (),
    calibration: Sequence[Bytes] = (),
    trial: Trial | None = None,
    size: int | None = None,
    output_stride: int | None = None,
    require_delegated: float | None = None,
    overwrite: bool = False,
    allow_scales: bool = False,
) -> Converted:
    """Convert a checkpoint or a quantized program.

    Args:
        kind: the format.
        source: a ``.safetensors`` checkpoint or a ``.pt2`` program; an opened one shares what
            engines make on the way.
        output: the file to write.
        precision: one that the source leads to; the first of these by default.
        engine: one that the format has; the preferred one by default.
        tensors: what goes in and comes out, bytes or float32.
        photos: names and photos (H, W, 3) uint8 for the checks; the embedded ones by default.
        calibration: photos for an engine that finds int8 scales by itself.
        trial: photos with masks that accuracy is measured on.
        size: height and width in pixels; the source's own by default.
        output_stride: of the map; that of a checkpoint's decoder, or the program's own, by default.
        require_delegated: share of the multiply-adds that must run on the fast path, 0 to 1.
        overwrite: whether existing files may be replaced.
        allow_scales: whether scales may differ from the program's.

    Raises:
        InputError: if the source cannot be used, the output not be written, or a check fails;
            then nothing is written.
    """
    output = Path(output)
    if output.suffix != kind.suffix:
        raise InputError(f"{output}: expected a name that ends in {kind.suffix}")
    if manifest_path(output).exists() and not overwrite:
        raise InputError(f"{manifest_path(output)}: already exists; pass --overwrite")
    if require_delegated is not None and not 0 <= require_delegated <= 1:
        raise InputError(f"--require-delegated is {require_delegated}, expected a share, 0 to 1")
    path = source.path if isinstance(source, Source) else Path(source)
    kind_of_source(path)
    with replacing(output, overwrite=overwrite) as temporary:
        opened = source
        if not isinstance(opened, Source):
            choose(kind.suffix, path.suffix, precision, engine)
            opened = open_source(path, size, output_stride)
        form = _form(kind, opened, precision, engine)
        opened = kind.fit(opened)
        if calibration:
            opened = dataclasses.replace(opened, calibration=calibration)
        with paused_collection():
            content = kind.make(opened, form, tensors)
        temporary.write_bytes(content.file)
        side = (opened.size, opened.size)
        resized = [(name, resize_photo(photo, side)) for name, photo in photos or embedded()]
        floats = _floats(content, opened)
        backend = kind.open(temporary, 1, floats) if floats else kind.open(temporary, 1)
        context = Context(
            *(kind, form, opened, content, temporary, backend, resized),
            floats=floats,
            allow_scales=allow_scales,
            require_delegated=require_delegated,
            trial=trial,
        )
        figures = {name: found.figures() for name, found in run_checks(context).items()}
        maps, accuracy = figures.pop("maps"), figures.pop("accuracy", None)
        manifest = Manifest(
            sha256=sha256(temporary),
            source=opened.path.name,
            source_sha256=opened.checkpoint_sha256,
            config=opened.config,
            engine=form.engine if form.engine != "litert" else "litert-torch",
            versions={name: metadata.version(name) for name in kind.packages[form.engine]},
            precision=form.precision,
            size=opened.size,
            quantization=_quantization(form, opened),
            input=content.input,
            output=content.output,
            parity={"int8" if opened.is_program else "float": maps, **figures},
            delegation=content.delegation,
            accuracy={trial.data.name: accuracy} if trial and accuracy else {},
        )
        write_manifest(output, manifest, overwrite=overwrite)
    return Converted(output, manifest, context.found)


def _form(kind: Format, source: Source, precision: Precision | None, engine: Engine | None) -> Form:
    """Return the form that is asked for, which a program's recipe must lead to."""
    leads = source.precision if source.is_program and precision is None else precision
    form = choose(kind.suffix, source.path.suffix, leads, engine)
    if not source.follows(form):
        assert source.quantization is not None
        raise InputError(
            f"{source.path}: was quantized with {source.quantization.scheme}, which leads to "
            f"{source.precision}, not {form.precision}; quantize the checkpoint with {form.scheme}"
        )
    return form


def _floats(content: Content, source: Source) -> Floats | None:
    if content.input.type == "uint8":
        return None
    return Floats(content.input.scale, content.input.zero_point, source.coding)


def _quantization(form: Form, source: Source) -> Quantization | None:
    """Describe how the numbers became integers; None where they are floats."""
    if source.quantization or not form.scheme:
        return source.quantization
    if not source.calibration:
        return Quantization(form.scheme, "ptq", "none", 0, "")
    from quantize.calibration import calibration_set

    photos = calibration_set(source.calibration, len(source.calibration), source.size)
    return Quantization(form.scheme, "ptq", "tensorflow-minmax", len(photos), photos.sha256)


def embedded() -> list[tuple[str, Bytes]]:
    """Return names and photos (H, W, 3) uint8 that artifacts are compared on by default."""
    from samnet.data.embedded import embedded_photos

    return [(item.name, item.photo) for item in embedded_photos()]


def describe(done: Converted) -> str:
    """Describe what came of a conversion, in a few lines."""
    manifest, took = done.manifest, done.manifest.delegation
    outside = ", ".join(f"{count} {name}" for name, count in took.outside.items()) or "none"
    share = f", {took.share:.2%} of the multiply-adds" if took.share is not None else ""
    size = done.path.stat().st_size / 2**20
    return "\n".join(
        [
            f"{done.path}: {size:.2f} MiB, {manifest.precision}, {manifest.engine}",
            *(f"  {parity}" for parity in (done.parity, done.integers) if parity),
            *(describe_scales(scales) if (scales := manifest.parity.get("scales")) else ()),
            *([f"  {done.accuracy}"] if done.accuracy else ()),
            f"  {took.inside} operations in {took.partitions} {took.delegate} "
            f"{'piece' if took.partitions == 1 else 'pieces'}{share}",
            f"  outside: {outside}",
            *(
                f"    {name}, {took.shares.get(name, 0):.2%}: {reason}"
                for name, reason in took.reasons.items()
            ),
        ]
    )
