"""Batches for the epoch loop: who comes when is decided by the seed and the epoch alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np

from headstart.arrays import IntArray

if TYPE_CHECKING:
    from torch import Tensor


class Batches(Protocol):
    """Rows in batches; `rows` of them in an epoch."""

    @property
    def rows(self) -> int:
        """Rows of one epoch."""

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs (b, ...) and targets (b,) as int64, for epoch `number` (from 1)."""


def epoch_order(rows: int, seed: int, epoch: int) -> IntArray:
    """The shuffled order of rows (rows,) in an epoch."""
    return np.random.default_rng([seed, epoch]).permutation(rows).astype(np.int64)


def batch_rows(rows: int, batch_size: int, *, seed: int | None, epoch: int) -> Iterator[IntArray]:
    """The rows of each batch in turn, the last batch maybe smaller; in table order without seed."""
    order = np.arange(rows) if seed is None else epoch_order(rows, seed, epoch)
    for start in range(0, rows, batch_size):
        yield order[start : start + batch_size]


class TensorBatches:
    """Batches of inputs that lie in memory as one tensor, such as cached features (n, d)."""

    def __init__(
        self, inputs: Tensor, targets: Tensor, batch_size: int, *, seed: int | None = None
    ) -> None:
        """Without `seed` the rows come in table order, as for validation."""
        if len(inputs) != len(targets):
            raise ValueError(f"{len(inputs)} inputs but {len(targets)} targets")
        self.inputs = inputs
        self.targets = targets
        self.batch_size = batch_size
        self.seed = seed

    @property
    def rows(self) -> int:
        """Rows of one epoch."""
        return len(self.targets)

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of epoch `number`."""
        import torch

        for rows in batch_rows(self.rows, self.batch_size, seed=self.seed, epoch=number):
            # A gather takes some microseconds a batch; a loader with workers takes far more.
            index = torch.from_numpy(rows).to(self.inputs.device)
            yield self.inputs.index_select(0, index), self.targets.index_select(0, index)
