"""Everything that can be said of a data set, in one call."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from headstart.audit import finding_texts
from headstart.audit.class_counts import describe_counts, look_over
from headstart.audit.duplicate_leak import measure_leak
from headstart.audit.findings import Audit
from headstart.audit.learning_curve import LearningCurve, learning_curve
from headstart.audit.odd_pictures import find_odd
from headstart.audit.shortcuts.search import search_shortcuts
from headstart.audit.wrong_labels import find_wrong_labels, label_scores
from headstart.backbones.opening import open_backbone
from headstart.data.duplicates import contradictions
from headstart.data.image_table import ImageTable
from headstart.data.read_table import read_table
from headstart.data.split import stratified_folds
from headstart.errors import BadInput, DataError, TableError
from headstart.evaluate.predictions import Predictions
from headstart.heads.head import Head
from headstart.heads.linear import LinearHead
from headstart.options import DEFAULT_SEED, FitOptions, as_json
from headstart.progress import QUIET, Progress
from headstart.recipes import run_record
from headstart.recipes.folds import cross_validate
from headstart.recipes.labelled import Labelled, embed_labelled, read_labelled
from headstart.recipes.run_record import RunRecord

FOLDS = 5


def audit(
    data: Labelled,
    predictions: Predictions | None = None,
    *,
    make: Callable[[], Head] | None = None,
    test_fraction: float = 0.1,
    seed: int = DEFAULT_SEED,
    progress: Progress = QUIET,
) -> Audit:
    """Look for everything: contradictions, shortcuts, wrong labels, odd pictures, and the rest.

    What must be mended (`Audit.has_errors`, exit code 1): bad rows and files, among them the same
    bytes under two labels; near-duplicates with different labels; and a width, a format or a file
    size that gives the label away (95% or more), since its traces are in the pixels. A name, an
    order or a time that does is to be looked at: the model does not see it.

    Args:
        data: usable rows with features and duplicates; read it with `skip_bad`, so that bad
            inputs become findings instead of an error.
        predictions: out-of-fold answers of its rows; default: five folds are fitted.
        make: makes a head for each fit; default: the linear head.
        test_fraction: share of the test part that the counts are judged for.
        seed, progress: of everything drawn; told of the fits.
    """
    make = make or partial(LinearHead, random_state=seed)
    statistics, groups = data.features.statistics, data.duplicates.group
    predictions = predictions or _out_of_fold(data, make, seed, progress)
    wrong = find_wrong_labels(predictions) if predictions is not None else ()
    odd = find_odd(statistics, data.features.values, seed=seed)
    search = search_shortcuts(data.table, statistics, groups=groups, seed=seed)
    against = contradictions(data.duplicates.pairs, data.labels)
    overview = look_over(data.labels, statistics)
    leak = measure_leak(data, make, seed=seed, progress=progress)
    curve = _curve(data, make, seed, progress)
    counts = describe_counts(overview.class_counts, test_fraction=test_fraction)
    findings = [
        *finding_texts.about_bad(data.left_out),
        *finding_texts.about_contradictions(against, data.table),
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
        odd=odd,
        overview=overview,
        leak=leak,
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
    kept = [row for row, label in enumerate(table.labels) if label]
    bad = [*table.bad]
    bad += [_no_label(table, row) for row in np.setdiff1d(np.arange(len(table)), kept).tolist()]
    table = table.take(kept)
    search = search_shortcuts(table, seed=seed)
    overview = look_over(table.labels or (), [None] * len(table))
    counts = describe_counts(overview.class_counts) if kept else None
    missing = [row for row, path in enumerate(table.paths) if not path.is_file()]
    findings = [
        *finding_texts.about_bad(bad),
        *finding_texts.about_missing(missing, table),
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
        odd=(),
        overview=overview,
        leak=None,
        curve=None,
        counts=counts,
    )


def _no_label(table: ImageTable, row: int) -> BadInput:
    return BadInput(table.where(row), "no label")


def _out_of_fold(
    data: Labelled, make: Callable[[], Head], seed: int, progress: Progress
) -> Predictions | None:
    """None when a class is too small for folds."""
    try:
        folds = stratified_folds(data.labels, folds=FOLDS, seed=seed, groups=data.duplicates.group)
    except DataError:
        return None
    return cross_validate(data, folds, make, progress).predictions


def _curve(
    data: Labelled, make: Callable[[], Head], seed: int, progress: Progress
) -> LearningCurve | None:
    try:
        return learning_curve(data, make, seed=seed, progress=progress)
    except DataError:
        return None


@dataclass(frozen=True)
class Checked:
    """An audit, and what was run for it."""

    audit: Audit
    record: RunRecord


def run_check(source: Path, options: FitOptions, progress: Progress = QUIET) -> Checked:
    """Read, embed, and look for everything; bad rows and files become findings.

    A table none of whose pictures is there is looked at by itself, and a note says so.

    Raises:
        DataError: there are no labels, no usable picture, or one class only.
        UsageError: an option does not fit the source.
    """
    started, began = run_record.now(), time.perf_counter()
    reading = replace(options.read, skip_bad=True)
    try:
        table = read_labelled(source, reading, options.labels)
    except TableError:
        alone = _without_pictures(source, options)
        if alone is None:
            raise
        return _check_table(alone, options, started, began, progress)
    for note in table.notes:
        progress.note(note)
    backbone = open_backbone(options.backbone, device=options.embed.device)
    for note in backbone.info.notes:
        progress.note(note)
    data = embed_labelled(table, backbone, options.embed, reading, options.split, progress)
    for note in data.notes[len(table.notes) :]:
        progress.note(note)
    split = options.split
    looked = time.perf_counter()
    found = audit(data, test_fraction=split.test_fraction, seed=split.seed, progress=progress)
    seconds = {
        "embed": data.features.seconds,
        "audit": time.perf_counter() - looked,
        "total": time.perf_counter() - began,
    }
    return Checked(found, _record(options, data, started, seconds))


def _without_pictures(source: Path, options: FitOptions) -> ImageTable | None:
    """The table of names and labels when not a single one of its pictures is there."""
    if source.is_dir() or not source.is_file():
        return None
    table = read_table(source, options.read, keep_missing=True)
    if table.labels is None or not len(table) or any(path.is_file() for path in table.paths):
        return None
    return table


def _check_table(
    table: ImageTable, options: FitOptions, started: str, began: float, progress: Progress
) -> Checked:
    note = (
        f"none of the {len(table):,} pictures was found: names, labels and the order of the rows "
        "are looked at alone"
    )
    table = replace(table, notes=(*table.notes, note))
    for line in table.notes:
        progress.note(line)
    found = audit_table(table, seed=options.split.seed)
    seconds = {"total": time.perf_counter() - began}
    return Checked(found, _record(options, table, started, seconds))


def _record(
    options: FitOptions, data: Labelled | ImageTable, started: str, seconds: dict[str, float]
) -> RunRecord:
    rooms = ("read", "labels", "backbone", "embed", "split")
    chosen = as_json(options)
    sha256 = data.features.sha256 if isinstance(data, Labelled) else ("",) * len(data)
    return RunRecord(
        recipe="check",
        source=str(data.table.source if isinstance(data, Labelled) else data.source),
        options={room: chosen[room] for room in rooms},
        seed=options.split.seed,
        data_digest=run_record.data_digest(sha256, data.labels or ()),
        versions=run_record.versions(),
        machine=run_record.machine(),
        started=started,
        seconds=seconds,
        notes=data.notes,
    )
