"""Everything that can be said of a data set, in one call."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from headstart.audit import describe
from headstart.audit.findings import Audit
from headstart.audit.leak import measure_leak
from headstart.audit.learning_curve import LearningCurve, learning_curve
from headstart.audit.odd_pictures import find_odd
from headstart.audit.overview import look_over
from headstart.audit.shortcuts import search_shortcuts
from headstart.audit.small_classes import describe_counts
from headstart.audit.wrong_labels import find_wrong_labels, label_scores
from headstart.data.duplicates import contradictions
from headstart.data.image_table import ImageTable
from headstart.data.split import stratified_folds
from headstart.errors import BadInput, DataError
from headstart.evaluate.predictions import Predictions
from headstart.heads.head import Head
from headstart.heads.linear import LinearHead
from headstart.options import DEFAULT_SEED
from headstart.progress import QUIET, Progress
from headstart.recipes.cross_validate import cross_validate
from headstart.recipes.labelled import Labelled

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

    What must be mended (`Audit.must_mend`, exit code 1): bad rows and files, among them the same
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
    facts, groups = data.features.facts, data.duplicates.group
    predictions = predictions or _out_of_fold(data, make, seed, progress)
    wrong = find_wrong_labels(predictions) if predictions is not None else ()
    odd = find_odd(facts, data.features.values, seed=seed)
    search = search_shortcuts(data.table, facts, groups=groups, seed=seed)
    against = contradictions(data.duplicates.pairs, data.labels)
    overview = look_over(data.labels, facts)
    leak = measure_leak(data, make, seed=seed, progress=progress)
    curve = _curve(data, make, seed, progress)
    counts = describe_counts(overview.class_counts, test_fraction=test_fraction)
    findings = [
        *describe.about_bad(data.left_out),
        *describe.about_contradictions(against, data.table),
        *describe.about_shortcuts(search),
        *describe.about_wrong_labels(wrong),
        *describe.about_duplicates(data.duplicates.pairs, leak),
        *describe.about_odd(odd),
        *describe.about_counts(counts),
        *(describe.about_curve(curve) if curve is not None else ()),
    ]
    return Audit(
        table=data.table,
        bad=data.left_out,
        findings=describe.in_order(findings),
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
        *describe.about_bad(bad),
        *describe.about_missing(missing, table),
        *describe.about_shortcuts(search),
        *(describe.about_counts(counts) if counts is not None else ()),
    ]
    return Audit(
        table=table,
        bad=tuple(bad),
        findings=describe.in_order(findings),
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
