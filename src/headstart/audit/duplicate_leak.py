"""How much better a model looks when copies of its test pictures stand in the training part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from headstart.arrays import BoolArray, IntArray
from headstart.audit.learning_curve import stratified_rows
from headstart.data.dataset import Dataset
from headstart.data.split import Split, given_test_rows, stratified_folds
from headstart.errors import DataError
from headstart.evaluate.effective_rows import effective_share
from headstart.evaluate.intervals import Interval, effective_wilson
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
        interval_with: its 95% interval, Wilson's on the effective number of rows.
        n_without, accuracy_without, interval_without: the same for the other rows.
        accuracy_ignoring: of all rows, as a split that ignores duplicates shows it.
        p_value: of no difference between the two, None where one is empty or a single group.
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


def torn_rows(data: Dataset) -> list[int]:
    """Test rows of a given split with a duplicate, or a row of their group, in the training part.

    [] where no split is given: one that is drawn keeps groups together.
    """
    if data.table.splits is None:
        return []
    tests = given_test_rows(data.table.splits)
    learnt = np.isin(data.groups, data.groups[~tests])
    return np.flatnonzero(tests & learnt).tolist()


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
    return _compare(right[tested], has_copy[tested], groups[tested])


@dataclass(frozen=True)
class _Part:
    """Some of the tested rows: how many, right ones, and what share of a row each is worth."""

    n: int
    hits: int
    worth: float

    @property
    def interval(self) -> Interval | None:
        return effective_wilson(self.hits, self.n, self.worth)

    def __str__(self) -> str:
        low, high = self.interval or (0.0, 1.0)
        return f"{self.hits / self.n:.1%} ({low:.1%} to {high:.1%})"


def _part(right: BoolArray, groups: IntArray) -> _Part:
    share = float(right.mean()) if len(right) else 0.0
    worth = effective_share(right.astype(np.float64) - share, groups)
    return _Part(len(right), int(right.sum()), worth)


def _compare(right: BoolArray, has_copy: BoolArray, groups: IntArray) -> Leak:
    copied, others = (_part(right[rows], groups[rows]) for rows in (has_copy, ~has_copy))
    p_value = None
    if copied.n * copied.worth and others.n * others.worth:
        counts = [count * part.worth for part in (copied, others) for count in (part.hits, part.n)]
        p_value = unpaired_difference(*counts).p_value
    return Leak(
        n_with=copied.n,
        accuracy_with=copied.hits / copied.n if copied.n else None,
        interval_with=copied.interval,
        n_without=others.n,
        accuracy_without=others.hits / others.n if others.n else None,
        interval_without=others.interval,
        accuracy_ignoring=float(right.mean()),
        p_value=p_value,
        sentence=_sentence(copied, others, p_value),
    )


def _sentence(copied: _Part, others: _Part, p_value: float | None) -> str:
    if not copied.n:
        return "No test picture has a duplicate in the training part."
    if not others.n:
        return "Every test picture has a duplicate in the training part: nothing is left to test."
    end = "" if p_value is None else f" ({p_words(p_value)} for no difference)"
    total = (copied.hits + others.hits) / (copied.n + others.n)
    return (
        "In a split that ignores duplicates, the accuracy is "
        f"{copied} on the {copied.n:,} test pictures with a duplicate in the training "
        f"part, and {others} on the {others.n:,} without{end}; together it would look "
        f"like {total:.1%}. headstart keeps duplicates on one side."
    )
