"""Forms of a network that are timed: file format, how the file is made, what runs it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.demo.comparison import Candidate
from convert.contract import forms

SECONDS = {
    (".tflite", "fp32"): 43,
    (".tflite", "int8"): 156,
    (".pte", "fp32"): 36,
    (".pte", "int8"): 82,
}
"""What converting to each form took on one busy core."""

FORMS = tuple(
    next(it for it in forms.FORMS if (it.suffix, it.precision) == wanted) for wanted in SECONDS
)
"""What is compared."""


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
