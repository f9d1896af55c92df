"""For each class the pictures that are most and least like the rest of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.arrays import Float32Array, FloatArray, IntArray
from headstart.audit.neighbours import unit_rows
from headstart.recipes.frozen import FitResult
from headstart.report.thumbnails import Thumbnail, thumbnail

MOST_CLASSES = 30
LEAST = 3  # pictures of a class; with fewer there is no rest to be like
IN_ALL = 30  # pictures of each sort that a page shows, at the most so many of a class:
OF_A_CLASS = 3


@dataclass(frozen=True)
class Typical:
    """One picture and its likeness, the cosine with the mean direction of the class's others."""

    name: str
    likeness: float
    small: Thumbnail


@dataclass(frozen=True)
class ClassPictures:
    """Of one class the most typical pictures first, and the most atypical ones first."""

    name: str
    typical: tuple[Typical, ...]
    atypical: tuple[Typical, ...]


@dataclass(frozen=True)
class TypicalPictures:
    """The classes that are shown, and how many more there are."""

    classes: tuple[ClassPictures, ...]
    left_out: int


def typical_pictures(result: FitResult, max_pixels: int) -> TypicalPictures | None:
    """Typical and atypical pictures of each class; None without features.

    With more than `MOST_CLASSES` those of the most pictures are shown.
    """
    if result.features is None:
        return None
    data = result.data
    counts = np.bincount(data.targets, minlength=len(data.classes))
    enough = np.flatnonzero(counts >= LEAST)
    order = enough[np.argsort(-counts[enough], kind="stable")][:MOST_CLASSES]
    each = min(OF_A_CLASS, max(1, IN_ALL // max(1, len(order))))
    likeness = likeness_to_class(result.features.values, data.targets)

    def shown(rows: list[int]) -> tuple[Typical, ...]:
        return tuple(
            Typical(data.table.ids[row], float(likeness[row]),
                    thumbnail(data.table.images[row], max_pixels=max_pixels))
            for row in rows
        )  # fmt: skip

    found = []
    for target in np.sort(order):
        rows = np.flatnonzero(data.targets == target)
        rows = rows[np.argsort(-likeness[rows], kind="stable")]
        most = min(each, len(rows) // 2)
        typical, atypical = rows[:most].tolist(), rows[: -most - 1 : -1].tolist()
        found.append(ClassPictures(data.classes[target], shown(typical), shown(atypical)))
    return TypicalPictures(tuple(found), len(enough) - len(order)) if found else None


def likeness_to_class(features: Float32Array, targets: IntArray) -> FloatArray:
    """Each row's cosine with the mean direction of the other rows of its class, (n,).

    Takes (n, d) and (n,). A row alone in its class has 0.
    """
    units = unit_rows(features).astype(np.float64)
    sums = np.zeros((int(targets.max()) + 1, units.shape[1]))
    np.add.at(sums, targets, units)
    others = sums[targets] - units
    length = np.linalg.norm(others, axis=1)
    likeness: FloatArray = (units * others).sum(axis=1) / np.where(length > 0, length, 1.0)
    return likeness
