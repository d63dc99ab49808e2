"""``python -m samnet.predict PHOTOS --model FILE --output DIR``: saliency maps of photos.

Started by ``torchrun -m`` or ``accelerate launch -m``, the processes share the photos.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import tyro

from common.dataclass_cli import run_command
from common.errors import InputError
from common.images.input_file import name_of
from common.images.photo_files import find_photos
from common.images.photos import cutout, overlay, read_photo, write_image
from common.output_paths import check_targets
from common.progress_bar import progress
from edge_apps.maps.refinement import refinement_of
from samnet.evaluation.multi_process import gather_texts, share, wait
from samnet.evaluation.predictor import load_predictor
from samnet.training.distributed import join_processes, leave_processes


@dataclasses.dataclass(frozen=True)
class Options:
    """What to predict."""

    photos: tyro.conf.Positional[tuple[Path, ...]]
    """Photos, or folders of photos."""

    model: Path
    """A checkpoint (.safetensors) or an artifact (.tflite, .pte)."""

    output: Path
    """Folder for the maps: 8-bit PNG under the photo's stem, at the photo's size."""

    overlay: bool = False
    """Write STEM_overlay.png as well: the photo with what is salient tinted."""

    cutout: bool = False
    """Write STEM_cutout.png as well: the photo with the map as its opacity."""

    overwrite: bool = False
    """Replace files that exist."""

    size: int | None = None
    """Pixels at which a checkpoint runs; its own by default."""

    flip: bool = False
    """Average with the map of the mirror image, at twice the time."""

    threads: int | None = None
    """Threads that the network may use."""

    megapixels: float | None = None
    """Larger photos are read in reduced form, or refused; 180 by default."""

    refine: bool = True
    """Have maps follow the photos' edges; otherwise they are enlarged alone."""


def plan(photos: Sequence[Path], options: Options) -> list[dict[str, Path]]:
    """The files to write for each photo, by kind: ``map``, ``overlay``, ``cutout``.

    Raises:
        InputError: if two results would have one name, one would replace a photo, or one exists.
    """
    kinds = {"map": ""}
    if options.overlay:
        kinds["overlay"] = "_overlay"
    if options.cutout:
        kinds["cutout"] = "_cutout"
    targets = [
        {kind: options.output / f"{name_of(photo)}{end}.png" for kind, end in kinds.items()}
        for photo in photos
    ]
    pairs = (
        (photo, path)
        for photo, target in zip(photos, targets, strict=True)
        for path in target.values()
    )
    check_targets(pairs, kind="photo", overwrite=options.overwrite)
    return targets


def main(options: Options) -> None:
    """Predicts and writes the maps; a photo that cannot be read does not stop the others.

    Raises:
        InputError: for wrong input, and at the end if some photos could not be read.
    """
    photos = find_photos(options.photos)
    targets = plan(photos, options)
    processes = join_processes()
    try:
        wait(processes)  # all have looked for files in the way before the first one writes any
        jobs = share(list(zip(photos, targets, strict=True)), processes)
        failures = gather_texts(predict_photos(jobs, options, show=processes.first), processes)
    finally:
        leave_processes()
    if not processes.first:
        return
    print(f"{len(photos) - len(failures)} of {len(photos)} photos: maps in {options.output}")
    if failures:
        raise InputError(f"{len(failures)} of {len(photos)} photos failed: {'; '.join(failures)}")


def predict_photos(
    jobs: Sequence[tuple[Path, dict[str, Path]]], options: Options, *, show: bool
) -> list[str]:
    """Writes the maps of photos.

    Args:
        jobs: photos with the files to write, by kind.
        options: the model, and which kinds to write.
        show: whether to show the progress.

    Returns:
        Why photos could not be read.

    Raises:
        InputError: if the model cannot be used or a map cannot be written.
    """
    predict = load_predictor(
        options.model,
        options.threads,
        options.size,
        flip=options.flip,
        refine=refinement_of(options.refine),
    )
    failures = []
    for path, target in progress(jobs, len(jobs), "predicting") if show else jobs:
        try:
            photo = read_photo(path, options.megapixels)
        except InputError as error:
            failures.append(str(error))
            continue
        saliency_map = predict(photo)
        images = {"map": saliency_map}
        if options.overlay:
            images["overlay"] = overlay(photo, saliency_map)
        if options.cutout:
            images["cutout"] = cutout(photo, saliency_map)
        for kind, image in images.items():
            write_image(target[kind], image, overwrite=options.overwrite)
    return failures


if __name__ == "__main__":
    run_command(Options, main, "Predicts saliency maps of photos.")
