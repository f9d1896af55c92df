"""Batches for the epoch loop: who comes when is decided by the seed and the epoch alone.

Features that lie in memory, or pictures that threads cut while the network computes.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from headstart.arrays import ByteImage, IntArray
from headstart.backbones.preprocessing import Preprocessing
from headstart.images.views import augment, view_rng
from headstart.options import Augment
from headstart.recipes.pixel_store import PixelStore, map_ahead

if TYPE_CHECKING:
    import torch
    from torch import Tensor

RANDOM_VIEW = 1  # the plain view has number 0


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


@dataclass(frozen=True, kw_only=True)
class PictureBatches:
    """Pictures of a store as normalised inputs (b, 3, size, size), channels last, with targets.

    A random view depends on the seed, the picture and the epoch alone, so that batches are equal
    for any number of threads.

    Attributes:
        pixels: the pictures, n of them, with their plain view.
        targets: class of each picture as 0 to k - 1, (n,).
        chosen: numbers of the pictures to give, (m,).
        batch_size: pictures in a batch; the last one may have fewer.
        augment: "each-epoch" draws a new crop and flip each epoch, "once" the same in all epochs,
            "none" gives the plain view; the others are strengths of fine-tuning's augmentation.
        seed: of the order and the views; None for the plain views in the order of `chosen`.
        ahead: batches that are cut while the network computes. 0 when it computes on the
            processor: its threads wait for each other, and other work makes them wait long.
        classes: k, where strong augmentation mixes pictures; the targets are then shares (b, k).
        lane, lanes: of several processes each takes every `lanes`-th picture of a batch; one that
            finds none left gives an empty batch.
        fewest: a last batch with fewer pictures goes with the one before it.
    """

    pixels: PixelStore
    targets: IntArray
    chosen: IntArray
    batch_size: int
    augment: Augment = "none"
    seed: int | None = None
    ahead: int = 0
    classes: int = 0
    lane: int = 0
    lanes: int = 1
    fewest: int = 1

    def __post_init__(self) -> None:
        if self.seed is None and self.augment != "none":
            raise ValueError("random views need a seed")

    @property
    def rows(self) -> int:
        """Pictures in one epoch."""
        return len(self.chosen)

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of epoch `number`."""
        import torch

        parts = list(batch_rows(self.rows, self.batch_size, seed=self.seed, epoch=number))
        if len(parts) > 1 and len(parts[-1]) < self.fewest:
            parts[-2:] = [np.concatenate(parts[-2:])]
        batches = [self.chosen[rows] for rows in parts]
        whole = self.lanes == 1 or self._mixes
        scale, shift = _normalising(self.pixels.preprocessing)
        with ThreadPoolExecutor(self.pixels.workers) as pool:

            def cut(batch: IntArray) -> ByteImage:
                views = list(pool.map(lambda index: self.view(index, number), batch))
                side = self.pixels.preprocessing.size
                return np.stack(views) if views else np.empty((0, side, side, 3), np.uint8)

            mine = [batch if whole else batch[self.lane :: self.lanes] for batch in batches]
            cuts = map_ahead(cut, mine, workers=1, window=self.ahead)
            for place, (batch, stack) in enumerate(zip(mine, cuts, strict=True)):
                # One long row of pixels and channels: arithmetic over 3 channels alone is slow.
                images = torch.from_numpy(stack).flatten(2).float().mul_(scale).add_(shift)
                # (b, h, w, 3) seen as (b, 3, h, w) is channels last already; nothing is copied.
                inputs = images.view(stack.shape).permute(0, 3, 1, 2)
                targets = torch.from_numpy(self.targets[batch])
                if self._mixes:
                    inputs, targets = self._mixed(inputs, targets, number, place)
                yield inputs, targets

    @property
    def _mixes(self) -> bool:
        return self.augment == "strong"

    def _mixed(
        self, inputs: Tensor, targets: Tensor, epoch: int, batch: int
    ) -> tuple[Tensor, Tensor]:
        """This process's part of a batch that was mixed as a whole."""
        from headstart.recipes.augmentation import mixed

        seed = self.seed or 0
        made = mixed(inputs, targets, self.classes, seed=seed, epoch=epoch, batch=batch)
        return made[0][self.lane :: self.lanes], made[1][self.lane :: self.lanes]

    def view(self, index: int, epoch: int) -> ByteImage:
        """What picture `index` looks like in an epoch, (size, size, 3)."""
        if self.seed is None or self.augment == "none":
            return self.pixels.plain(index)
        if self.augment not in ("each-epoch", "once"):
            from headstart.recipes.augmentation import tuned_view

            return tuned_view(
                self.pixels.get(index),
                self.augment,
                self.pixels.preprocessing,
                seed=self.seed,
                sha256=self.pixels.sha256(index),
                epoch=epoch,
            )
        drawn_in = epoch if self.augment == "each-epoch" else 0
        rng = view_rng(self.seed, self.pixels.sha256(index), RANDOM_VIEW, drawn_in)
        steps = self.pixels.preprocessing
        return augment(
            self.pixels.get(index), rng, size=steps.size, interpolation=steps.interpolation
        )


def _normalising(preprocessing: Preprocessing) -> tuple[torch.Tensor, torch.Tensor]:
    """Factor and shift from bytes to normalised numbers, for a row of pixels, each (size * 3,)."""
    import torch

    mean = torch.tensor(preprocessing.mean).repeat(preprocessing.size)
    std = torch.tensor(preprocessing.std).repeat(preprocessing.size)
    return 1.0 / (255.0 * std), -mean / std
