"""What a split may not tear apart: a group of rows, or a single row without groups."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from headstart.arrays import IntArray
from headstart.data.image_table import class_order
from headstart.errors import DataError


@dataclass(frozen=True)
class Units:
    """The units of n rows over k classes.

    Attributes:
        classes: the classes in stored order, (k,).
        rows: unit of each row, (n,).
        contents: for each unit its classes, as pairs (class index, number of rows), (u,).
    """

    classes: tuple[str, ...]
    rows: IntArray
    contents: list[list[tuple[int, int]]]

    @property
    def units_of_class(self) -> list[int]:
        """In how many units each class stands, (k,)."""
        number = [0] * len(self.classes)
        for content in self.contents:
            for label, _ in content:
                number[label] += 1
        return number


def make_units(labels: Sequence[str], groups: IntArray | None) -> Units:
    """The units of labelled rows (n,); rows with the same group number (n,) are one unit.

    Raises:
        DataError: fewer than two classes, or a class that is one unit only and so cannot stand on
            both sides of a split; all such classes are named.
    """
    classes = class_order(labels)
    if not classes:
        raise DataError("no pictures to split.")
    if len(classes) == 1:
        raise DataError(f"one class only: {classes[0]!r}; a classifier needs two or more.")
    n, k = len(labels), len(classes)
    if groups is not None and len(groups) != n:
        raise ValueError(f"groups has {len(groups)} rows, labels {n}")
    number = {name: i for i, name in enumerate(classes)}
    codes = np.array([number[label] for label in labels], dtype=np.int64)
    rows = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    keys, counts = np.unique(rows * k + codes, return_counts=True)
    contents: list[list[tuple[int, int]]] = [[] for _ in range(int(rows.max()) + 1)]
    for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
        contents[key // k].append((key % k, count))
    units = Units(classes, rows, contents)
    small = list(_too_small(units, np.bincount(codes).tolist()))
    if small:
        raise DataError("\n".join(small))
    return units


def _too_small(units: Units, sizes: list[int]) -> Iterator[str]:
    """One line for each class that a split cannot hold on both sides."""
    for name, size, count in zip(units.classes, sizes, units.units_of_class, strict=True):
        if count > 1:
            continue
        if size == 1:
            fact = f"class {name!r} has 1 picture; a training and a test part need at least 2"
        else:
            fact = (
                f"all {size} pictures of class {name!r} are one group of duplicates or of one "
                "series; a training and a test part need at least 2 groups"
            )
        leave_out = f"--exclude {shlex.quote(name)}"
        yield f"{fact}: add pictures, or leave the class out with {leave_out}"
