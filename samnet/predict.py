"""``samnet predict PHOTO…``: saliency maps of photos, by an artifact without torch.

Started by ``torchrun -m`` or ``accelerate launch -m``, the processes share the photos.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np

from common.arguments import POSITIONAL, Argument
from common.command import Command
from common.errors import InputError, SamnetError
from common.images.input_file import is_stream, name_of
from common.images.photo_files import SUFFIXES, find_photos
from common.images.photos import Bytes, cutout, overlay, read_photo, write_image
from common.input_notice import notice
from common.output_paths import check_targets
from common.progress import progress
from edge_apps.maps.compositing import Background, foreground
from edge_apps.maps.cropping import Shape, objects_in
from edge_apps.maps.objects import THRESHOLD, SalientObject
from edge_apps.maps.refinement import refinement_of
from edge_apps.program.answers import STANDARD_OUTPUT, Answers, answer
from edge_apps.shipped import default_model
from samnet.evaluation.predictor import load_predictor

KINDS = ("overlay", "cutout", "crop", "background")
"""Options of what is written beside maps."""

Job = tuple[Path, dict[str, Path]]
"""A photo, and the files to write by kind, such as ``map`` or ``cutout``."""


@dataclasses.dataclass(frozen=True)
class Options:
    """What to predict."""

    photos: Annotated[tuple[Path, ...], POSITIONAL]
    """Photos, or folders of photos."""

    model: Path | None = None
    """A checkpoint (.safetensors) or an artifact (.tflite, .pte); the best shipped one by
    default."""

    output: Annotated[Path | None, Argument(metavar="DIR")] = None
    """Folder for the maps: 8-bit PNG under the photo's stem, at the photo's size; or the .png of a
    single photo. By default a map is written beside its photo, as STEM_map.png, and those of a
    folder DIR to DIR_maps."""

    overlay: bool = False
    """Write STEM_overlay.png as well: the photo with what is salient tinted."""

    cutout: bool = False
    """Write STEM_cutout.png as well: the photo with the map as its opacity, and at the edges the
    colors of the object alone."""

    crop: str | None = None
    """Write STEM_crop.png as well: the photo cut around what is salient, with a margin, in the
    shape WIDTH:HEIGHT such as 1:1, 4:3 or 16:9, or box for any shape."""

    background: str | None = None
    """Write STEM_background.png as well: what is salient over a color (white, #20a0ff), a picture
    (scaled and cropped to cover), or its own background out of focus (blur)."""

    json: Annotated[str | None, Argument(metavar="FILE")] = None
    """File for a line of JSON for each photo, - for standard output: box, centroid, share of the
    area and confidence of what is salient."""

    objects: int = 1
    """Objects that a crop holds and a line tells of at most: those of the largest area times
    confidence."""

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
    """Name the files to write for each photo, by kind, such as ``map`` or ``cutout``.

    Raises:
        InputError: if two results would have one name, one would replace a photo, or one exists.
    """
    ends = {kind: f"_{kind}" for kind in KINDS if getattr(options, kind)}
    targets = []
    for photo in photos:
        base, end = _base(photo, len(photos), options)
        names = {"map": end, **ends}
        targets.append({kind: base.with_name(f"{base.name}{it}.png") for kind, it in names.items()})
    pairs = (
        (photo, path)
        for photo, target in zip(photos, targets, strict=True)
        for path in target.values()
    )
    check_targets(pairs, kind="photo", overwrite=options.overwrite)
    return targets


def _base(photo: Path, count: int, options: Options) -> tuple[Path, str]:
    """Name what the files of one photo among ``count`` begin with, and what its map adds to it."""
    name, output = name_of(photo), options.output
    if output is None:
        if is_stream(photo):
            return Path(name), "_map"
        if photo.parent in options.photos and photo not in options.photos:
            folder = photo.parent.resolve()
            return folder.with_name(f"{folder.name}_maps") / name, ""
        return photo.with_name(name), "_map"
    if output.suffix.lower() not in SUFFIXES or output.is_dir():
        return output / name, ""
    if output.suffix != ".png":
        raise InputError(f"--output {output}: maps are .png; name such a file, or a folder")
    if count > 1:
        raise InputError(f"--output {output}: one file for {count} photos; name a folder")
    return output.with_suffix(""), ""


def main(options: Options) -> None:
    """Predict and write the maps; a photo that cannot be read does not stop the others.

    Raises:
        InputError: for wrong input, and at the end if some photos could not be read.
    """
    photos = find_photos(options.photos)
    targets = plan(photos, options)
    pictures = Pictures(
        crop=None if options.crop is None else Shape.parse(options.crop),
        background=None if options.background is None else Background.parse(options.background),
        overlay=options.overlay,
        cutout=options.cutout,
        objects=options.objects,
    )
    if options.objects < 1:
        raise InputError(f"--objects is {options.objects}, expected at least 1")
    answers = None
    if options.json is not None:
        answers = Answers(options.json, options.objects, overwrite=options.overwrite)
    jobs = list(zip(photos, targets, strict=True))
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        done = _predict_together(jobs, options, pictures)
    else:
        done = predict_photos(jobs, options, pictures, show=True)
    if done is None:
        return
    aside = answers is not None and answers.target == STANDARD_OUTPUT
    if answers is not None:
        order = {str(path): k for k, path in enumerate(photos)}
        with answers:
            for line in sorted(map(json.loads, done.lines), key=lambda it: order[it["file"]]):
                answers.write(line)
    failed = len(done.failures)
    print(
        f"{len(photos) - failed} of {len(photos)} photos: maps in {_places(targets)}",
        file=sys.stderr if aside else sys.stdout,
    )
    if failed:
        raise InputError(f"{failed} of {len(photos)} photos failed: {'; '.join(done.failures)}")


def _places(targets: Sequence[dict[str, Path]]) -> str:
    """Tell where maps are: the file of one, the folders of several."""
    if len(targets) == 1:
        return str(targets[0]["map"])
    return ", ".join(dict.fromkeys(str(target["map"].parent) for target in targets))


@dataclasses.dataclass(frozen=True)
class Done:
    """What came of photos.

    Args:
        failures: why some could not be read or cropped.
        lines: lines of JSON, one for each that could be read.
    """

    failures: list[str]
    lines: list[str]


def _predict_together(jobs: Sequence[Job], options: Options, pictures: Pictures) -> Done | None:
    """Gather what came of the photos of all processes; None in all but the first of them."""
    from samnet.evaluation.multi_process import gather_texts, share, wait
    from samnet.training.distributed import join_processes, leave_processes

    processes = join_processes()
    try:
        wait(processes)  # all have looked for files in the way before the first one writes any
        done = predict_photos(share(jobs, processes), options, pictures, show=processes.first)
        done = Done(gather_texts(done.failures, processes), gather_texts(done.lines, processes))
    finally:
        leave_processes()
    return done if processes.first else None


def predict_photos(
    jobs: Sequence[Job], options: Options, pictures: Pictures, *, show: bool
) -> Done:
    """Write the maps of photos.

    Args:
        jobs: photos with the files to write, by kind.
        options: the model, and how it runs.
        pictures: what is made of each photo and its map.
        show: whether to show the progress.

    Raises:
        InputError: if the model cannot be used or a map cannot be written.
    """
    predict = load_predictor(
        options.model or default_model(),
        options.threads,
        options.size,
        flip=options.flip,
        refine=refinement_of(options.refine),
    )
    done = Done([], [])
    for path, target in progress(jobs, len(jobs), "predicting") if show else jobs:
        try:
            photo = read_photo(path, options.megapixels)
        except SamnetError as error:
            done.failures.append(str(error))
            continue
        saliency_map = predict(photo)
        objects = objects_in(saliency_map) if pictures.crop or options.json else []
        for kind, image in pictures.draw(photo, saliency_map, objects).items():
            write_image(target[kind], image, overwrite=options.overwrite)
        if options.json:
            line = answer({"file": str(path)}, photo.shape[:2], objects, options.objects)
            done.lines.append(json.dumps(line))
        if pictures.crop and not objects:
            done.failures.append(f"{path}: nothing salient above {THRESHOLD:.0%}, so no crop")
        elif pictures.crop and len(objects) > options.objects:
            notice(
                f"{path}: {len(objects)} objects, cropped around the {options.objects} of the "
                f"largest area times confidence; --objects {len(objects)} takes all"
            )
    return done


@dataclasses.dataclass(frozen=True)
class Pictures:
    """What is made of a photo beside its map; see :class:`Options`."""

    crop: Shape | None
    background: Background | None
    overlay: bool
    cutout: bool
    objects: int

    def draw(
        self, photo: Bytes, saliency_map: Bytes, objects: Sequence[SalientObject]
    ) -> dict[str, Bytes]:
        """Draw the pictures by kind; no crop where there is no object."""
        images = {"map": saliency_map}
        if self.overlay:
            images["overlay"] = overlay(photo, saliency_map)
        if self.cutout:
            images["cutout"] = cutout(foreground(photo, saliency_map), saliency_map)
        if self.crop and objects:
            left, top, right, bottom = self.crop.around(
                objects[: self.objects], (photo.shape[0], photo.shape[1])
            )
            images["crop"] = np.ascontiguousarray(photo[top:bottom, left:right])
        if self.background:
            images["background"] = self.background.behind(photo, saliency_map)
        return images


COMMAND = Command.of(Options, main, "Predicts saliency maps of photos.")

if __name__ == "__main__":
    COMMAND.run()
