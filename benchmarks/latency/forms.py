"""Forms of a network that are timed: file format, how the file is made, what runs it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from benchmarks.demo.comparison import Candidate


@dataclasses.dataclass(frozen=True)
class Form:
    """One form of a network.

    Args:
        runtime: what runs it.
        suffix: of its file.
        precision: of its arithmetic.
        usually: seconds that converting took on one busy core.
    """

    runtime: str
    suffix: str
    precision: Literal["fp32", "int8"]
    usually: float

    @property
    def label(self) -> str:
        """Names it in tables."""
        return f"{self.runtime} {self.precision}"

    def path(self, folder: Path, model: Path, size: int) -> Path:
        """Name the file of a checkpoint's artifact: ``NAME_SIZE_PRECISION.EXT``."""
        return folder / f"{model.stem}_{size}_{self.precision}{self.suffix}"

    def convert(self, source: Path, output: Path, size: int) -> None:
        """Convert a checkpoint (fp32) or a quantized program (int8); replace ``output``.

        Raises:
            InputError: if the artifact departs too far from its source.
        """
        if self.suffix == ".tflite":
            from convert.tflite.command import convert_tflite

            convert_tflite(source, output, size=size, overwrite=True)
        else:
            from convert.executorch.command import convert_executorch

            convert_executorch(source, output, size=size, overwrite=True)


FORMS = (
    Form("LiteRT", ".tflite", "fp32", 43),
    Form("LiteRT", ".tflite", "int8", 156),
    Form("ExecuTorch", ".pte", "fp32", 36),
    Form("ExecuTorch", ".pte", "int8", 82),
)


def candidates(model: Path, artifacts: Sequence[Path], size: int) -> list[Candidate]:
    """List the checkpoint, which is the reference, then its artifacts in the order of ``FORMS``.

    Raises:
        InputError: if a file cannot be loaded.
    """
    from samnet.evaluation.predictor import load_predictor

    reference = Candidate(
        label="PyTorch fp32",
        file=model.name,
        format=model.suffix,
        precision="fp32",
        megabytes=model.stat().st_size / 1e6,
        predict=load_predictor(model, size=size),
    )
    converted = [
        Candidate(
            label=form.label,
            file=path.name,
            format=form.suffix,
            precision=form.precision,
            megabytes=path.stat().st_size / 1e6,
            predict=load_predictor(path),
        )
        for form, path in zip(FORMS, artifacts, strict=True)
    ]
    return [reference, *converted]
