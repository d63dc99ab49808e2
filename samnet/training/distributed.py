"""Distributed training: the process group that torchrun or accelerate starts."""

from __future__ import annotations

import dataclasses
import gc
import os

import torch
from torch import Tensor


@dataclasses.dataclass(frozen=True)
class Processes:
    """This process among all that train together.

    Args:
        rank: which one this is; 0 writes files.
        count: how many there are.
        device: where this one computes.
    """

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process writes the files and prints."""
        return self.rank == 0


def join_processes() -> Processes:
    """Join the group that the environment names (torchrun sets it), or stand alone.

    Source: https://docs.pytorch.org/docs/stable/elastic/run.html#environment-variables
    """
    cuda = torch.cuda.is_available()
    local = int(os.environ.get("LOCAL_RANK", "0"))
    device = torch.device("cuda", local) if cuda else torch.device("cpu")
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        return Processes(0, 1, device)
    torch.distributed.init_process_group("nccl" if cuda else "gloo")
    return Processes(torch.distributed.get_rank(), count, device)


def mean_of_processes(values: dict[str, Tensor]) -> dict[str, float]:
    """Average scalars over all processes, which must all call this with the same names."""
    names = sorted(values)
    together = torch.stack([values[name].float() for name in names])
    if torch.distributed.is_initialized():
        torch.distributed.all_reduce(together)
        together /= torch.distributed.get_world_size()
    return dict(zip(names, together.tolist(), strict=True))


def leave_processes() -> None:
    """Leave the group, if there is one.

    What was built on it, a ``DistributedDataParallel`` above all, must be out of reach by then.
    It holds the group too, and frees it without giving up the interpreter's lock: the group then
    waits for a thread of its own, which may wait for that lock to free its last tensor.
    """
    if torch.distributed.is_initialized():
        gc.collect()
        torch.distributed.destroy_process_group()
