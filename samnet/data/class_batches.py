"""Batches of labeled photos, decoded by worker processes."""

from __future__ import annotations

import functools
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.context import BaseContext

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from common.errors import InputError
from common.images.photos import read_photo
from samnet.data.classes import Labeled
from samnet.networks.torchvision_import import import_torchvision

SURROUNDING = 1.14
"""Photos are resized to this multiple of the network's input for validation, then cropped."""

NOT_AUGMENTED = -1
"""In place of a seed: the middle of the photo, as it is."""


class LabeledPhotos(Dataset[tuple[Tensor, int, str]]):
    """Photos (3, size, size) uint8, their classes, and why one could not be read.

    Args:
        photos: photos with their classes.
        size: height and width in pixels.
        draws: which to take, in this order, each with the seed of its augmentation or
            ``NOT_AUGMENTED``, (N, 2).
    """

    def __init__(self, photos: Sequence[Labeled], size: int, draws: Tensor) -> None:
        self.photos, self.size, self.draws = photos, size, draws

    # Made where they are used, since a worker has to load torchvision before it meets them.
    @functools.cached_property
    def _augment(self) -> Callable[[Image.Image], Tensor]:
        import_torchvision()
        from torchvision.transforms import v2

        augment: Callable[[Image.Image], Tensor] = v2.Compose(
            [
                v2.RandomResizedCrop(self.size, scale=(0.2, 1)),
                v2.RandomHorizontalFlip(),
                v2.ColorJitter(0.3, 0.3, 0.3),
                v2.PILToTensor(),
            ]
        )
        return augment

    @functools.cached_property
    def _show(self) -> Callable[[Image.Image], Tensor]:
        import_torchvision()
        from torchvision.transforms import v2

        surrounding = round(SURROUNDING * self.size)
        show: Callable[[Image.Image], Tensor] = v2.Compose(
            [v2.Resize(surrounding), v2.CenterCrop(self.size), v2.PILToTensor()]
        )
        return show

    def __len__(self) -> int:
        return len(self.draws)

    def __getitem__(self, place: int) -> tuple[Tensor, int, str]:
        index, seed = self.draws[place].tolist()
        path, label = self.photos[index]
        try:
            photo = Image.fromarray(read_photo(path))
        except InputError as error:
            # As text: an exception would arrive from a worker as several lines of traceback.
            return torch.zeros(3, self.size, self.size, dtype=torch.uint8), label, str(error)
        if seed == NOT_AUGMENTED:
            return self._show(photo), label, ""
        # Seeded photo by photo, so that neither the number of workers nor an interruption
        # changes what is drawn.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self._augment(photo), label, ""


def batches(
    photos: Sequence[Labeled], size: int, draws: Tensor, batch: int, workers: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield photos (N, 3, size, size) uint8 and classes (N,), ``batch`` by ``batch``.

    Raises:
        InputError: if a photo cannot be read.
    """
    loader = DataLoader(
        LabeledPhotos(photos, size, draws),
        batch,
        num_workers=workers,
        multiprocessing_context=_context() if workers else None,
        pin_memory=torch.cuda.is_available(),
    )
    for x, labels, errors in loader:
        if any(errors):
            raise InputError(next(filter(None, errors)))
        yield x, labels


def _context() -> BaseContext | None:
    """Start workers from a process without threads: a copy of one that has them can hang.

    Source: https://docs.python.org/3/library/os.html#os.fork
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return None  # where processes are never copied
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context
