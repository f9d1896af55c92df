"""A linear fit from rows to weights: standardise, choose C, solve. For the linear head and SVM."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from headstart.arrays import FloatArray
from headstart.heads.blas_threads import threads_for
from headstart.heads.head import TrainingRows
from headstart.heads.solver.choice_of_c import (
    PATH,
    Choice,
    JudgedRows,
    LossOf,
    choose_by_folds,
)
from headstart.heads.solver.losses import LogLoss, Loss
from headstart.heads.solver.objective import is_long, logits_of, solve
from headstart.heads.solver.principal_axes import AXES_LIMIT, axis_scores
from headstart.heads.solver.rows_in_blocks import RowsInBlocks, Scores, rows_in_blocks
from headstart.heads.solver.scaling import Numbers
from headstart.heads.standardisation import column_scale, standardised
from headstart.progress import Progress

LARGE = 50_000_000  # numbers beyond which no copy of the rows is made (200 MB in float32)
MANY = 1e7  # multiplications of a step from which on the digits after the fifth cost too much
TOLERANCE, MANY_TOLERANCE, LARGE_TOLERANCE = 1e-11, 1e-5, 1e-4
LONG_TOLERANCE = 2e-4  # with the steep rows' measure: see docs/solver.md for what it leaves
NEAR = 1e-2  # a first, rough solution gives the curvature that scales the exact one
SMALL_C = 1e-3  # with a smaller one 0 is near enough
NOBODY = JudgedRows(np.empty((0, 0)), np.empty(0, dtype=np.int64), np.empty(0))
WITHOUT_FOLDS = 1.0  # C when no row can be held out


@dataclass(frozen=True)
class LinearFit:
    """A solved fit on standardised features; o outputs: 1 for two classes, else k.

    Attributes:
        weights: (o, d).
        intercepts: (o,).
        mean: of each column, (d,).
        scale: of each column, (d,).
        C: given or chosen.
        tried: each C that was tried and the folds' score, (m, 2); m is 0 without folds.
        iterations: of the last solution.
        judged: rows with their logits from folds without them where there are folds; all rows
            where `hold_out` found none, and no row where nothing was asked.
        held_out: the same where the fit is so long that nobody should make further folds to see
            such answers; else None.
    """

    weights: FloatArray
    intercepts: FloatArray
    mean: FloatArray
    scale: FloatArray
    C: float
    tried: FloatArray
    iterations: int
    judged: JudgedRows
    held_out: JudgedRows | None


def fit_linear(
    rows: TrainingRows,
    loss_of: LossOf,
    C: float | None,
    random_state: Any,
    *,
    hold_out: bool = False,
    progress: Progress,
) -> LinearFit:
    """Solve, after choosing C by folds when it is None.

    Args:
        rows: what is fitted.
        loss_of: classes (n,) and their number to the loss.
        C: inverse of the regularization.
        random_state: source of the folds.
        hold_out: make the folds also for a given C, for the held-out logits.
        progress: told of each C and of the solution.

    Raises:
        ValueError: C is not a positive number.
    """
    if C is not None and not 0 < C < np.inf:
        raise ValueError(f"C is {C!r}; it must be a positive number, or None to choose it")
    k, path = len(rows.classes), PATH if C is None else (C,)
    loss = loss_of(rows.codes, k)
    progress.start("linear fit", len(path) + 1)
    try:
        with threads_for(rows.X.size, k):
            scores, mean, scale = _scores(rows.X)
            choice = None
            if C is None or hold_out:
                random = check_random_state(random_state)
                choice = choose_by_folds(
                    scores, rows, loss_of, random, path=path, progress=progress
                )
            used = choice.C if choice else C or WITHOUT_FOLDS
            weights, iterations = _exact(scores, rows, loss, used, choice)
            progress.advance()
    finally:
        progress.stop()
    if choice:
        judged = choice.held_out
    elif hold_out:
        judged = _on_its_own(scores, rows, loss, weights)
    else:
        judged = NOBODY
    return LinearFit(
        weights=scores.on_features(weights[0, :, :-1].astype(np.float64)),
        intercepts=weights[0, :, -1].astype(np.float64),
        mean=mean,
        scale=scale,
        C=used,
        tried=choice.tried if choice else np.empty((0, 2)),
        iterations=iterations,
        judged=judged,
        held_out=choice.held_out if choice and is_long(scores.size, loss.outputs) else None,
    )


def _scores(X: npt.NDArray[Any]) -> tuple[Scores, FloatArray, FloatArray]:
    """The rows' scores, and the mean and scale of the columns that they were standardised by."""
    if X.size > LARGE and len(X) > AXES_LIMIT:
        scores = rows_in_blocks(X)
        return scores, scores.mean.astype(np.float64), scores.scale.astype(np.float64)
    mean, scale = column_scale(X)
    return axis_scores(standardised(X, mean, scale)), mean, scale


def _on_its_own(scores: Scores, rows: TrainingRows, loss: Loss, weights: Numbers) -> JudgedRows:
    """The rows with their logits from the fit on them."""
    at = scores.on_rows(weights)
    logits = scores.each(lambda _, some, __: logits_of(some, at)[0], loss)
    return JudgedRows(np.concatenate(list(logits), axis=1), rows.codes, rows.weights)


def _exact(
    scores: Scores, rows: TrainingRows, loss: Loss, C: float, choice: Choice | None
) -> tuple[Numbers, int]:
    """The optimum (1, o, q + 1), and the iterations that it took."""
    long, tolerance = False, TOLERANCE
    if isinstance(scores, RowsInBlocks):
        tolerance = LARGE_TOLERANCE
    elif is_long(scores.size, loss.outputs):
        long, tolerance = True, LONG_TOLERANCE
        scores = replace(scores, rows=scores.rows.astype(np.float32, copy=False))
    elif scores.size * loss.outputs > MANY:
        tolerance = MANY_TOLERANCE
    weights = rows.weights[None]
    start = None if choice is None else choice.start
    if start is None and long and isinstance(loss, LogLoss):
        start = _along_the_path(scores, loss, weights, C)
    elif start is None:
        start = solve(scores, loss, weights, C, tolerance=NEAR).weights
    fit = solve(scores, loss, weights, C, tolerance=tolerance, start=start)
    if not fit.converged.all():
        warnings.warn(
            f"the linear fit with C={C:g} has not converged after {fit.iterations} steps; "
            "a smaller C converges sooner",
            ConvergenceWarning,
            stacklevel=4,
        )
    return fit.weights, fit.iterations


def _along_the_path(scores: Scores, loss: Loss, weights: FloatArray, C: float) -> Numbers | None:
    """Where rough solutions with smaller values of C point to: far fewer steps than from 0."""
    solution = before = ahead = None
    for smaller in (value for value in PATH if SMALL_C <= value < C):
        found = solve(scores, loss, weights, smaller, tolerance=NEAR, start=ahead)
        before, solution = solution, found.weights
        ahead = solution if before is None else 2 * solution - before
    return ahead
