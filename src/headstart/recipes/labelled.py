"""Labelled pictures with their features: what every recipe starts from, checked and grouped."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from headstart.arrays import Float32Array, IntArray
from headstart.backbones.backbone import Backbone
from headstart.data.duplicates import Duplicates, find_duplicates
from headstart.data.fixes import apply_fixes, read_fixes
from headstart.data.image_table import ImageTable
from headstart.data.inputs import read_images
from headstart.data.labels import plural
from headstart.data.split import Split, describe_given, split_given, split_rows, stratified_folds
from headstart.errors import BadInput, BadInputsError, DataError
from headstart.features.embed import Features, embed_pictures
from headstart.images.decode import extension_disagrees
from headstart.options import EmbedOptions, LabelOptions, ReadOptions, SplitOptions
from headstart.progress import QUIET, Progress

LARGEST_FOR_FOLDS = 5_000  # rows; with more, one test part is precise enough
SHOWN_NAMES = 3


@dataclass(frozen=True)
class Labelled:
    """Usable rows only; all columns have n rows.

    Attributes:
        table: names, paths, labels.
        features: of the same rows.
        duplicates: groups of equal and nearly equal pictures, and the user's own groups.
        targets: each row's class as a number in the order of `classes`, (n,).
        classes: class names in stored order, (k,).
        left_out: bad rows that `--skip-bad` went on without.
        notes: lines for the user.
    """

    table: ImageTable
    features: Features
    duplicates: Duplicates
    targets: IntArray
    classes: tuple[str, ...]
    left_out: tuple[BadInput, ...]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.table)

    @property
    def labels(self) -> tuple[str, ...]:
        """Class of each row as text, (n,)."""
        return self.table.labels or ()


def read_labelled(
    source: Path, options: ReadOptions, labels: LabelOptions = LabelOptions()
) -> ImageTable:
    """The table, with labels and the user's fixes.

    Raises DataError when it has no labels, when no row can be used, or when a fix does not fit.
    """
    table = read_images(source, options)
    if len(table) == 0:
        table.raise_if_bad()
        raise DataError(f"{source}: no pictures")
    if table.labels is None:
        raise DataError(f"{source} has no labels; name their column with --label-column")
    if labels.fixes is not None:
        table = apply_fixes(table, read_fixes(labels.fixes, table.classes))
    return table


def embed_labelled(
    table: ImageTable,
    backbone: Backbone,
    embed: EmbedOptions,
    read: ReadOptions,
    split: SplitOptions,
    progress: Progress = QUIET,
) -> Labelled:
    """Features of a table's rows, with all bad inputs in one list, and duplicates in groups.

    Raises BadInputsError unless `read.skip_bad`.
    """
    if table.bad and not read.skip_bad:
        so_far = plural(len(table.bad), "bad input")
        progress.note(f"{so_far} so far; the pictures are read to list the rest")
    features = embed_pictures(
        table.paths,
        backbone,
        embed,
        seed=split.seed,
        max_pixels=read.max_pixels,
        progress=progress,
    )
    return _clean(table, features, read.skip_bad, split.near_duplicates)


def _clean(table: ImageTable, features: Features, skip_bad: bool, near: bool) -> Labelled:
    unreadable = {row: error for row, error in enumerate(features.errors) if error}
    contradicting = _contradictions(table, features.sha256)
    bad = list(table.bad)
    bad += table.unread(features.errors)
    bad += [BadInput(table.where(row), cause) for row, cause in contradicting.items()]
    if bad and not skip_bad:
        replace(table, bad=()).raise_if_bad([*bad, *_lone_classes(table)])
    rows = [r for r in range(len(table)) if r not in unreadable and r not in contradicting]
    if not rows:
        raise BadInputsError(bad, "No picture is left.")
    table, features = table.take(rows), _take(features, rows)
    if len(table.classes) < 2:
        raise DataError(f"one class only ({table.classes[0]!r}); a classifier needs two or more")
    notes = (*table.notes, *content_notes(table, features))
    given = describe_given(table.splits) if table.splits is not None else None
    if given is not None:
        notes += (given,)
    if bad:
        notes += (f"{plural(len(bad), 'bad input')} left out",)
    position = {name: number for number, name in enumerate(table.classes)}
    targets = np.array([position[label] for label in table.labels or ()], dtype=np.int64)
    duplicates = _duplicates(table, features, near)
    return Labelled(table, features, duplicates, targets, table.classes, tuple(bad), notes)


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


def _contradictions(table: ImageTable, sha256: Sequence[str]) -> dict[int, str]:
    """Rows whose bytes stand under two labels, with the cause."""
    by_content: dict[str, list[int]] = {}
    for row, digest in enumerate(sha256):
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


def _take(features: Features, rows: list[int]) -> Features:
    return replace(
        features,
        values=features.values[rows],
        views=features.views[rows],
        sha256=tuple(features.sha256[row] for row in rows),
        statistics=tuple(features.statistics[row] for row in rows),
        errors=tuple(features.errors[row] for row in rows),
    )


def content_notes(table: ImageTable, features: Features) -> tuple[str, ...]:
    """Lines about animations and about names that do not fit the content."""
    moving, misnamed = [], []
    for name, fact in zip(table.ids, features.statistics, strict=True):
        if fact is not None and fact.frames > 1:
            moving.append(f"{name} ({fact.frames} frames or pages)")
        if fact is not None and extension_disagrees(name, fact.format):
            misnamed.append(f"{name} is {fact.format}")
    notes = []
    if moving:
        notes.append(
            f"{len(moving)} files have more than one frame or page, the first is used: "
            + _some(moving)
        )
    if misnamed:
        notes.append(
            f"{len(misnamed)} files have another format than their name says: {_some(misnamed)}"
        )
    return tuple(notes)


def _some(names: list[str]) -> str:
    more = len(names) - SHOWN_NAMES
    return ", ".join(names[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def _duplicates(table: ImageTable, features: Features, near: bool) -> Duplicates:
    statistics = [fact for fact in features.statistics if fact is not None]
    hashes = np.array([fact.difference_hash for fact in statistics], dtype=np.uint64)
    small = np.frombuffer(b"".join(fact.thumbnail for fact in statistics), dtype=np.uint8)
    return find_duplicates(
        sha256=features.sha256,
        hashes=hashes if near else None,
        thumbnails=small.reshape(-1, 8, 8, 3) if near else None,
        features=features.values if near and features.values.shape[1] else None,
        given=table.groups,
    )


def choose_split(data: Labelled, options: SplitOptions) -> Split:
    """The given split when the table has one, else a stratified draw that keeps groups together."""
    if data.table.splits is not None:
        return split_given(data.table.splits)
    return split_rows(
        data.labels,
        test_fraction=options.test_fraction,
        seed=options.seed,
        groups=data.duplicates.group,
    )


def choose_folds(data: Labelled, options: SplitOptions) -> list[Split]:
    """Stratified folds over all rows; none when they are switched off or there are many rows."""
    if options.folds == 0 or len(data) >= LARGEST_FOR_FOLDS:
        return []
    return stratified_folds(
        data.labels, folds=options.folds, seed=options.seed, groups=data.duplicates.group
    )


def stack_views(data: Labelled, rows: IntArray) -> tuple[Float32Array, IntArray, IntArray]:
    """Training rows with their augmented views below: features, targets, and each row's group."""
    values, views = data.features.values, data.features.views
    group = data.duplicates.group
    parts = [values[rows], *(views[rows, k] for k in range(views.shape[1]))]
    repeats = len(parts)
    return (
        np.concatenate(parts) if repeats > 1 else parts[0],
        np.tile(data.targets[rows], repeats),
        np.tile(group[rows], repeats),
    )
