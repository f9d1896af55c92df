"""Which rows train and which test: stratified, with duplicates and series kept together."""

from __future__ import annotations

import math
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from headstart.arrays import BoolArray, IntArray
from headstart.data.image_table import class_order
from headstart.errors import DataError, UsageError
from headstart.options import DEFAULT_SEED


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
    units = Units(classes, rows, _contents(codes, rows, k))
    small = list(_too_small(units, np.bincount(codes).tolist()))
    if small:
        raise DataError("\n".join(small))
    return units


def _contents(codes: IntArray, units: IntArray, k: int) -> list[list[tuple[int, int]]]:
    """The classes of each unit, as pairs (class index, number of rows), (u,)."""
    keys, counts = np.unique(units * k + codes, return_counts=True)
    contents: list[list[tuple[int, int]]] = [[] for _ in range(int(units.max()) + 1)]
    for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
        contents[key // k].append((key % k, count))
    return contents


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
        alike = ", or, if they only look alike, give --no-near-duplicates" if size > 1 else ""
        yield f"{fact}: add pictures, or leave the class out with {leave_out}{alike}"


TRAIN_NAMES = ("train", "training")
TEST_NAMES = ("test", "testing")
VALIDATION_NAMES = ("val", "valid", "validation")
ATTEMPTS = 20  # groups of several classes may fail in one order and not in another

_ENTANGLED = (
    "the groups tie the classes together, so that {} cannot all hold every class: use a group "
    "column with smaller groups, add pictures, or, if duplicates that only look alike tie them, "
    "give --no-near-duplicates."
)


def describe_given(values: Sequence[str]) -> str | None:
    """What happens to validation rows of a given split, in words; None without such rows."""
    names = [value.strip().lower() for value in values]
    count = sum(name in VALIDATION_NAMES for name in names)
    if count == 0:
        return None
    if any(name in TEST_NAMES for name in names):
        return f"{count} validation rows train too; options are chosen by folds within training"
    return f"the {count} validation rows are the test, since no row is for testing"


@dataclass(frozen=True)
class Split:
    """Row numbers of the two parts, each sorted: train (a,) and test (b,)."""

    train: IntArray
    test: IntArray


def split_rows(
    labels: Sequence[str],
    *,
    test_fraction: float = 0.1,
    seed: int = DEFAULT_SEED,
    groups: IntArray | None = None,
) -> Split:
    """Split rows into a training and a test part, the same for a seed on every platform.

    Every class has at least one row in both parts. The test part has ceil(test_fraction * n) rows,
    or about as many where groups or small classes do not allow it.

    Args:
        labels: class of each row, (n,).
        test_fraction: share of the rows for the test, between 0 and 1.
        seed: seed of the draw.
        groups: rows with the same number stay on one side, (n,).

    Raises:
        DataError: fewer than two classes, or a class too small to stand on both sides.
    """
    units = make_units(labels, groups)
    wanted = _test_counts(Counter(labels), units.classes, test_fraction)
    rng = np.random.default_rng(seed)
    for _ in range(ATTEMPTS):
        draw = _TestDraw(units, wanted)
        if draw.run(_shuffled(len(units.contents), rng)):
            return _split(units, draw.in_test)
    raise DataError(_ENTANGLED.format("a training and a test part"))


def split_given(values: Sequence[str]) -> Split:
    """The split that a column or part folders give; case and blanks around a value do not count.

    Rows for validation are the test part when no row is for testing. Otherwise they join the
    training part: what they are for, choosing options, happens by folds within the training rows.

    Raises:
        UsageError: a value is none of the known names.
        DataError: one of the two parts would be empty.
    """
    chosen = given_test_rows(values)
    split = Split(train=np.flatnonzero(~chosen), test=np.flatnonzero(chosen))
    for part, rows in (("train", split.train), ("test", split.test)):
        if not len(rows):
            raise DataError(
                f"the given split has no rows for {part!r}; its values are "
                f"{', '.join(sorted(set(values))) or 'none'}. Name both parts, or split by "
                "--test-fraction instead."
            )
    return split


def given_test_rows(values: Sequence[str]) -> BoolArray:
    """Which rows (n,) a given split tests; rows for validation where none is for testing.

    Raises UsageError for a value that is none of the known names.
    """
    names = [value.strip().lower() for value in values]
    known = (*TRAIN_NAMES, *TEST_NAMES, *VALIDATION_NAMES)
    unknown = Counter(value for value, name in zip(values, names, strict=True) if name not in known)
    if unknown:
        listed = ", ".join(
            f"{value!r} ({count} row{'s' if count > 1 else ''})" for value, count in unknown.items()
        )
        raise UsageError(f"unknown parts in the given split: {listed}. Allowed: {', '.join(known)}")
    test_names = TEST_NAMES if any(name in TEST_NAMES for name in names) else VALIDATION_NAMES
    return np.array([name in test_names for name in names], dtype=np.bool_)


def stratified_folds(
    labels: Sequence[str],
    *,
    folds: int = 10,
    seed: int = DEFAULT_SEED,
    groups: IntArray | None = None,
) -> list[Split]:
    """Splits for cross-validation: every row is in the test part of exactly one.

    Each class is spread as evenly as its groups allow. Every training part holds every class; a
    test part may lack a class that has fewer rows than there are folds. With fewer rows (groups)
    than folds there are only as many splits as rows (groups).

    Args:
        labels: class of each row, (n,).
        folds: number of splits, 2 or more.
        seed: seed of the draw.
        groups: rows with the same number stay in one fold, (n,).

    Raises:
        DataError: fewer than two classes, or a class that would miss in a training part.
    """
    units = make_units(labels, groups)
    fold_of = _deal(units.contents, folds, np.random.default_rng(seed))
    homes: list[set[int]] = [set() for _ in units.classes]
    for content, fold in zip(units.contents, fold_of, strict=True):
        for label, _ in content:
            homes[label].add(fold)
    if any(len(home) < 2 for home in homes):
        raise DataError(_ENTANGLED.format(f"{folds} folds"))
    places = np.array(fold_of)
    return [_split(units, places == fold) for fold in sorted(set(fold_of))]


def deal_rows(codes: IntArray, groups: IntArray, folds: int, rng: np.random.Generator) -> IntArray:
    """Fold 0 to folds - 1 of each row, (n,), as `stratified_folds` deals them, nothing refused.

    Args:
        codes: class of each row, from 0, (n,).
        groups: rows with the same number, from 0 without gaps, stay in one fold, (n,).
        folds: number of folds.
        rng: source of the shuffling.
    """
    contents = _contents(codes, groups, int(codes.max()) + 1)
    return np.array(_deal(contents, folds, rng), dtype=np.int64)[groups]


def _split(units: Units, in_test: BoolArray) -> Split:
    chosen = in_test[units.rows]
    return Split(train=np.flatnonzero(~chosen), test=np.flatnonzero(chosen))


def _shuffled(count: int, rng: np.random.Generator) -> list[int]:
    order: list[int] = np.argsort(rng.random(count), kind="stable").tolist()
    return order


def _test_counts(sizes: Counter[str], classes: tuple[str, ...], fraction: float) -> list[int]:
    """Rows of each class in the test part, by largest remainder, at least 1, never all, (k,)."""
    exact = [fraction * sizes[name] for name in classes]
    most = [sizes[name] - 1 for name in classes]
    counts = [min(max(math.floor(x), 1), top) for x, top in zip(exact, most, strict=True)]
    missing = math.ceil(round(sum(exact), 9)) - sum(counts)  # 0.07 * 100 is a little above 7
    for i in sorted(range(len(classes)), key=lambda i: counts[i] - exact[i]):
        if missing > 0 and counts[i] < most[i]:
            counts[i] += 1
            missing -= 1
    return counts


class _TestDraw:
    """Fills the test part unit by unit and knows what each class still needs."""

    def __init__(self, units: Units, wanted: list[int]) -> None:
        self.contents = units.contents
        self.in_test = np.zeros(len(units.contents), dtype=np.bool_)
        self._missing = list(wanted)  # rows of each class; negative where there are too many
        self._left = units.units_of_class  # units of each class in the training part
        self._absent = set(range(len(wanted)))  # classes without a test row

    def run(self, order: list[int]) -> bool:
        """Draw in this order; False when a class got no test row."""
        missing = self._missing
        for unit in order:  # what fits whole
            content = self.contents[unit]
            if all(count <= missing[label] for label, count in content) and self._may_go(unit):
                self._take(unit)
        for unit in order:  # what overshoots, but less than it fills
            if self._error_change(unit) < 0 and self._may_go(unit):
                self._take(unit)
        for label in sorted(self._absent):  # a class whose every group is too large
            able = [unit for unit in order if self._holds(unit, label) and self._may_go(unit)]
            if label in self._absent and able:
                self._take(min(able, key=self._error_change))
        return not self._absent

    def _may_go(self, unit: int) -> bool:
        content = self.contents[unit]
        return not self.in_test[unit] and all(self._left[label] > 1 for label, _ in content)

    def _take(self, unit: int) -> None:
        self.in_test[unit] = True
        for label, count in self.contents[unit]:
            self._missing[label] -= count
            self._left[label] -= 1
            self._absent.discard(label)

    def _error_change(self, unit: int) -> int:
        content, missing = self.contents[unit], self._missing
        return sum(abs(missing[label] - count) - abs(missing[label]) for label, count in content)

    def _holds(self, unit: int, label: int) -> bool:
        return any(label == other for other, _ in self.contents[unit])


def _deal(contents: list[list[tuple[int, int]]], folds: int, rng: np.random.Generator) -> list[int]:
    """Fold of each unit, (u,): large units first, each to the fold that has least of its kind."""
    k = 1 + max(label for content in contents for label, _ in content)
    order = _shuffled(len(contents), rng)
    order.sort(key=lambda unit: -sum(count for _, count in contents[unit]))
    have = [[0] * folds for _ in range(k)]  # rows of a class in each fold
    size = [0] * folds
    fold_of = [0] * len(contents)
    for unit in order:
        content = contents[unit]
        load = have[content[0][0]]
        if len(content) > 1:
            load = [sum(m * have[label][fold] for label, m in content) for fold in range(folds)]
        _, _, best = min(zip(load, size, range(folds), strict=True))
        fold_of[unit] = best
        for label, count in content:
            have[label][best] += count
            size[best] += count
    return fold_of
