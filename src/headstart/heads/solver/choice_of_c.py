"""C, the inverse of the regularization, chosen by folds within the rows of one fit."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from headstart.arrays import FloatArray, IntArray
from headstart.heads.blas_threads import threads_for
from headstart.heads.head import TrainingRows
from headstart.heads.inner_folds import inner_folds
from headstart.heads.solver.losses import Loss
from headstart.heads.solver.objective import is_long, logits_of, solve
from headstart.heads.solver.principal_axes import AxisScores
from headstart.heads.solver.rows_in_blocks import Scores
from headstart.heads.solver.scaling import Numbers
from headstart.progress import Progress

PATH = tuple(10.0 ** (half / 2) for half in range(-10, 3))  # C from 1e-5 to 10, in half decades
FOLDS = 5
MOST_ROWS = 10_000  # that C is chosen on
PATH_TOLERANCE = 1e-3  # enough to rank them
RISES = 2  # the path is left when the score has risen this often in a row
TIE = 1e-4  # scores nearer than this share are equal

LossOf = Callable[[IntArray, int], Loss]


@dataclass(frozen=True)
class JudgedRows:
    """Rows with the logits by which they are judged.

    Attributes:
        logits: of each row from a fit without its fold, 0 where there is none, (k, n).
        codes: the rows' classes, (n,).
        weights: the rows' weights, 0 where no fold holds the row out, (n,).
    """

    logits: FloatArray
    codes: IntArray
    weights: FloatArray


@dataclass(frozen=True)
class Choice:
    """A C and what the folds gave there.

    Attributes:
        C: the least of those with the best score.
        tried: each C that was tried and its score, (m, 2).
        held_out: rows that were judged by the folds' fits with this C.
        start: the mean of these fits' weights, (1, k, q + 1).
    """

    C: float
    tried: FloatArray
    held_out: JudgedRows
    start: Numbers


def choose_by_folds(
    scores: Scores,
    rows: TrainingRows,
    loss_of: LossOf,
    random: np.random.RandomState,
    *,
    path: Sequence[float] = PATH,
    progress: Progress,
) -> Choice | None:
    """Take the C whose held-out logits have the least score, the smallest one of equals.

    There are five stratified folds (of 10,000 rows at most), or as many as a class has rows in the
    mean when that is fewer. The path is left when the score has risen twice in a row. The folds
    share the standardisation and the axes of all rows, which use no label. Their fits are in
    float32 and end early: the scores agree with exact ones to about three digits.

    Args:
        scores: of the rows.
        rows: their classes, weights and groups.
        loss_of: classes (n,) and their number to the loss that is minimised, and that scores.
        random: source of the folds.
        path: values of C, rising: each is the next one's start.
        progress: told of each C.

    Returns:
        None when no row can be held out.
    """
    part, folds = folds_for_choice(rows, random)
    if folds.max() < 0:
        return None
    if len(part) < len(rows.codes) or not isinstance(scores, AxisScores):
        scores = scores.take(part)
    coarse = replace(scores, rows=scores.rows.astype(np.float32, copy=False))
    codes, weights = rows.codes[part], rows.weights[part]
    loss = loss_of(codes, len(rows.classes))
    fits = _Folds(coarse, codes, weights, folds, loss)
    solve_all = fits.apart if is_long(coarse.rows.size, loss.outputs) else fits.together
    judged_weights = np.where(folds < 0, 0.0, weights)
    losses: list[float] = []
    found: list[tuple[Numbers, Numbers]] = []
    solution = before = None
    for C in path:
        # Along the path the weights go on as they went: that saves a quarter of the steps.
        ahead = solution if solution is None or before is None else 2 * solution - before
        before = solution
        solution, held_out = solve_all(C, ahead)
        losses.append(loss.score(held_out, judged_weights))
        found.append((held_out, solution.mean(axis=0, keepdims=True)))
        progress.advance()
        if len(losses) > RISES and (np.diff(losses[-RISES - 1 :]) > 0).all():
            break
    chosen = _first_of_the_best(losses)
    held_out, start = found[chosen]
    return Choice(
        C=path[chosen],
        tried=np.column_stack([path[: len(losses)], losses]),
        held_out=JudgedRows(held_out, codes, judged_weights),
        start=start,
    )


@dataclass(frozen=True)
class _Folds:
    """The fits of p folds, each without the rows that it holds out, and what they say of these.

    Attributes:
        scores: of all n rows.
        codes, weights: of the rows, (n,).
        folds: the fold that holds each row out, -1 for none, (n,).
        loss: of all rows.
    """

    scores: AxisScores
    codes: IntArray
    weights: FloatArray
    folds: IntArray
    loss: Loss

    @property
    def count(self) -> int:
        return int(self.folds.max()) + 1

    def together(self, C: float, start: Numbers | None) -> tuple[Numbers, Numbers]:
        """Weights (p, k, q + 1) and held-out logits (k, n); the folds share every product."""
        folds, rows = self.folds, self.scores.rows
        masked = np.where(folds == np.arange(self.count)[:, None], 0.0, self.weights)  # (p, n)
        found = solve(self.scores, self.loss, masked, C, tolerance=PATH_TOLERANCE, start=start)
        logits = logits_of(rows, found.weights)[folds, :, np.arange(len(folds))].T
        return found.weights, np.where(folds < 0, 0.0, logits)

    def apart(self, C: float, start: Numbers | None) -> tuple[Numbers, Numbers]:
        """The same with each fold on its own rows: half the work for two folds, no row for naught.

        Side by side where there are as many folds as cores, else each with all of them.
        """

        def fit(fold: int) -> tuple[Numbers, Numbers]:
            kept = np.flatnonzero(self.folds != fold)
            first = None if start is None else start[fold : fold + 1]
            found = solve(
                self.scores.take(kept),
                self.loss.take(kept),
                self.weights[None, kept],
                C,
                tolerance=PATH_TOLERANCE,
                start=first,
            )
            held = self.scores.rows[self.folds == fold]
            return found.weights, logits_of(held, found.weights)[0]

        cores = os.cpu_count() or 1
        if self.count < cores:
            found = [fit(fold) for fold in range(self.count)]
        else:
            with threads_for(1), ThreadPoolExecutor(cores, "C") as pool:
                found = list(pool.map(fit, range(self.count)))
        held_out = np.zeros((self.loss.outputs, len(self.folds)), dtype=self.scores.rows.dtype)
        for fold, (_, logits) in enumerate(found):
            held_out[:, self.folds == fold] = logits
        return np.concatenate([weights for weights, _ in found]), held_out


def _first_of_the_best(losses: Sequence[float]) -> int:
    best = min(losses)
    return next(i for i, loss in enumerate(losses) if loss <= best + TIE * abs(best))


def folds_for_choice(
    rows: TrainingRows, random: np.random.RandomState
) -> tuple[IntArray, IntArray]:
    """The rows that C is chosen on, (m,), and the fold that holds each out, -1 for none, (m,)."""
    k = len(rows.classes)
    part = _sample(rows.codes, k, random)
    groups = None if rows.groups is None else rows.groups[part]
    count = max(2, min(FOLDS, len(part) // k))
    return part, inner_folds(rows.codes[part], groups, random, count)


def _sample(codes: IntArray, k: int, random: np.random.RandomState) -> IntArray:
    """At most about MOST_ROWS rows, each class in its share and five of it at least."""
    if len(codes) <= MOST_ROWS:
        return np.arange(len(codes))
    shuffled = random.permutation(len(codes))
    shuffled = shuffled[np.argsort(codes[shuffled], kind="stable")]
    spaced = shuffled[np.linspace(0, len(codes) - 1, MOST_ROWS).astype(np.int64)]
    some = [shuffled[codes[shuffled] == code][:FOLDS] for code in range(k)]
    return np.unique(np.concatenate([spaced, *some]))
