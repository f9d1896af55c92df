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
from headstart.heads.fitted_heads import FittedHead
from headstart.heads.head import Head
from headstart.heads.solver.objective import is_long
from headstart.progress import QUIET, Progress
from headstart.recipes.data_preparation import stack_views

SIDE_BY_SIDE = 5_000_000  # numbers; larger folds need the memory and have use for all cores
STANDARD_ERROR = "corrected for overlapping training rows (Nadeau and Bengio 2003)"
FIRST_CHOOSES = "the first fold alone chooses C for the others"
MODEL_CHOSE = "the folds take the C that the model chose"
FIGURES = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss")


@dataclass(frozen=True)
class FoldResult:
    """Figures of each fold, and the out-of-fold answers.

    Attributes:
        metrics: one for each fold, of its test rows.
        splits: the folds.
        predictions: every row's answer by the fold that did not learn from it, (n,).
        strength_note: where fits take very long, a line that says whose C the folds took; else "".
    """

    metrics: tuple[Metrics, ...]
    splits: tuple[Split, ...]
    predictions: Predictions
    strength_note: str = ""

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
        values["strength_note"] = self.strength_note or None
        values["pooled"] = measure(self.predictions).to_json()
        return values


def cross_validate(
    data: Dataset,
    features: Features,
    folds: Sequence[Split],
    make: Callable[[], Head],
    progress: Progress = QUIET,
    *,
    model: FittedHead | None = None,
) -> FoldResult:
    """Fit a new head for each fold on its training rows and answer its test rows.

    `model` is the head that was fitted on the training rows, where there is one.
    """
    progress.start("folds", len(folds))
    try:
        probabilities = out_of_folds(data, features, folds, make, progress, model=model)
    finally:
        progress.stop()
    whole = as_predictions(data, probabilities)
    parts = [measure(take(whole, fold.test)) for fold in folds]
    strength_note = _strength_note(data, features, make(), model)
    return FoldResult(tuple(parts), tuple(folds), whole, strength_note)


def _strength_note(data: Dataset, features: Features, head: Head, model: FittedHead | None) -> str:
    """A line where all folds take one C; "" where each chooses its own, or there is none."""
    if not _takes_long(data, features, head):
        return ""
    whose = FIRST_CHOOSES if _strength_of(model) is None else MODEL_CHOSE
    return f"{len(data.classes):,} classes: {whose}"


def out_of_folds(
    data: Dataset,
    features: Features,
    folds: Sequence[Split],
    make: Callable[[], Head],
    progress: Progress = QUIET,
    *,
    model: FittedHead | None = None,
) -> FloatArray:
    """Probabilities (n, k) of the rows that a fold tests; NaN in rows that none does.

    The folds share nothing, so that small ones are fitted side by side. Where one takes very long
    (many classes), all take the C of `model`; without one the first alone chooses it, without its
    test rows.
    """
    probabilities = np.full((len(data), len(data.classes)), np.nan)
    size = features.values.size
    later = folds
    strength_note = _strength_note(data, features, make(), model)
    if strength_note:
        progress.note(strength_note)
        C = _strength_of(model)
        if C is None:
            first = fit_fold(data, features, folds[0], make)
            probabilities[folds[0].test] = answer_fold(data, features, folds[0], first)
            C, later = _strength_of(first.fitted_), folds[1:]
            progress.advance()
        make = _taking(make, C)
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


def _strength_of(head: FittedHead | None) -> float | None:
    return getattr(head, "C", None)


def _taking(make: Callable[[], Head], C: float | None) -> Callable[[], Head]:
    """As `make`, with this C."""
    return lambda: make().set_params(C=C)


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
