"""The data of a training phase: photos, masks and outputs of teachers at one size."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch

from samnet.data.layouts import Pair
from samnet.data.packed import PackedPairs, fingerprint, pack
from samnet.training.distributed import Processes
from samnet.training.feature_distillation import ImitatedFeatures, kept_features
from samnet.training.imagenet_teacher import TEACHER_SIZE
from samnet.training.joined_rows import PhotoSets
from samnet.training.options import TrainOptions
from samnet.training.teacher_outputs import TeacherOutputs, photos_key
from samnet.training.teachers import Teacher
from samnet.training.unlabeled import UnlabeledSet, pack_unlabeled

MARGIN = 1.25
"""Photos are packed larger than the network's input by this much, so that crops stay sharp."""


@dataclasses.dataclass(frozen=True)
class PhaseData:
    """What a phase trains on; photos without masks stand behind those with masks.

    Args:
        photos: photos for training.
        features: the imitated network's of these photos; None without imitation.
        lessons: what the teacher makes of them; None without a teacher.
        validation: held out, at the phase's size.
    """

    photos: PhotoSets
    features: ImitatedFeatures | None
    teacher_outputs: TeacherOutputs | None
    validation: PackedPairs


def prepare(
    pairs: list[Pair],
    validation_pairs: list[Pair],
    size: int,
    options: TrainOptions,
    processes: Processes,
    *,
    imitates: bool,
    teacher: Teacher | None = None,
    unlabeled: Sequence[UnlabeledSet] = (),
    features: bool = False,
) -> PhaseData:
    """Read photos, and what teachers make of them, for a phase; all processes call it at once.

    Args:
        pairs: pairs to train on.
        validation_pairs: held out.
        size: the phase's, in pixels.
        options: options of the run.
        processes: the first fills the cache while the others wait.
        imitates: whether features of the ImageNet network are imitated.
        teacher: whose maps are learned from.
        unlabeled: photos without masks.
        features: whether the teacher's features are learned from, too.
    """
    if not processes.first:
        torch.distributed.barrier()  # the first process fills the cache
    cache, packed_size = options.cache, round(size * MARGIN)
    sets = [pack(pairs, packed_size, cache)]
    sets += [pack_unlabeled(one, packed_size, cache) for one in unlabeled]
    if processes.device.type == "cuda":
        sets = [one.to(processes.device) for one in sets]
    imitated = teacher_outputs = None
    if imitates:
        shown = [(pack(pairs, TEACHER_SIZE, cache), fingerprint(pairs, TEACHER_SIZE))]
        shown += [
            (pack_unlabeled(one, TEACHER_SIZE, cache), photos_key(one.photos)) for one in unlabeled
        ]
        imitated = kept_features(shown, cache)
    if teacher is not None:
        photos = [[pair.photo for pair in pairs], *(one.photos for one in unlabeled)]
        teacher_outputs = TeacherOutputs(photos, teacher, cache, features=features)
        if processes.device.type == "cuda":
            teacher_outputs.maps = teacher_outputs.maps.to(processes.device)
    validation = pack(validation_pairs, size, cache)
    if processes.first and processes.count > 1:
        torch.distributed.barrier()
    return PhaseData(PhotoSets(sets), imitated, teacher_outputs, validation)
