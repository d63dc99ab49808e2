"""What a phase of training is made from."""

from __future__ import annotations

import dataclasses

import torch

from samnet.data.layouts import Pair
from samnet.data.packed import PackedPairs, fingerprint, pack
from samnet.distributed import Processes
from samnet.feature_teacher import TEACHER_SIZE
from samnet.imitation import PackedFeatures
from samnet.soft_targets import SoftTargets
from samnet.train_options import TrainOptions

MARGIN = 1.25
"""Photos are packed larger than the network's input by this much, so that crops stay sharp."""


@dataclasses.dataclass(frozen=True)
class Material:
    """What a phase trains on.

    Args:
        photos: for training.
        features: the imitated network's of these photos; None without imitation.
        soft: the teacher's maps of them; None without a teacher.
        validation: held out, at the phase's size.
    """

    photos: PackedPairs
    features: PackedFeatures | None
    soft: SoftTargets | None
    validation: PackedPairs


def prepare(
    pairs: list[Pair],
    validation_pairs: list[Pair],
    size: int,
    options: TrainOptions,
    processes: Processes,
    *,
    imitates: bool,
) -> Material:
    """Reads photos, and what teachers make of them, for a phase; all processes call it at once.

    Args:
        pairs: to train on.
        validation_pairs: held out.
        size: the phase's, in pixels.
        options: of the run.
        processes: the first fills the cache while the others wait.
        imitates: whether features are imitated.
    """
    if not processes.first:
        torch.distributed.barrier()  # the first process fills the cache
    packed = pack(pairs, round(size * MARGIN), options.cache)
    features = soft = None
    if imitates:
        shown = pack(pairs, TEACHER_SIZE, options.cache)
        name = fingerprint(pairs, TEACHER_SIZE)
        features = PackedFeatures(shown, options.cache, name)
    if options.teacher is not None:
        soft = SoftTargets(pairs, options.teacher, options.cache, options.threads)
    validation = pack(validation_pairs, size, options.cache)
    if processes.first and processes.count > 1:
        torch.distributed.barrier()
    if processes.device.type == "cuda":
        packed = packed.to(processes.device)
    return Material(packed, features, soft, validation)
