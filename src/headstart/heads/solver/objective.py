"""What a linear fit minimises: C * sum_i w_i loss_i + 0.5 * ||W||^2, the intercept free."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from headstart.arrays import BoolArray, FloatArray
from headstart.heads.solver.lbfgs import minimise
from headstart.heads.solver.losses import LogLoss, Loss
from headstart.heads.solver.newton import minimise_by_newton
from headstart.heads.solver.principal_axes import AxisScores
from headstart.heads.solver.rows_in_blocks import Scores
from headstart.heads.solver.scaling import STEEP_ROWS, DiagonalScaling, Numbers, SteepRows

# A fit is long from so many multiplications of a step on, when they come of so many classes: folds
# then gain nothing by sharing products, and seconds matter more than digits.
LONG, MANY_CLASSES = 1e8, 101


def is_long(size: int, outputs: int) -> bool:
    """Whether a fit of rows with `size` numbers takes very long because of its many classes."""
    return outputs >= MANY_CLASSES and size * outputs >= LONG


@dataclass(frozen=True)
class Solution:
    """Weights on the scores (p, k, q + 1), the intercept last; which problems converged (p,)."""

    weights: Numbers
    converged: BoolArray
    iterations: int


def solve(
    scores: Scores,
    loss: Loss,
    row_weights: FloatArray,
    C: float,
    *,
    tolerance: float,
    start: Numbers | None = None,
) -> Solution:
    """Solve p problems that differ in their rows' weights (p, n) only.

    By L-BFGS, the variables scaled by the root of the curvature's diagonal at the start; one long
    problem by Newton's method, eased by a little more than the diagonal: see `scaling.py`.

    Args:
        scores: the rows.
        loss: what is minimised.
        row_weights: weights of the rows in each problem, (p, n).
        C: inverse of the regularization.
        tolerance: length of the scaled slope, relative to the scaled weights' length.
        start: first weights, (p, k, q + 1); default 0.

    All has the precision of `scores`; only the values, and the slopes of parts, are summed in
    float64.
    """
    p, k, q, dtype = len(row_weights), loss.outputs, len(scores.energy), scores.dtype
    weights = np.zeros((p, k, q), dtype=dtype) if start is None else start.astype(dtype, copy=False)
    long = p == 1 and is_long(scores.size, k)
    if long and isinstance(loss, LogLoss) and isinstance(scores, AxisScores):
        # One class against the rest has no steep rows: all that are not yet right count alike.
        at = partial(_ManyClasses, scores, loss, row_weights[0], C)
        found = minimise_by_newton(at, weights[0], tolerance=tolerance)
        return Solution(found.points[None], found.converged, found.iterations)
    mean = np.mean(row_weights * _bends(scores, loss, weights), axis=1)
    scaling = DiagonalScaling(C, mean, scores.energy, dtype)
    row_pull = (C * row_weights).astype(dtype)[:, None, :]

    def objective(points: Numbers) -> tuple[FloatArray, Numbers]:
        weights = scaling.weights(points.reshape(p, k, q))
        at, total, pull = scores.on_rows(weights), np.zeros(p), np.zeros((p * k, q))

        def work(some: slice, rows: Numbers, part: Loss) -> tuple[FloatArray, Numbers]:
            losses, slopes = part(logits_of(rows, at))
            slopes *= row_pull[:, :, some]
            found = slopes.reshape(p * k, -1) @ rows
            return np.einsum("pn,pn->p", losses, row_weights[:, some]), found

        for value, slope in scores.each(work, loss):
            total += value
            pull += slope
        weights *= scaling.penalty
        flat = weights.reshape(p, -1)
        values = C * total + 0.5 * np.vecdot(flat, flat)
        gradient = scores.from_rows(pull.reshape(p, k, q))
        gradient += weights
        return values, scaling.slopes(gradient).reshape(p, -1)

    found = minimise(objective, scaling.points(weights).reshape(p, -1), tolerance=tolerance)
    weights = scaling.weights(found.points.reshape(p, k, q))
    return Solution(weights, found.converged, found.iterations)


def _bends(scores: Scores, loss: Loss, weights: Numbers) -> FloatArray:
    """The curvature of each row's loss at weights (p, k, q + 1), (p, n)."""
    at = scores.on_rows(weights)
    parts = scores.each(lambda _, rows, part: part.curvature(logits_of(rows, at)), loss)
    return np.concatenate(list(parts), axis=1)


class _ManyClasses:
    """The objective of one problem at some weights (k, q + 1): a place of `newton.py`."""

    def __init__(
        self,
        scores: AxisScores,
        loss: LogLoss,
        row_weights: FloatArray,
        C: float,
        weights: Numbers,
    ) -> None:
        self._scores, self._loss, self._C, self._row_weights = scores, loss, C, row_weights
        self._pull = (C * row_weights).astype(weights.dtype)
        self._penalised = weights.copy()
        self._penalised[:, -1] = 0
        losses, slopes = loss(logits_of(scores.rows, weights[None]))
        self._slopes = slopes[0]  # by the logits
        flat = self._penalised.ravel()
        self.value = C * float(np.dot(losses[0], row_weights)) + 0.5 * float(np.vdot(flat, flat))

    @cached_property
    def slope(self) -> Numbers:
        found = (self._slopes * self._pull) @ self._scores.rows
        found += self._penalised
        return np.asarray(found)

    def bent(self, direction: Numbers) -> Numbers:
        moves = logits_of(self._scores.rows, direction[None])[0]
        changes = self._loss.bent(self._slopes, moves)
        changes *= self._pull
        found = changes @ self._scores.rows
        found[:, :-1] += direction[:, :-1]
        return np.asarray(found)

    def eased(self, slope: Numbers) -> Numbers:
        return self._steep.eased(slope)

    def length(self, points: Numbers) -> float:
        return self._steep.length(points)

    @cached_property
    def _steep(self) -> SteepRows:
        bends = np.abs(self._slopes)
        bends *= 1 - bends
        bends *= self._row_weights.astype(bends.dtype)
        count = min(STEEP_ROWS, bends.shape[1])
        places = np.argpartition(-bends, count - 1, axis=1)[:, :count]
        steep = self._C * np.take_along_axis(bends, places, axis=1)
        mean = bends.mean(dtype=np.float64)[None]
        return SteepRows(self._C, mean, self._scores.energy, self._scores.rows, places, steep)


def logits_of(rows: Numbers, weights: Numbers) -> Numbers:
    """Logits (p, k, n) of rows (n, q + 1) under weights (p, k, q + 1)."""
    p, k, q = weights.shape
    return np.asarray((weights.reshape(p * k, q) @ rows.T).reshape(p, k, len(rows)))
