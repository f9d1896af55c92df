"""Everything that can be said of a data set, in one call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from headstart.audit import finding_texts
from headstart.audit.class_counts import describe_counts, look_over
from headstart.audit.doubts import find_doubts
from headstart.audit.duplicate_leak import measure_leak, torn_rows
from headstart.audit.findings import Audit
from headstart.audit.learning_curve import LearningCurve, learning_curve
from headstart.audit.name_series import look_for_series
from headstart.audit.odd_pictures import find_odd
from headstart.audit.shortcuts.search import search_shortcuts
from headstart.audit.wrong_labels import find_wrong_labels, label_scores
from headstart.data.dataset import Dataset
from headstart.data.duplicates import contradictions
from headstart.data.fixes import read_fixes
from headstart.data.image_table import ImageTable
from headstart.data.read_table import read_table
from headstart.data.split import stratified_folds
from headstart.errors import BadInput, DataError, TableError
from headstart.evaluate.predictions import Predictions
from headstart.features.embed import Features
from headstart.heads.head import Head
from headstart.heads.linear import LinearHead
from headstart.images.address import Url
from headstart.images.source import Unavailable
from headstart.options import DEFAULT_SEED, FitOptions, as_json
from headstart.progress import QUIET, Progress, step
from headstart.recipes.data_preparation import open_and_tell, prepare_data, read_labelled, tell
from headstart.recipes.folds import cross_validate
from headstart.recipes.run_record import RunRecord, Stopwatch, make_record

FOLDS = 5


def audit(
    data: Dataset,
    features: Features,
    predictions: Predictions | None = None,
    *,
    make: Callable[[], Head] | None = None,
    test_fraction: float = 0.1,
    seed: int = DEFAULT_SEED,
    progress: Progress = QUIET,
) -> Audit:
    """Look for everything: contradictions, shortcuts, wrong labels, odd pictures, and the rest.

    Args:
        data, features: usable rows, read with `skip_bad`: bad inputs become findings.
        predictions: out-of-fold answers of its rows; default: five folds are fitted.
        make: makes a head; default: the linear head.
        test_fraction: share of the test part that the counts are judged for.
        seed, progress: of everything drawn; told of the fits.
    """
    make = make or partial(LinearHead, random_state=seed)
    predictions = predictions or _out_of_fold(data, features, make, seed, progress)
    with step(progress, "wrong labels, odd pictures and shortcuts"):
        wrong = find_wrong_labels(predictions) if predictions is not None else ()
        odd = find_odd(data.statistics, features.values, seed=seed)
        search = search_shortcuts(data.table, data.statistics, groups=data.groups, seed=seed)
    against = contradictions(data.duplicates.pairs, data.labels)
    overview = look_over(data.labels, data.statistics)
    counts = describe_counts(overview.class_counts, test_fraction=test_fraction)
    leak = measure_leak(data, features, make, seed=seed, progress=progress)
    series = look_for_series(data.table, data, features.values, seed=seed)
    curve = _curve(data, features, make, seed, progress)
    findings = [
        *finding_texts.about_bad(data.left_out),
        *finding_texts.about_contradictions(against, data.table),
        *finding_texts.about_given_split(torn_rows(data), data.table),
        *finding_texts.about_series(series, data.table),
        *finding_texts.about_shortcuts(search),
        *finding_texts.about_wrong_labels(wrong),
        *finding_texts.about_duplicates(data.duplicates.pairs, leak),
        *finding_texts.about_odd(odd),
        *finding_texts.about_counts(counts),
        *(finding_texts.about_curve(curve) if curve is not None else ()),
    ]
    return Audit(
        table=data.table,
        bad=data.left_out,
        findings=finding_texts.in_order(findings),
        shortcuts=search,
        contradictions=against,
        pairs=data.duplicates.pairs,
        wrong_labels=wrong,
        label_scores=None if predictions is None else label_scores(predictions),
        doubts=find_doubts(findings, data, features.values, predictions, against),
        odd=odd,
        overview=overview,
        leak=leak,
        series=series,
        curve=curve,
        counts=counts,
    )


def audit_table(table: ImageTable, *, seed: int = DEFAULT_SEED) -> Audit:
    """What a table of names and labels says by itself, when the pictures are not there.

    Read it with `read_table(path, options, keep_missing=True)`. Rows without a label are bad.
    Raises ValueError for a table without labels.
    """
    if table.labels is None:
        raise ValueError(f"{table.source} has no labels")
    bad = [*table.bad]
    kept = []
    for row, (image, label) in enumerate(zip(table.images, table.labels, strict=True)):
        if isinstance(image, Unavailable):
            bad.append(BadInput(table.where(row), image.cause))
        elif not label:
            bad.append(_no_label(table, row))
        else:
            kept.append(row)
    table = table.take(kept)
    search = search_shortcuts(table, seed=seed)
    overview = look_over(table.labels or (), [None] * len(table))
    counts = describe_counts(overview.class_counts) if kept else None
    series = look_for_series(table)
    missing = [row for row, image in enumerate(table.images) if image.is_absent()]
    findings = [
        *finding_texts.about_bad(bad),
        *finding_texts.about_missing(missing, table),
        *finding_texts.about_series(series, table),
        *finding_texts.about_shortcuts(search),
        *(finding_texts.about_counts(counts) if counts is not None else ()),
    ]
    return Audit(
        table=table,
        bad=tuple(bad),
        findings=finding_texts.in_order(findings),
        shortcuts=search,
        contradictions=(),
        pairs=(),
        wrong_labels=(),
        label_scores=None,
        doubts=(),
        odd=(),
        overview=overview,
        leak=None,
        series=series,
        curve=None,
        counts=counts,
    )


def _no_label(table: ImageTable, row: int) -> BadInput:
    return BadInput(table.where(row), "no label")


def _out_of_fold(
    data: Dataset, features: Features, make: Callable[[], Head], seed: int, progress: Progress
) -> Predictions | None:
    """None when a class is too small for folds."""
    try:
        folds = stratified_folds(data.labels, folds=FOLDS, seed=seed, groups=data.groups)
    except DataError:
        return None
    return cross_validate(data, features, folds, make, progress).predictions


def _curve(
    data: Dataset, features: Features, make: Callable[[], Head], seed: int, progress: Progress
) -> LearningCurve | None:
    try:
        return learning_curve(data, features, make, seed=seed, progress=progress)
    except DataError:
        return None


@dataclass(frozen=True)
class Checked:
    """An audit, and what was run for it."""

    audit: Audit
    record: RunRecord


def run_check(source: Path | Url, options: FitOptions, progress: Progress = QUIET) -> Checked:
    """Read, embed, and look for everything; bad rows and files become findings.

    A table none of whose pictures is there is looked at by itself, and a note says so.

    Raises:
        DataError: there are no labels, no usable picture, or one class only.
        UsageError: an option does not fit the source.
    """
    clock = Stopwatch()
    options = replace(options, read=replace(options.read, skip_bad=True))
    try:
        table = read_labelled(source, options.read, options.labels, progress)
    except TableError:
        alone = _without_pictures(source, options)
        if alone is None:
            raise
        return _check_table(alone, options, clock, progress)
    backbone = open_and_tell(options, progress, clock)
    data, features = prepare_data(table, backbone, options, progress)
    clock.lap("embed")
    split = options.split
    found = audit(
        data, features, test_fraction=split.test_fraction, seed=split.seed, progress=progress
    )
    clock.lap("audit")
    found = replace(found, decided=_decided(options, data.table))
    return Checked(found, make_record("check", _chosen(options), data, clock, [backbone]))


def _decided(options: FitOptions, table: ImageTable) -> dict[str, str | None]:
    """What was decided before: each image of the table of fixes with its class, None without."""
    if options.labels.fixes is None:
        return {}
    label_of = dict(zip(table.ids, table.labels or (), strict=True))
    return {name: label_of.get(name) for name in read_fixes(options.labels.fixes)}


def _chosen(options: FitOptions) -> dict[str, Any]:
    """The options that a check has."""
    chosen = as_json(options)
    return {
        room: chosen[room] for room in ("read", "labels", "backbone", "embed", "split", "write")
    }


def _without_pictures(source: Path | Url, options: FitOptions) -> ImageTable | None:
    """The table of names and labels when not a single one of its pictures is there."""
    if isinstance(source, Path) and not source.is_file():
        return None
    table = read_table(source, options.read, keep_missing=True)
    if table.labels is None or not len(table):
        return None
    absent = (image.is_absent() or isinstance(image, Unavailable) for image in table.images)
    return table if all(absent) else None


def _check_table(
    table: ImageTable, options: FitOptions, clock: Stopwatch, progress: Progress
) -> Checked:
    note = (
        f"none of the {len(table):,} pictures was found: names, labels and the order of the rows "
        "are looked at alone"
    )
    table = replace(table, notes=(*table.notes, note))
    tell(progress, table.notes)
    found = audit_table(table, seed=options.split.seed)
    return Checked(found, make_record("check", _chosen(options), table, clock))
