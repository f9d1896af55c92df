"""The same fit by folds: figures with their spread, and out-of-fold answers for every row."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from headstart.arrays import FloatArray, IntArray
from headstart.data.dataset import Dataset
from headstart.data.split import Split
from headstart.evaluate.intervals import corrected_standard_error
from headstart.evaluate.metrics import Metrics, measure
from headstart.evaluate.predictions import Predictions
from headstart.features.embed import Features
from headstart.heads.blas_threads import threads_for
from headstart.heads.head import Head
from headstart.heads.solver.objective import is_long
from headstart.progress import QUIET, Progress
from headstart.recipes.data_preparation import stack_views

SIDE_BY_SIDE = 5_000_000  # numbers; larger folds need the memory and have use for all cores
STANDARD_ERROR = "corrected for overlapping training rows (Nadeau and Bengio 2003)"
FIGURES = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss")


@dataclass(frozen=True)
class FoldResult:
    """Figures of each fold, and the out-of-fold answers.

    Attributes:
        metrics: one for each fold, of its test rows.
        splits: the folds.
        predictions: every row's answer by the fold that did not learn from it, (n,).
    """

    metrics: tuple[Metrics, ...]
    splits: tuple[Split, ...]
    predictions: Predictions

    @property
    def mean_rows(self) -> tuple[float, float]:
        """Training and test rows of a fold, the means over the folds."""
        train = sum(len(fold.train) for fold in self.splits) / len(self.splits)
        return train, sum(len(fold.test) for fold in self.splits) / len(self.splits)

    def to_json(self) -> dict[str, Any]:
        """Mean and corrected standard error of each figure, and the accuracies themselves."""
        values: dict[str, Any] = {"count": len(self.metrics), "standard_error": STANDARD_ERROR}
        for name in FIGURES:
            known = [v for m in self.metrics if (v := getattr(m, name)) is not None]
            mean = math.fsum(known) / len(known) if known else None
            error = corrected_standard_error(known, *self.mean_rows) if known else None
            values[f"{name}_mean"], values[f"{name}_standard_error"] = mean, error
        values["accuracies"] = [m.accuracy for m in self.metrics]
        values["pooled"] = measure(self.predictions).to_json()
        return values


def cross_validate(
    data: Dataset,
    features: Features,
    folds: Sequence[Split],
    make: Callable[[], Head],
    progress: Progress = QUIET,
) -> FoldResult:
    """Fit a new head for each fold on its training rows and answer its test rows."""
    progress.start("folds", len(folds))
    try:
        probabilities = out_of_folds(data, features, folds, make, progress)
    finally:
        progress.stop()
    whole = as_predictions(data, probabilities)
    parts = [measure(take(whole, fold.test)) for fold in folds]
    return FoldResult(tuple(parts), tuple(folds), whole)


def out_of_folds(
    data: Dataset,
    features: Features,
    folds: Sequence[Split],
    make: Callable[[], Head],
    progress: Progress = QUIET,
) -> FloatArray:
    """Probabilities (n, k) of the rows that a fold tests; NaN in rows that none does.

    The folds share nothing, so that small ones are fitted side by side. Where one takes very long
    (many classes), the first alone chooses C, without its test rows, and the others take that C.
    """
    probabilities = np.full((len(data), len(data.classes)), np.nan)
    size = features.values.size
    later = folds
    if _takes_long(data, features, make()):
        progress.note(f"{len(data.classes)} classes: the first fold alone chooses C for the others")
        first = fit_fold(data, features, folds[0], make)
        make, later = _taking_c_of(make, first), folds[1:]
        probabilities[folds[0].test] = answer_fold(data, features, folds[0], first)
        progress.advance()
    is_small = size <= SIDE_BY_SIDE and make().side_by_side
    lanes = (os.cpu_count() or 1) if is_small else 1
    # One limit around all of them: a fold that ends must not change the threads of another, which
    # would change the order of its sums.
    with threads_for(size), ThreadPoolExecutor(lanes, "fold") as pool:
        answers = pool.map(lambda fold: out_of_fold(data, features, fold, make), later)
        for fold, answer in zip(later, answers, strict=True):
            probabilities[fold.test] = answer
            progress.advance()
    return probabilities


def _takes_long(data: Dataset, features: Features, head: Head) -> bool:
    """Whether the head has a C to choose and a step of its fit takes very long."""
    size, k = features.values.size, len(data.classes)
    return getattr(head, "C", 1.0) is None and is_long(size, k)


def _taking_c_of(make: Callable[[], Head], fitted: Head) -> Callable[[], Head]:
    """As `make`, with the C that this head was fitted with."""
    chosen = getattr(fitted, "C_")  # noqa: B009 - only heads with a C come here
    return lambda: make().set_params(C=chosen)


def out_of_fold(
    data: Dataset, features: Features, fold: Split, make: Callable[[], Head]
) -> FloatArray:
    """Probabilities (b, k) of the fold's test rows, by a head that learnt from the others only."""
    return answer_fold(data, features, fold, fit_fold(data, features, fold, make))


def fit_fold(data: Dataset, features: Features, fold: Split, make: Callable[[], Head]) -> Head:
    """A head that learnt from the fold's training rows."""
    X, y, groups = stack_views(data, features, fold.train)
    return make().fit(X, y, groups=groups)


def answer_fold(data: Dataset, features: Features, fold: Split, head: Head) -> FloatArray:
    """Probabilities (b, k) of the fold's test rows."""
    return place(head, features.values[fold.test], len(data.classes))


def place(head: Head, X: Any, k: int) -> FloatArray:
    """Probabilities in the columns of all k classes; a class the head never saw gets 0."""
    answers = head.predict_proba(X)
    if answers.shape[1] == k:
        return answers
    wide = np.zeros((len(answers), k))
    wide[:, np.asarray(head.classes_, dtype=np.int64)] = answers
    return wide


def as_predictions(data: Dataset, probabilities: FloatArray) -> Predictions:
    """Answers for all rows with their names and truth."""
    return Predictions(
        images=data.table.ids,
        classes=data.classes,
        probabilities=probabilities,
        truth=data.labels,
        errors=("",) * len(data),
        groups=data.groups,
    )


def predictions_of(data: Dataset, rows: IntArray, probabilities: FloatArray) -> Predictions:
    """Answers (b, k) for some rows (b,), with their names and truth."""
    k = len(data.classes)
    whole = np.full((len(data), k), 1 / k)
    whole[rows] = probabilities
    return take(as_predictions(data, whole), rows)


def take(predictions: Predictions, rows: IntArray) -> Predictions:
    """The predictions of these rows."""

    def pick(column: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(column[row] for row in rows)

    return Predictions(
        images=pick(predictions.images),
        classes=predictions.classes,
        probabilities=predictions.probabilities[rows],
        truth=pick(predictions.truth) if predictions.truth is not None else None,
        errors=pick(predictions.errors),
        groups=predictions.groups[rows] if predictions.groups is not None else None,
        familiar=predictions.familiar[rows] if predictions.familiar is not None else None,
    )
