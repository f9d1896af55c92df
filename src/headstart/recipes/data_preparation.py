"""From what the user gives to checked rows with their features, their split and their folds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from headstart.arrays import Float32Array, IntArray
from headstart.backbones.backbone import Backbone
from headstart.backbones.opening import open_for
from headstart.data.dataset import Dataset, make_dataset
from headstart.data.fixes import apply_fixes, read_fixes
from headstart.data.image_table import ImageTable
from headstart.data.inputs import read_images
from headstart.data.split import Split, split_given, split_rows, stratified_folds
from headstart.errors import DataError, UsageError
from headstart.features.embed import Features, embed_images, inspect_images
from headstart.images.address import Url
from headstart.options import FitOptions, LabelOptions, ReadOptions, SplitOptions
from headstart.progress import QUIET, Progress
from headstart.recipes.run_record import Stopwatch
from headstart.wording import plural


def read_labelled(
    source: Path | Url,
    options: ReadOptions,
    labels: LabelOptions = LabelOptions(),
    progress: Progress = QUIET,
) -> ImageTable:
    """The table, with labels and the user's fixes; its notes are told.

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
    tell(progress, table.notes)
    return table


def refuse_drawn_split(table: ImageTable, options: SplitOptions) -> None:
    """Raise UsageError for a share of test rows where folders give the split: it would be dropped.

    Of a split column the options' own check knows, before anything is read.
    """
    if table.splits is not None and options.test_fraction != SplitOptions().test_fraction:
        raise UsageError(
            f"--test-fraction is {options.test_fraction}, and the folders of {table.source} give "
            "the split; leave it out, or put the classes side by side in one folder"
        )


def open_and_tell(options: FitOptions, progress: Progress, clock: Stopwatch) -> Backbone:
    """The backbone of a run, its notes told. Raises UsageError and WeightsError."""
    backbone = open_for(options.backbone, options.embed)
    tell(progress, backbone.info.notes)
    clock.lap("open")
    return backbone


def prepare_data(
    table: ImageTable, backbone: Backbone, options: FitOptions, progress: Progress = QUIET
) -> tuple[Dataset, Features]:
    """Checked rows with groups, and their features, in one pass over the pictures.

    What is found is told. Raises BadInputsError, unless `options.read.skip_bad`, and DataError.
    """
    _tell_bad(table, options, progress)
    records, features = embed_images(
        table.images,
        backbone,
        options.embed,
        seed=options.split.seed,
        max_pixels=options.read.max_pixels,
        progress=progress,
    )
    data, rows = make_dataset(
        table,
        records,
        features=features.values,
        skip_bad=options.read.skip_bad,
        near_duplicates=options.split.near_duplicates,
        progress=progress,
    )
    return data, features.take(rows)


def embed_again(
    data: Dataset,
    backbone: Backbone,
    options: FitOptions,
    progress: Progress = QUIET,
    *,
    work: str,
) -> Features:
    """Features by another backbone of rows that are prepared already.

    Raises UsageError when a picture changed since, with the `work` to run again.
    """
    records, features = embed_images(
        data.table.images,
        backbone,
        options.embed,
        seed=options.split.seed,
        max_pixels=options.read.max_pixels,
        progress=progress,
    )
    if records.digests != data.digests:
        raise UsageError(f"a picture changed during the {work}; run it again")
    return features


def prepare_without_features(
    table: ImageTable, options: FitOptions, progress: Progress = QUIET
) -> Dataset:
    """Checked rows with groups, for what trains on the pictures themselves; as `prepare_data`."""
    _tell_bad(table, options, progress)
    records = inspect_images(
        table.images, options.embed, max_pixels=options.read.max_pixels, progress=progress
    )
    data, _ = make_dataset(
        table,
        records,
        skip_bad=options.read.skip_bad,
        near_duplicates=options.split.near_duplicates,
        progress=progress,
    )
    return data


def tell(progress: Progress, notes: Iterable[str]) -> None:
    """Each line for the user, once, where it arises."""
    for note in notes:
        progress.note(note)


def _tell_bad(table: ImageTable, options: FitOptions, progress: Progress) -> None:
    if table.bad and not options.read.skip_bad:
        so_far = plural(len(table.bad), "bad input")
        progress.note(f"{so_far} so far; the pictures are read to list the rest")


def choose_split(data: Dataset, options: SplitOptions) -> Split:
    """The given split when the table has one, else a stratified draw that keeps groups together."""
    if data.table.splits is not None:
        return split_given(data.table.splits)
    return split_rows(
        data.labels,
        test_fraction=options.test_fraction,
        seed=options.seed,
        groups=data.groups,
    )


def choose_folds(data: Dataset, options: SplitOptions) -> list[Split]:
    """Stratified folds over all rows, none when none are wanted."""
    folds = options.folds_for(len(data), len(data.classes))
    if folds == 0:
        return []
    return stratified_folds(data.labels, folds=folds, seed=options.seed, groups=data.groups)


def stack_views(
    data: Dataset, features: Features, rows: IntArray
) -> tuple[Float32Array, IntArray, IntArray]:
    """Training rows with their augmented views below: features, targets, and each row's group."""
    values, views = features.values, features.views
    parts = [values[rows], *(views[rows, k] for k in range(views.shape[1]))]
    repeats = len(parts)
    return (
        np.concatenate(parts) if repeats > 1 else parts[0],
        np.tile(data.targets[rows], repeats),
        np.tile(data.groups_of(rows), repeats),
    )
