"""Series that file names tell: crops, frames, sides and exports of one thing, by a shared stem."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from headstart.arrays import IntArray
from headstart.data.group_pattern import told_groups

# What the members of a series differ by, and how the stem is read from a name that may have
# folders: the first group. A pattern is tried on what the one before left of the name.
_ENDING = re.compile(r"\.[^./]{1,5}$")
_EXPORT = re.compile(r"^(.*?)(?:_(?:jpe?g|png|bmp|webp|tiff?))?\.rf\.[0-9A-Za-z]{16,}$")
_HASHED = re.compile(r"^(.+?)[-_.](?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{8,}$", re.IGNORECASE)
_SIDED = re.compile(r"^(.*[^-_. /])[-_. ]+(?:left|right|l|r|os|od)$", re.IGNORECASE)
_COUNTED = re.compile(r"^(.*?)[-_. ]*\(?[0-9]{1,9}\)?$")
# Patterns for --group-pattern; the first that fits the series found is advised.
ADVISED = (
    r"^(.+)\.rf\.",
    r"^(.+)[-_. ](?:left|right|l|r|os|od)\.",
    r"^(.+?)[-_. ]*[0-9]+\.[^.]+$",
    r"^([^-_. ]+)",
    r"^(.+)/",
    r"^(.+)\.",
)
_DIGIT = re.compile("[0-9]")
MOST_OF_WORDS = 12  # pictures under a stem of words alone; more are the numbering of a kind


@dataclass(frozen=True)
class Series:
    """The series of n names, those of two or more pictures.

    Attributes:
        number: the series of each row, from 0 in the order of their first rows, -1 for none, (n,).
        members: the rows of each series.
    """

    number: IntArray
    members: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.members)

    @property
    def pictures(self) -> int:
        """How many pictures are in a series."""
        return sum(map(len, self.members))

    def torn(self, side: IntArray) -> tuple[tuple[int, ...], ...]:
        """The series whose rows are not all on one side, given as a number for each row, (n,)."""
        return tuple(rows for rows in self.members if len(np.unique(side[list(rows)])) > 1)


def find_series(names: Sequence[str], labels: Sequence[str] | None = None) -> Series:
    """Names that share a stem and differ by a counter, a side, a hash or the ending.

    A stem that counts through the set is none: one that half of all pictures have, or half of a
    class, and one of words alone that more than 12 have, such as "cat." of cat.1.jpg to
    cat.900.jpg. What is nested, as in p012_left_3.png, goes to the coarsest stem that is a series.

    Args:
        names: files' names with their folders, such as `plain_names` gives, (n,).
        labels: their classes, (n,).
    """
    chains = [list(_stems(name)) for name in names]
    rows_of: dict[str, list[int]] = {}
    counted: set[str] = set()
    for row, chain in enumerate(chains):
        for stem, is_counted in chain:
            rows_of.setdefault(stem, []).append(row)
            if is_counted:
                counted.add(stem)
    sizes = None if labels is None else Counter(labels)
    good = {
        stem
        for stem, rows in rows_of.items()
        if len(rows) > 1
        and (stem not in counted or _is_series(stem, rows, len(names), labels, sizes))
    }
    chosen: dict[str, list[int]] = {}
    for row, chain in enumerate(chains):
        coarsest = next((stem for stem, _ in reversed(chain) if stem in good), None)
        if coarsest is not None:
            chosen.setdefault(coarsest, []).append(row)
    members = tuple(tuple(rows) for rows in chosen.values() if len(rows) > 1)
    number = np.full(len(names), -1, dtype=np.int64)
    for place, rows in enumerate(members):
        number[list(rows)] = place
    return Series(number, members)


def _stems(name: str) -> Iterator[tuple[str, bool]]:
    """What is left of a name as one mark after the other is taken off, the finest first.

    With each, whether a counter was taken off, which a whole set may be numbered by. The number
    before a side stays, since it tells whose side it is.
    """
    stem = _ENDING.sub("", name)
    yield stem, False
    for pattern in (_EXPORT, _HASHED, _COUNTED, _SIDED):
        found = pattern.match(stem)
        if found and found[1]:
            stem = found[1]
            yield stem, pattern in (_HASHED, _COUNTED)


def _is_series(
    stem: str,
    rows: Sequence[int],
    total: int,
    labels: Sequence[str] | None,
    sizes: Counter[str] | None,
) -> bool:
    """Whether a stem before counters names one thing, and is not the numbering of a set."""
    if 2 * len(rows) > total:
        return False
    if not _DIGIT.search(stem) and len(rows) > MOST_OF_WORDS:
        return False
    if labels is None or sizes is None:
        return True
    inside = Counter(labels[row] for row in rows)
    return all(2 * count <= sizes[label] for label, count in inside.items())


def advised_pattern(names: Sequence[str], series: Series) -> str | None:
    """A pattern for --group-pattern that joins each series and no other pictures, or None."""
    rows = [row for members in series.members for row in members]
    for pattern in ADVISED:
        told = told_groups(names, pattern)
        whole = all(told[m[0]] and len({told[row] for row in m}) == 1 for m in series.members)
        firsts = {told[m[0]] for m in series.members}
        joined = Counter(told)
        alone = all(joined[told[m[0]]] == len(m) for m in series.members)
        others = len(joined.keys() - firsts - {""}) + joined[""] == len(names) - len(rows)
        if whole and alone and others:
            return pattern
    return None
