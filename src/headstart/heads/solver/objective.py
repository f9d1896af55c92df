"""What a linear fit minimises: C * sum_i w_i loss_i + 0.5 * ||W||^2, the intercept free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from headstart.arrays import BoolArray, FloatArray, IntArray
from headstart.heads.solver.lbfgs import minimise
from headstart.heads.solver.principal_axes import AxisScores
from headstart.heads.solver.scaling import STEEP_ROWS, DiagonalScaling, Numbers, SteepRowsScaling

# A fit is long from so many multiplications of a step on, when they come of so many classes: folds
# then gain nothing by sharing products, and seconds matter more than digits.
LONG, MANY_CLASSES = 1e8, 101


def is_long(size: int, outputs: int) -> bool:
    """Whether a fit of rows with `size` numbers takes very long because of its many classes."""
    return outputs >= MANY_CLASSES and size * outputs >= LONG


class Loss(Protocol):
    """The losses of n rows with known classes, as a function of k logits each.

    Everything has the precision of the logits.
    """

    outputs: int

    def __call__(self, logits: Numbers) -> tuple[Numbers, Numbers]:
        """Logits (p, k, n), which may be overwritten, to losses (p, n) and slopes (p, k, n)."""

    def curvature(self, logits: Numbers) -> Numbers:
        """Second derivative of each row's loss, averaged over its logits, (p, n)."""

    def take(self, chosen: IntArray) -> Loss:
        """The losses of some rows."""

    def score(self, logits: FloatArray, row_weights: FloatArray) -> float:
        """How bad the logits (k, n) of held-out rows are; rows of weight 0 do not count."""


def log_loss(codes: IntArray, k: int) -> Loss:
    """The loss of logistic regression for classes 0 to k - 1: one logit for two, else k."""
    return BinaryLogLoss(codes) if k == 2 else LogLoss(codes, k)


class BinaryLogLoss:
    """-log of the probability of the true class, for one logit: that of class 1."""

    outputs = 1

    def __init__(self, codes: IntArray) -> None:
        self.codes = codes
        self.sign = np.where(codes == 1, np.float32(1), np.float32(-1))  # (n,)

    def __call__(self, logits: Numbers) -> tuple[Numbers, Numbers]:
        margins = self.sign * logits
        powers = np.exp(-np.abs(margins))
        losses = np.log1p(powers) - np.minimum(margins, 0)
        wrong = np.where(margins >= 0, powers, 1) / (1 + powers)
        return losses[:, 0], -self.sign * wrong

    def curvature(self, logits: Numbers) -> Numbers:
        powers = np.exp(-np.abs(logits))
        return np.asarray(powers / (1 + powers) ** 2)[:, 0]

    def take(self, chosen: IntArray) -> BinaryLogLoss:
        return BinaryLogLoss(self.codes[chosen])

    def score(self, logits: FloatArray, row_weights: FloatArray) -> float:
        return float(np.average(self(logits[None])[0][0], weights=row_weights))


class LogLoss:
    """-log of the probability of the true class, for k logits under softmax."""

    def __init__(self, codes: IntArray, k: int) -> None:
        self.outputs = k
        self.codes = codes
        self.rows = np.arange(len(codes))

    def __call__(self, logits: Numbers) -> tuple[Numbers, Numbers]:
        logits -= logits.max(axis=1, keepdims=True)
        true = logits[:, self.codes, self.rows]  # (p, n)
        slopes = np.exp(logits, out=logits)
        total = slopes.sum(axis=1, keepdims=True)
        slopes /= total
        slopes[:, self.codes, self.rows] -= 1
        return np.log(total[:, 0]) - true, slopes

    def curvature(self, logits: Numbers) -> Numbers:
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return np.asarray((shares * (1 - shares)).mean(axis=1))

    def steepest(self, logits: Numbers, count: int) -> tuple[IntArray, Numbers]:
        """Of logits (k, n) the rows where each is most curved, and how much; both (k, count)."""
        shares = np.exp(logits - logits.max(axis=0))
        shares /= shares.sum(axis=0)
        shares *= 1 - shares
        rows = np.argpartition(-shares, count - 1, axis=1)[:, :count]
        return rows, np.take_along_axis(shares, rows, axis=1)

    def take(self, chosen: IntArray) -> LogLoss:
        return LogLoss(self.codes[chosen], self.outputs)

    def score(self, logits: FloatArray, row_weights: FloatArray) -> float:
        return float(np.average(self(logits[None].copy())[0][0], weights=row_weights))


@dataclass(frozen=True)
class Solution:
    """Weights on the scores (p, k, q + 1), the intercept last; which problems converged (p,)."""

    weights: Numbers
    converged: BoolArray
    iterations: int


def solve(
    scores: AxisScores,
    loss: Loss,
    row_weights: FloatArray,
    C: float,
    *,
    tolerance: float,
    start: Numbers | None = None,
) -> Solution:
    """Solve p problems that differ in their rows' weights (p, n) only.

    The variables are scaled by the root of the curvature at the start, of its diagonal or, for one
    long problem, of a little more than that: see `scaling.py`.

    Args:
        scores: the rows.
        loss: what is minimised.
        row_weights: weights of the rows in each problem, (p, n).
        C: inverse of the regularization.
        tolerance: length of the scaled slope, relative to the scaled weights' length.
        start: first weights, (p, k, q + 1); default 0.

    All has the precision of `scores.rows`; only the values are summed in float64.
    """
    rows, (p, n), k = scores.rows, row_weights.shape, loss.outputs
    q, dtype = rows.shape[1], scores.rows.dtype
    weights = np.zeros((p, k, q), dtype=dtype) if start is None else start.astype(dtype, copy=False)
    scaling = _scaling(scores, loss, row_weights, C, weights)
    row_pull = (C * row_weights).astype(dtype)[:, None, :]

    def objective(points: Numbers) -> tuple[FloatArray, Numbers]:
        weights = scaling.weights(points.reshape(p, k, q))
        losses, slopes = loss(logits_of(rows, weights))
        weights *= scaling.penalty
        values = C * np.einsum("pn,pn->p", losses, row_weights)
        flat = weights.reshape(p, -1)
        values += 0.5 * np.vecdot(flat, flat)
        slopes *= row_pull
        gradient = (slopes.reshape(p * k, n) @ rows).reshape(p, k, q)
        gradient += weights
        return values, scaling.slopes(gradient).reshape(p, -1)

    found = minimise(objective, scaling.points(weights).reshape(p, -1), tolerance=tolerance)
    weights = scaling.weights(found.points.reshape(p, k, q))
    return Solution(weights, found.converged, found.iterations)


def _scaling(
    scores: AxisScores, loss: Loss, row_weights: FloatArray, C: float, weights: Numbers
) -> DiagonalScaling:
    """That of the curvature at these weights."""
    rows, (p, n) = scores.rows, row_weights.shape
    logits = logits_of(rows, weights)
    mean = np.mean(row_weights * loss.curvature(logits), axis=1)
    # One class against the rest has no such rows: all that are not yet right count alike.
    if p > 1 or not isinstance(loss, LogLoss) or not is_long(rows.size, loss.outputs):
        return DiagonalScaling(C, mean, scores.energy, rows.dtype)
    places, bends = loss.steepest(logits[0], min(STEEP_ROWS, n))
    bends = C * row_weights[0, places] * bends
    return SteepRowsScaling(C, mean, scores.energy, rows, places, bends)


def logits_of(rows: Numbers, weights: Numbers) -> Numbers:
    """Logits (p, k, n) of rows (n, q + 1) under weights (p, k, q + 1)."""
    p, k, q = weights.shape
    return np.asarray((weights.reshape(p * k, q) @ rows.T).reshape(p, k, len(rows)))
