"""One run in several processes, as torchrun starts them: each takes a part of every batch.

The gradients are added up over all pictures of a batch before each step, so that the steps are
those of one process. torch's own wrapper takes the mean over processes instead, which is another
loss where a batch does not divide evenly, and waits forever for a process without a picture.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from headstart.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

WAIT = timedelta(minutes=30)  # for the first process, which reads the pictures


@dataclass(frozen=True)
class Processes:
    """How many processes run, and which of them this is, from 0; the first one writes."""

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """True for the one that writes and tells."""
        return self.rank == 0

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor, equally large everywhere, by its sum over all processes.

        Raises DataError when another process has ended.
        """
        if self.count == 1:
            return
        import torch
        from torch import distributed

        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        try:
            distributed.all_reduce(flat)
        except RuntimeError as error:
            raise DataError(
                f"another process of this run has ended: {str(error).splitlines()[0]}"
            ) from error
        start = 0
        for tensor in tensors:
            tensor.copy_(flat[start : start + tensor.numel()].view(tensor.shape))
            start += tensor.numel()

    @contextmanager
    def first_alone(self) -> Iterator[None]:
        """The first process does the block before the others, which find what it kept."""
        import torch

        if not self.is_first:
            self.add([torch.zeros(1)])
        yield
        if self.is_first:
            self.add([torch.zeros(1)])


ALONE = Processes()


def asked_processes() -> Processes:
    """What torchrun says in the environment, without starting anything."""
    rank, count = os.environ.get("RANK", ""), os.environ.get("WORLD_SIZE", "")
    if not (rank.isdigit() and count.isdigit() and int(count) > 1):
        return ALONE
    return Processes(int(rank), int(count))


@contextmanager
def joined() -> Iterator[Processes]:
    """The processes of this run, joined inside the block."""
    asked = asked_processes()
    if asked.count == 1:
        yield asked
        return
    from torch import cuda, distributed

    # Gloo on accelerators too is enough: one sum of the trained weights' size a step.
    distributed.init_process_group("gloo" if not cuda.is_available() else None, timeout=WAIT)
    try:
        yield asked
    finally:
        distributed.destroy_process_group()
