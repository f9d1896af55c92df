"""A linear fit from rows to weights: standardise, choose C, solve. For the linear head and SVM."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from headstart.arrays import FloatArray, IntArray
from headstart.heads.design import Design, design
from headstart.heads.inner_folds import inner_folds
from headstart.heads.penalised import Loss, logits_of, solve
from headstart.heads.standardise import column_scale, standardised
from headstart.heads.strength import PATH, Choice, choose_strength
from headstart.heads.threads import threads_for
from headstart.heads.training import Training

CHOICE_ROWS = 10_000  # rows that C is chosen on, at most
HUGE = 250_000_000  # numbers beyond which the rows are kept in float32 (from 2 GB in float64)
TOLERANCE = {np.dtype(np.float64): 1e-11, np.dtype(np.float32): 1e-4}
NEAR = 1e-2  # a first, rough solution gives the curvature that scales the exact one
LEFT_ALONE = 1.0  # C when no row can be held out

LossOf = Callable[[IntArray, int], Loss]


@dataclass(frozen=True)
class LinearFit:
    """A solved fit on standardised features; o outputs: 1 for two classes, else k.

    Attributes:
        weights: (o, d).
        intercepts: (o,).
        mean: of each column, (d,).
        scale: of each column, (d,).
        C: the strength, given or chosen.
        iterations: of the last solution.
        judged_logits: logits of the rows in `judged_codes`, from folds without them where there
            are folds, (o, m).
        judged_codes: their classes, (m,).
        judged_weights: their weights, 0 for rows that no fold holds out, (m,).
    """

    weights: FloatArray
    intercepts: FloatArray
    mean: FloatArray
    scale: FloatArray
    C: float
    iterations: int
    judged_logits: FloatArray
    judged_codes: IntArray
    judged_weights: FloatArray


def fit_linear(
    rows: Training,
    loss_of: LossOf,
    C: float | None,
    random: np.random.RandomState,
    *,
    hold_out: bool = False,
) -> LinearFit:
    """Solve, after choosing C by five folds when it is None.

    Args:
        rows: what is fitted.
        loss_of: classes (n,) and their number to the loss.
        C: the strength.
        random: source of the folds.
        hold_out: make the folds also for a given C, for the held-out logits.

    Raises:
        ValueError: C is not a positive number.
    """
    if C is not None and not 0 < C < np.inf:
        raise ValueError(f"C is {C!r}; it must be a positive number, or None to choose it")
    with threads_for(rows.X.size):
        mean, scale = column_scale(rows.X)
        dtype = np.float32 if rows.X.size > HUGE else np.float64
        turned = design(standardised(rows.X, mean, scale, dtype))
        k = len(rows.classes)
        part, choice = np.arange(len(rows.codes)), None
        if C is None or hold_out:
            part = _sample(rows.codes, k, random)
            choice = _choose(turned, rows, part, loss_of, (C,) if C is not None else PATH, random)
        strength = choice.C if choice else C or LEFT_ALONE
        weights, iterations = _exact(turned, rows, loss_of(rows.codes, k), strength, choice)
        if choice is None:
            part = np.arange(len(rows.codes))
            judged, judged_weights = logits_of(turned.rows, weights)[0], rows.weights
        else:
            judged, judged_weights = choice.held_out, choice.row_weights
        return LinearFit(
            weights=turned.unfold(weights[0, :, :-1]),
            intercepts=weights[0, :, -1],
            mean=mean,
            scale=scale,
            C=strength,
            iterations=iterations,
            judged_logits=judged,
            judged_codes=rows.codes[part],
            judged_weights=judged_weights,
        )


def _sample(codes: IntArray, k: int, random: np.random.RandomState) -> IntArray:
    """At most about CHOICE_ROWS rows, each class in its share and five of it at least."""
    if len(codes) <= CHOICE_ROWS:
        return np.arange(len(codes))
    shuffled = random.permutation(len(codes))
    shuffled = shuffled[np.argsort(codes[shuffled], kind="stable")]
    spaced = shuffled[np.linspace(0, len(codes) - 1, CHOICE_ROWS).astype(np.int64)]
    some = [shuffled[codes[shuffled] == code][:5] for code in range(k)]
    return np.unique(np.concatenate([spaced, *some]))


def _choose(
    turned: Design,
    rows: Training,
    part: IntArray,
    loss_of: LossOf,
    path: tuple[float, ...],
    random: np.random.RandomState,
) -> Choice | None:
    """The choice on some of the rows; None when no row can be held out."""
    codes = rows.codes[part]
    folds = inner_folds(codes, None if rows.groups is None else rows.groups[part], random)
    if folds.max() < 0:
        return None
    if len(part) < len(rows.codes):
        turned = turned.take(part)
    return choose_strength(
        turned, loss_of(codes, len(rows.classes)), folds, rows.weights[part], path
    )


def _exact(
    turned: Design, rows: Training, loss: Loss, C: float, choice: Choice | None
) -> tuple[FloatArray, int]:
    """The optimum (1, o, q + 1), and the iterations that it took."""
    weights = rows.weights[None]
    start = None if choice is None else choice.start
    if start is None:
        start = solve(turned, loss, weights, C, tolerance=NEAR).weights
    tolerance = TOLERANCE[turned.rows.dtype]
    fit = solve(turned, loss, weights, C, tolerance=tolerance, start=start)
    if not fit.converged.all():
        warnings.warn(
            f"the linear fit with C={C:g} has not converged after {fit.iterations} steps; "
            "a smaller C converges sooner",
            ConvergenceWarning,
            stacklevel=4,
        )
    return fit.weights, fit.iterations
