"""Labelled pictures, read and checked: what every recipe starts from. Features stand beside it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from headstart.arrays import Float32Array, IntArray
from headstart.data.duplicates import Duplicates, find_duplicates
from headstart.data.image_table import ImageTable
from headstart.data.near_duplicates import signatures
from headstart.data.split import describe_given
from headstart.errors import BadInput, BadInputsError, DataError
from headstart.images.formats import extension_disagrees
from headstart.images.source import ImageSource
from headstart.images.statistics import ImageStatistics
from headstart.progress import QUIET, Progress
from headstart.wording import plural, some_of

SHOWN_NAMES = 3

Statistics = Sequence[ImageStatistics | None]


@dataclass(frozen=True)
class ImageRecords:
    """What was read of n pictures.

    Attributes:
        digests: sha256 of the contents, "" where a picture cannot be read, (n,).
        statistics: what was measured, None where a picture cannot be decoded, (n,).
        errors: why a picture cannot be used, "" where it can, (n,).
    """

    digests: tuple[str, ...]
    statistics: tuple[ImageStatistics | None, ...]
    errors: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.digests)

    def raise_if_bad(self, images: Sequence[ImageSource]) -> None:
        """Raise one BadInputsError that lists every picture with an error."""
        bad = [BadInput(i.name, e) for i, e in zip(images, self.errors, strict=True) if e]
        if bad:
            raise BadInputsError(bad)


@dataclass(frozen=True)
class Dataset:
    """Usable rows only; all columns have n rows.

    Attributes:
        table: names, sources, labels.
        digests: sha256 of each picture's content, (n,).
        statistics: what was measured of each picture, (n,).
        duplicates: groups of equal and nearly equal pictures joined with the user's own groups.
        targets: each row's class as a number in the order of `classes`, (n,).
        classes: class names in stored order, (k,).
        left_out: bad rows that `--skip-bad` went on without.
        notes: what was found and repaired, for the record; each was told when it arose.

    Raises ValueError for columns of unequal length and for targets that are no class.
    """

    table: ImageTable
    digests: tuple[str, ...]
    statistics: tuple[ImageStatistics, ...]
    duplicates: Duplicates
    targets: IntArray
    classes: tuple[str, ...]
    left_out: tuple[BadInput, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.table)
        columns = {
            "labels": self.table.labels or (),
            "digests": self.digests,
            "statistics": self.statistics,
            "groups": self.duplicates.group,
            "targets": self.targets,
        }
        for name, column in columns.items():
            if len(column) != n:
                raise ValueError(f"{name} has {len(column)} rows, the table {n}")
        if n and not 0 <= self.targets.min() <= self.targets.max() < len(self.classes):
            raise ValueError(f"targets are not all from 0 to {len(self.classes) - 1}")

    def __len__(self) -> int:
        return len(self.table)

    @property
    def labels(self) -> tuple[str, ...]:
        """Class of each row as text, (n,)."""
        return self.table.labels or ()

    @property
    def groups(self) -> IntArray:
        """Number of each row's group: rows of one group stay on one side of every split, (n,)."""
        return self.duplicates.group

    def groups_of(self, rows: IntArray) -> IntArray:
        """The groups of some rows, (b,), numbered by the first of these rows in each.

        What is drawn by groups then does not depend on the rows that are not among them.
        """
        _, first, number = np.unique(self.groups[rows], return_index=True, return_inverse=True)
        return np.argsort(np.argsort(first))[number]


def make_dataset(
    table: ImageTable,
    records: ImageRecords,
    *,
    features: Float32Array | None = None,
    skip_bad: bool = False,
    near_duplicates: bool = True,
    progress: Progress = QUIET,
) -> tuple[Dataset, list[int]]:
    """The usable rows of a table whose pictures were read, and which rows of it they are.

    Args:
        table: names, sources and labels, with the bad rows found so far, n.
        records: of its pictures, n.
        features: (n, d); with them more near-duplicates are found.
        skip_bad: leave bad rows out instead of refusing all.
        near_duplicates: put near-duplicates into groups, not only equal pictures.
        progress: told of what is worth knowing of the pictures.

    Raises:
        BadInputsError: bad rows, all in one list: unreadable pictures, and pictures of the same
            bytes under two labels.
        DataError: one class only.
    """
    causes = _contradictions(table, records.digests)
    bad = [*table.bad, *table.unread(records.errors)]
    bad += [BadInput(table.where(row), cause) for row, cause in causes.items()]
    if bad and not skip_bad:
        replace(table, bad=()).raise_if_bad([*bad, *_lone_classes(table)])
    rows = [row for row, error in enumerate(records.errors) if not error and row not in causes]
    if not rows:
        raise BadInputsError(bad, "No picture is left.")
    table = table.take(rows)
    if len(table.classes) < 2:
        raise DataError(f"one class only ({table.classes[0]!r}); a classifier needs two or more")
    kept = [item for row in rows if (item := records.statistics[row]) is not None]
    digests = [records.digests[row] for row in rows]
    notes = list(content_notes(table.ids, kept))
    given = describe_given(table.splits) if table.splits is not None else None
    notes += [given] if given is not None else []
    notes += [f"{plural(len(bad), 'bad input')} left out"] if bad else []
    for note in notes:
        progress.note(note)
    position = {name: number for number, name in enumerate(table.classes)}
    used = features[rows] if features is not None else None
    duplicates = _duplicates(table, digests, kept, used, near_duplicates, progress)
    data = Dataset(
        table=table,
        digests=tuple(digests),
        statistics=tuple(kept),
        duplicates=duplicates,
        targets=np.array([position[label] for label in table.labels or ()], dtype=np.int64),
        classes=table.classes,
        left_out=tuple(bad),
        notes=(*table.notes, *notes),
    )
    return data, rows


def _lone_classes(table: ImageTable) -> list[BadInput]:
    """Classes that no mending of the other rows makes large enough to be split."""
    if table.splits is not None:
        return []
    counts = Counter(table.labels or ())
    cause = "has 1 picture; a training and a test part need at least 2: add pictures, or leave it"
    return [
        BadInput(f"class {name!r}", f"{cause} out with --exclude {shlex.quote(name)}")
        for name in table.classes
        if counts[name] == 1
    ]


def _contradictions(table: ImageTable, digests: Sequence[str]) -> dict[int, str]:
    """Rows whose bytes stand under two labels, with the cause."""
    by_content: dict[str, list[int]] = {}
    for row, digest in enumerate(digests):
        if digest:
            by_content.setdefault(digest, []).append(row)
    labels = table.labels or ()
    causes = {}
    for rows in by_content.values():
        if len({labels[row] for row in rows}) > 1:
            for row in rows:
                # A placeholder picture may stand in thousands of rows: a few others say enough.
                others = (o for o in rows if labels[o] != labels[row])
                named = [f"{table.ids[o]} is {labels[o]!r}" for o in islice(others, SHOWN_NAMES)]
                more = len(rows) - 1 - len(named)
                causes[row] = (
                    f"labelled {labels[row]!r}, but the same picture {', '.join(named)}"
                    + (f" ({more} more copies)" if more else "")
                )
    return causes


def content_notes(names: Sequence[str], statistics: Statistics) -> tuple[str, ...]:
    """Lines about animations and about names that do not fit the content."""
    moving, misnamed = [], []
    for name, measured in zip(names, statistics, strict=True):
        if measured is None or measured.format == "pixels":
            continue
        if measured.frames > 1:
            moving.append(f"{name} ({measured.frames} frames or pages)")
        if extension_disagrees(name, measured.format):
            misnamed.append(f"{name} is {measured.format}")
    notes = []
    if moving:
        notes.append(
            f"{len(moving)} files have more than one frame or page, the first is used: "
            + some_of(moving, SHOWN_NAMES)
        )
    if misnamed:
        notes.append(
            f"{len(misnamed)} files have another format than their name says: "
            + some_of(misnamed, SHOWN_NAMES)
        )
    return tuple(notes)


def _duplicates(
    table: ImageTable,
    digests: Sequence[str],
    statistics: Sequence[ImageStatistics],
    features: Float32Array | None,
    near: bool,
    progress: Progress,
) -> Duplicates:
    hashes, thumbnails = signatures(statistics) if near else (None, None)
    return find_duplicates(
        sha256=digests,
        hashes=hashes,
        thumbnails=thumbnails,
        features=features if near else None,
        given=table.groups,
        progress=progress,
    )
