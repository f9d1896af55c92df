"""How much better a model looks when copies of its test pictures stand in the training part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from headstart.arrays import BoolArray
from headstart.audit.learning_curve import stratified_rows
from headstart.data.dataset import Dataset
from headstart.data.split import Split, stratified_folds
from headstart.errors import DataError
from headstart.evaluate.intervals import Interval, wilson
from headstart.evaluate.significance import p_words, unpaired_difference
from headstart.features.embed import Features
from headstart.heads.head import Head
from headstart.options import DEFAULT_SEED
from headstart.progress import QUIET, Progress
from headstart.recipes.folds import out_of_fold

FOLDS = 5
MOST_ROWS = 10_000
FOLDED = 2_000  # rows up to which all folds are used


@dataclass(frozen=True)
class Leak:
    """Accuracy in folds that ignore duplicates, by whether a row has one in the training part.

    Attributes:
        n_with: rows with a duplicate, or a row of their own group, in the training part.
        accuracy_with: of these rows; None without any.
        interval_with: its 95% Wilson interval.
        n_without, accuracy_without, interval_without: the same for the other rows.
        accuracy_ignoring: of all rows, as a split that ignores duplicates shows it.
        p_value: of no difference between the two, None where one of them is empty.
        sentence: all this in words.
    """

    n_with: int
    accuracy_with: float | None
    interval_with: Interval | None
    n_without: int
    accuracy_without: float | None
    interval_without: Interval | None
    accuracy_ignoring: float | None
    p_value: float | None
    sentence: str


def measure_leak(
    data: Dataset,
    features: Features,
    make: Callable[[], Head],
    *,
    seed: int = DEFAULT_SEED,
    progress: Progress = QUIET,
) -> Leak:
    """Split the rows into five stratified folds as if there were no groups, fit, and compare.

    Nothing is fitted when no two rows belong together. With more than 2,000
    rows one fold is enough, and of more than 10,000 rows so many are drawn.
    """
    rows = stratified_rows(data.targets, MOST_ROWS, seed)
    groups = data.groups[rows]
    if len(np.unique(groups)) == len(rows):
        sentence = "No two pictures are duplicates, so no split can leak by them."
        return Leak(0, None, None, len(rows), None, None, None, None, sentence)
    right = np.zeros(len(rows), dtype=np.bool_)
    has_copy = np.zeros(len(rows), dtype=np.bool_)
    try:
        folds = stratified_folds([data.labels[row] for row in rows], folds=FOLDS, seed=seed)
    except DataError as error:
        sentence = f"The leak by duplicates cannot be measured: {error}"
        return Leak(0, None, None, len(rows), None, None, None, None, sentence)
    folds = folds if len(rows) <= FOLDED else folds[:1]
    progress.start("leak", len(folds))
    try:
        for fold in folds:
            # The head's inner folds keep groups together: only the outer split leaks.
            outer = Split(rows[fold.train], rows[fold.test])
            answers = out_of_fold(data, features, outer, make).argmax(axis=1)
            right[fold.test] = answers == data.targets[rows[fold.test]]
            has_copy[fold.test] = np.isin(groups[fold.test], groups[fold.train])
            progress.advance()
    finally:
        progress.stop()
    tested = np.concatenate([fold.test for fold in folds])
    return _compare(right[tested], has_copy[tested])


def _compare(right: BoolArray, has_copy: BoolArray) -> Leak:
    n_with, n_without = int(has_copy.sum()), int((~has_copy).sum())
    hits_with, hits_without = int(right[has_copy].sum()), int(right[~has_copy].sum())
    p_value = None
    if n_with and n_without:
        p_value = unpaired_difference(hits_with, n_with, hits_without, n_without).p_value
    return Leak(
        n_with=n_with,
        accuracy_with=hits_with / n_with if n_with else None,
        interval_with=wilson(hits_with, n_with),
        n_without=n_without,
        accuracy_without=hits_without / n_without if n_without else None,
        interval_without=wilson(hits_without, n_without),
        accuracy_ignoring=float(right.mean()),
        p_value=p_value,
        sentence=_sentence((hits_with, n_with), (hits_without, n_without), p_value),
    )


def _sentence(copied: tuple[int, int], others: tuple[int, int], p_value: float | None) -> str:
    if not copied[1]:
        return "No test picture has a duplicate in the training part."
    if not others[1]:
        return "Every test picture has a duplicate in the training part: nothing is left to test."
    end = "" if p_value is None else f" ({p_words(p_value)} for no difference)"
    total = (copied[0] + others[0]) / (copied[1] + others[1])
    return (
        "In a split that ignores duplicates, the accuracy is "
        f"{_share(*copied)} on the {copied[1]:,} test pictures with a duplicate in the training "
        f"part, and {_share(*others)} on the {others[1]:,} without{end}; together it would look "
        f"like {total:.1%}. headstart keeps duplicates on one side."
    )


def _share(hits: int, n: int) -> str:
    low, high = wilson(hits, n) or (0.0, 1.0)
    return f"{hits / n:.1%} ({low:.1%} to {high:.1%})"
