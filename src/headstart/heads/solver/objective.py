"""What a linear fit minimises: C * sum_i w_i loss_i + 0.5 * ||W||^2, the intercept free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from headstart.arrays import BoolArray, FloatArray, IntArray
from headstart.heads.solver.lbfgs import minimise
from headstart.heads.solver.principal_axes import AxisScores

LEAST_CURVATURE = 1e-4  # assumed for a row
Numbers = npt.NDArray[Any]  # float32 or float64, as the rows are


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

    The variables are scaled by the root of a diagonal curvature: the loss's mean one at the start,
    times the energy of each axis, plus the penalty.

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
    mean = np.mean(row_weights * loss.curvature(logits_of(rows, weights)), axis=1)
    penalty = np.ones(q, dtype=dtype)
    penalty[-1] = 0
    curvature = C * np.maximum(mean, LEAST_CURVATURE)[:, None, None] * scores.energy + penalty
    stretch = (1 / np.sqrt(curvature)).astype(dtype)
    row_pull = (C * row_weights).astype(dtype)[:, None, :]

    def objective(points: Numbers) -> tuple[FloatArray, Numbers]:
        weights = points.reshape(p, k, q) * stretch
        losses, slopes = loss(logits_of(rows, weights))
        weights *= penalty
        values = C * np.einsum("pn,pn->p", losses, row_weights)
        flat = weights.reshape(p, -1)
        values += 0.5 * np.vecdot(flat, flat)
        slopes *= row_pull
        gradient = (slopes.reshape(p * k, n) @ rows).reshape(p, k, q)
        gradient += weights
        gradient *= stretch
        return values, gradient.reshape(p, -1)

    found = minimise(objective, (weights / stretch).reshape(p, -1), tolerance=tolerance)
    return Solution(found.points.reshape(p, k, q) * stretch, found.converged, found.iterations)


def logits_of(rows: Numbers, weights: Numbers) -> Numbers:
    """Logits (p, k, n) of rows (n, q + 1) under weights (p, k, q + 1)."""
    p, k, q = weights.shape
    return np.asarray((weights.reshape(p * k, q) @ rows.T).reshape(p, k, len(rows)))
