"""Maps of a network's frozen first part: computed once for each view, then read in every epoch.

Where nothing learns before some layer, what reaches that layer is the same in every epoch in which
a picture is seen in the same view. The maps lie in a memory-mapped file without a name, which is
gone when the process is. Importing this module loads torch.
"""

from __future__ import annotations

import copy
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from headstart.arrays import IntArray
from headstart.recipes.batches import Batches, PictureBatches, batch_rows
from headstart.recipes.tuned_network import TunedNetwork

TOLERANCE = 1e-4  # of the largest logit, which the cut network may differ by
BYTES = 2  # of a number in bf16
KEPT = "maps are kept"  # among what is measured


@dataclass(frozen=True)
class Cut:
    """A network in two parts, one after the other.

    Attributes:
        prefix: its frozen first part, from pictures (n, 3, size, size) to maps (n, ...).
        rest: from maps to logits (n, k); what is trained is trained in here.
        bf16: the prefix computes in bf16; maps are kept in it in any case.
        device: where the prefix computes.
    """

    prefix: nn.Module
    rest: TunedNetwork
    bf16: bool = False
    device: str = "cpu"

    def maps(self, inputs: Tensor) -> Tensor:
        """Maps of a batch as they are kept: bf16 on the processor, channels last."""
        kind = torch.device(self.device).type
        with torch.no_grad(), torch.autocast(kind, torch.bfloat16, enabled=self.bf16):
            made = self.prefix(inputs.to(self.device))
        return _channels_last(made.to(torch.bfloat16).cpu())


def cut_network(
    network: TunedNetwork, size: int, *, bf16: bool = False, device: str = "cpu"
) -> Cut | None:
    """The network cut before the first layer that is trained; None where it cannot be.

    That can be done where what comes before is a chain of frozen modules, which is seen by running
    one picture of side `size` through both.
    """
    whole = copy.deepcopy(network).eval()
    picture = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    picture = picture.contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        names, expected = _frozen_chain(whole, picture)
        prefix = nn.Sequential(*(whole.get_submodule(name) for name in names))
        for name in names:
            parent, _, last = name.rpartition(".")
            setattr(whole.get_submodule(parent), last, nn.Identity())
        try:
            found = whole(prefix(picture))
        except (RuntimeError, TypeError):
            return None
    limit = TOLERANCE * float(expected.abs().max())
    if not names or float((found - expected).abs().max()) > limit:
        return None
    return Cut(prefix.to(device), whole, bf16, device)


def _frozen_chain(network: nn.Module, picture: Tensor) -> tuple[list[str], Tensor]:
    """The largest frozen modules that run before anything that is trained, in turn; the logits."""
    trained = {m for m in network.modules() if any(p.requires_grad for p in m.parameters())}
    names: list[str] = []
    begun: list[bool] = []
    hooks = []
    for place, module in network.named_modules():
        parent = network.get_submodule(place.rpartition(".")[0])
        if module not in trained and parent in trained:
            hooks.append(module.register_forward_hook(_noting(place, names, begun)))
        elif any(p.requires_grad for p in module.parameters(recurse=False)):
            hooks.append(module.register_forward_pre_hook(lambda *_: begun.append(True)))
    logits: Tensor = network(picture)
    for hook in hooks:
        hook.remove()
    return names, logits


def _noting(place: str, names: list[str], begun: list[bool]) -> Callable[..., None]:
    def note(*_: object) -> None:
        if not begun:
            names.append(place)

    return note


def _channels_last(maps: Tensor) -> Tensor:
    return maps.permute(0, 2, 3, 1) if maps.ndim == 4 else maps


def _channels_first(maps: Tensor) -> Tensor:
    return maps.permute(0, 3, 1, 2) if maps.ndim == 4 else maps


def _mapped_file(shape: Sequence[int]) -> Tensor:
    """Zeros in bf16 in a file without a name, as large as they need. Raises OSError."""
    with tempfile.TemporaryFile() as file:
        size = BYTES * math.prod(shape)
        # Without its blocks a full disk would be a signal in the midst of training.
        getattr(os, "posix_fallocate", lambda *_: file.truncate(size))(file.fileno(), 0, size)
        numbers = np.memmap(file, np.int16, "r+", shape=tuple(shape))
    return torch.from_numpy(numbers).view(torch.bfloat16)


class KeptMaps:
    """Maps of some views of m pictures, each view's computed when it is first asked for.

    They are computed in the same batches whoever asks, so that their bits do not depend on what
    ran before.

    Args:
        cut: whose prefix makes them.
        pictures: gives view v of its m pictures as epoch v.
        views: V; epoch e has view (e - 1) % V + 1.

    Raises OSError without room on the disk.
    """

    def __init__(self, cut: Cut, pictures: PictureBatches, views: int) -> None:
        self.cut, self.pictures, self.views = cut, pictures, views
        size = pictures.pixels.preprocessing.size
        one = cut.maps(torch.zeros(1, 3, size, size).contiguous(memory_format=torch.channels_last))
        self._maps = _mapped_file((views, pictures.rows, *one.shape[1:]))
        self._known: set[int] = set()

    def of_epoch(self, epoch: int) -> Tensor:
        """The maps (m, ...) of an epoch's view, channels last."""
        view = (epoch - 1) % self.views + 1
        if view not in self._known:
            pictures = self.pictures
            order = batch_rows(pictures.rows, pictures.batch_size, seed=pictures.seed, epoch=view)
            for rows, (inputs, _) in zip(order, pictures.epoch(view), strict=True):
                self._maps[view - 1][torch.from_numpy(rows)] = self.cut.maps(inputs)
            self._known.add(view)
        return self._maps[view - 1]


@dataclass(frozen=True, kw_only=True)
class MapBatches:
    """Batches of kept maps (b, ...), as `Batches`.

    Attributes:
        maps: of m pictures or more.
        targets: class of each picture of the table, (n,).
        chosen: numbers of the pictures in the table, (m,), all of which `maps` has.
        batch_size: maps in a batch.
        seed: of the order; None for that of `chosen`.
    """

    maps: KeptMaps
    targets: IntArray
    chosen: IntArray
    batch_size: int
    seed: int | None

    @property
    def rows(self) -> int:
        """Pictures in one epoch."""
        return len(self.chosen)

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of epoch `number`."""
        known = self.maps.pictures.chosen
        order = np.argsort(known)
        places = order[np.searchsorted(known, self.chosen, sorter=order)]
        maps = self.maps.of_epoch(number)
        for rows in batch_rows(self.rows, self.batch_size, seed=self.seed, epoch=number):
            inputs = maps[torch.from_numpy(places[rows])].float()
            yield _channels_first(inputs), torch.from_numpy(self.targets[self.chosen[rows]])


@dataclass(frozen=True)
class Worth:
    """What keeping maps costs and saves, as measured on one batch.

    Attributes:
        bytes: that the file takes.
        making: seconds in which the maps of one view of one picture are made.
        seconds: that it saves over all epochs; below 0 where it costs some.
        limit: most bytes.
    """

    bytes: int
    making: float
    seconds: float
    limit: int

    @property
    def pays(self) -> bool:
        """Whether they are kept."""
        return self.seconds > 0 and self.bytes <= self.limit

    @property
    def sentence(self) -> str:
        """What is done and why, in one line."""
        size = f"{self.bytes / 1e6:,.0f} MB"
        if self.pays:
            return f"maps of the frozen part are kept ({size}): saves about {self.seconds:.0f} s"
        if self.seconds <= 0:
            return "maps of the frozen part are not kept: reading them would take longer"
        return (
            f"maps of the frozen part are not kept: {size} are more than --memory-limit "
            f"{self.limit:,}"
        )


def worth_of_keeping(
    cut: Cut, pictures: PictureBatches, *, views: int, epochs: int, limit: int
) -> Worth:
    """What keeping the maps of `views` views of these pictures is worth in `epochs` epochs."""
    few = replace(pictures, chosen=pictures.chosen[: pictures.batch_size])
    cut.maps(next(iter(few.epoch(1)))[0])  # to warm up
    began = time.perf_counter()
    made = cut.maps(next(iter(few.epoch(1)))[0])
    computed = time.perf_counter()
    file = _mapped_file(made.shape)
    file.copy_(made)
    file.float()
    making, copying = computed - began, time.perf_counter() - computed
    share = pictures.rows / len(made)
    return Worth(
        bytes=BYTES * views * pictures.rows * made[0].numel(),
        making=making / len(made),
        seconds=share * ((epochs - views) * making - epochs * copying),
        limit=limit,
    )


class SharedMaps:
    """The kept maps of all trainings on parts of the same pictures, and whether there are any.

    Args:
        views: of each picture that there are maps of.
        limit: most bytes of a file.
        bf16: whether the frozen part computes in bf16.
        device: where it computes.
        measured: takes what was decided, and has it where that is known already.
        note: told of what is measured, in one line.
    """

    def __init__(
        self,
        *,
        views: int,
        limit: int,
        bf16: bool,
        device: str,
        measured: dict[str, Any],
        note: Callable[[str], None],
    ) -> None:
        self.views, self.limit, self.bf16, self.device = views, limit, bf16, device
        self.measured, self.note = measured, note
        self.worth: Worth | None = None
        self._rows: IntArray | None = None
        self._epochs = 0
        self._trained: list[str] = []
        self._maps: KeptMaps | None = None

    def begin(self, rows: IntArray, epochs: int) -> None:
        """All that follow are on parts of these rows, with so many epochs together."""
        if self._rows is not None and np.array_equal(rows, self._rows):
            return
        if self._rows is not None:
            self.measured.pop(KEPT, None)
        self._rows, self._epochs, self._trained = rows, epochs, []

    def cover(self, rows: IntArray, epochs: int) -> None:
        """A training on these rows follows, alone where no others were announced with it."""
        if self._rows is None or not np.isin(rows, self._rows).all():
            self.begin(rows, epochs)

    def decide(self, network: TunedNetwork, training: PictureBatches) -> float:
        """See whether maps are kept; the seconds in which those of all views are made, or 0."""
        kept, rows = self._cut(network, training), self._rows
        if kept is None or self.worth is None or rows is None:
            return 0.0
        return self.worth.making * self.views * len(rows)

    def _cut(self, network: TunedNetwork, training: PictureBatches) -> Cut | None:
        """The network cut where its maps are kept; None where they are not."""
        if training.augment == "strong" or training.lanes > 1:
            return None  # what is mixed is new in each epoch
        cut = cut_network(
            network, training.pixels.preprocessing.size, bf16=self.bf16, device=self.device
        )
        trained = [name for name, p in network.named_parameters() if p.requires_grad]
        if cut is not None and trained != self._trained:
            self._open(cut, training)
            self._trained = trained
        return cut if self._maps is not None else None

    def _open(self, cut: Cut, training: PictureBatches) -> None:
        rows = training.chosen if self._rows is None else self._rows
        pictures = replace(training, chosen=rows)
        try:
            if KEPT not in self.measured:
                self.worth = worth_of_keeping(
                    cut, pictures, views=self.views, epochs=self._epochs, limit=self.limit
                )
                self.measured[KEPT] = self.worth.pays
                self.note(self.worth.sentence)
            self._maps = KeptMaps(cut, pictures, self.views) if self.measured[KEPT] else None
        except OSError as error:
            self._maps = None
            self.note(f"maps of the frozen part are not kept: {error}")

    def shorten(
        self, network: TunedNetwork, training: PictureBatches, validation: PictureBatches | None
    ) -> tuple[TunedNetwork, Batches, Batches | None]:
        """What is left to train, and batches for it: of maps where they are kept."""
        cut = self._cut(network, training)
        if cut is None or self._maps is None:
            return network, training, validation
        learnt = _batches(self._maps, training)
        if validation is None:
            return cut.rest, learnt, None
        return cut.rest, learnt, _batches(KeptMaps(cut, validation, views=1), validation)


def _batches(maps: KeptMaps, like: PictureBatches) -> MapBatches:
    return MapBatches(
        maps=maps,
        targets=like.targets,
        chosen=like.chosen,
        batch_size=like.batch_size,
        seed=like.seed,
    )
