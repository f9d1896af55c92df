"""Pictures that a model learnt from, kept with it to name those that are most like another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath, PureWindowsPath
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt

from headstart.arrays import IntArray
from headstart.errors import ImageError
from headstart.images.small_copy import small_copy

if TYPE_CHECKING:
    from headstart.data.dataset import Dataset
    from headstart.features.embed import Features
    from headstart.options import FitOptions
    from headstart.recipes.trained_model import TrainedModel

MOST_KEPT = 4_000  # pictures,
MOST_NUMBERS = 4_000_000  # with so many features together, 8 MB: 3,125 pictures of 1,280
SIDE = 96  # pixels of a small copy


class Neighbour(NamedTuple):
    """A training picture with its label, and how like it is: the cosine of both pictures' features.

    `small` is a small copy as JPEG, None where none is kept.
    """

    name: str
    label: str
    likeness: float
    small: bytes | None = None


@dataclass(frozen=True, eq=False)
class TrainingExamples:
    """Some or all of the pictures that a model learnt from.

    Attributes:
        names: as the table or folder has them, a full path as `names_to_share` gives it, (m,).
        codes: their classes, numbers in the model's order, (m,).
        units: their features at length 1 in float16, (m, d).
        total: pictures that were learnt from; these m are drawn from them where they are too many.
        small: a small copy of each as JPEG, or none.
    """

    names: tuple[str, ...]
    codes: IntArray
    units: npt.NDArray[np.float16]
    total: int
    small: tuple[bytes, ...] = ()

    def get(self) -> Self:
        """Itself: it is in memory."""
        return self

    def nearest(
        self, features: npt.NDArray[Any], classes: Sequence[str], count: int
    ) -> tuple[Neighbour, ...]:
        """The pictures most like one with these features (d,), the most like first."""
        wide = features.astype(np.float64)
        likeness = self.units.astype(np.float32) @ wide / max(float(np.linalg.norm(wide)), 1e-30)
        best = np.argsort(-likeness, kind="stable")[:count]
        return tuple(
            Neighbour(
                self.names[row],
                classes[self.codes[row]],
                float(likeness[row]),
                (self.small[row] or None) if self.small else None,
            )
            for row in best.tolist()
        )


class Examples(Protocol):
    """`TrainingExamples` that may lie in a file until they are asked for."""

    def get(self) -> TrainingExamples:
        """The examples. Raises ModelFolderError for a file that is damaged or has gone."""


def with_examples(
    model: TrainedModel, data: Dataset, features: Features, rows: IntArray, options: FitOptions
) -> TrainedModel:
    """The model with the pictures of these rows, which it learnt from: all, or a drawn part.

    Small copies are kept where the options say so; a picture that has gone has none.
    """
    most = min(MOST_KEPT, max(1, MOST_NUMBERS // features.values.shape[1]))
    kept = np.sort(np.random.default_rng(options.split.seed).permutation(rows)[:most])
    values = features.values[kept]
    length = np.linalg.norm(values, axis=1, keepdims=True)
    images = [data.table.images[row] for row in kept] if options.write.keep_examples else []
    found = TrainingExamples(
        names=tuple(map(names_to_share(data.table.ids).__getitem__, kept)),
        codes=data.targets[kept],
        units=(values / np.where(length > 0, length, 1)).astype(np.float16),
        total=len(rows),
        small=tuple(_small(image, options.read.max_pixels) for image in images),
    )
    return replace(model, examples=found)


def names_to_share(names: Sequence[str]) -> tuple[str, ...]:
    """Names, (n,), of which full paths begin behind the folder that all of these lie in.

    A model goes to others, whom the folders of the machine that it learnt on are no concern of.
    Paths that have no more than the root in common keep their last two parts.
    """
    paths = [_full_path(name) for name in names]
    parts = [path.parts[1:] for path in paths if path is not None]
    common = 0
    for same in zip(*(part[:-1] for part in parts), strict=False):
        if len(set(same)) > 1:
            break
        common += 1
    return tuple(
        name if path is None else "/".join(path.parts[1:][common or -2 :])
        for name, path in zip(names, paths, strict=True)
    )


def _full_path(name: str) -> PurePath | None:
    """A name that is a full path on this system or on Windows; None for another."""
    kinds = (PurePath(name), PureWindowsPath(name))
    return next((path for path in kinds if path.is_absolute()), None)


def _small(image: Any, max_pixels: int) -> bytes:
    try:
        return small_copy(image, SIDE, max_pixels)[0]
    except ImageError:
        return b""
