"""Linear fits that minimise C * sum_i w_i loss_i + 0.5 * ||W||^2, the intercept unpenalised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from headstart.arrays import BoolArray, FloatArray
from headstart.heads.design import Design
from headstart.heads.lbfgs import minimise

FLOOR = 1e-4  # least curvature assumed for a row


class Loss(Protocol):
    """The losses of n rows with known classes, as a function of k logits each."""

    outputs: int

    def __call__(self, logits: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Logits (p, k, n) to losses (p, n) and their slopes (p, k, n), a new array."""

    def curvature(self, logits: FloatArray) -> FloatArray:
        """Second derivative of each row's loss, averaged over its logits, (p, n)."""

    def score(self, logits: FloatArray, row_weights: FloatArray) -> float:
        """How bad the logits (k, n) of held-out rows are; rows of weight 0 do not count."""


@dataclass(frozen=True)
class Fit:
    """Weights on a design's rows (p, k, q + 1), the intercept last."""

    weights: FloatArray
    converged: BoolArray
    iterations: int


def solve(
    design: Design,
    loss: Loss,
    row_weights: FloatArray,
    C: float,
    *,
    tolerance: float,
    start: FloatArray | None = None,
) -> Fit:
    """Solve p problems that differ in their rows' weights (p, n) only.

    The variables are scaled by the root of a diagonal curvature: the loss's mean one at the start,
    times the energy of each axis, plus the penalty.

    Args:
        design: the rows.
        loss: what is minimised.
        row_weights: weights of the rows in each problem, (p, n).
        C: inverse strength of the penalty.
        tolerance: length of the scaled slope, relative to the scaled weights' length.
        start: first weights, (p, k, q + 1); default 0.

    The matrix products have the precision of `design.rows`, all else is float64.
    """
    rows, (p, n), k = design.rows, row_weights.shape, loss.outputs
    q = rows.shape[1]
    weights = np.zeros((p, k, q)) if start is None else start
    mean = np.mean(row_weights * loss.curvature(logits_of(rows, weights)), axis=1)
    penalty = np.ones(q)
    penalty[-1] = 0.0
    stretch = 1 / np.sqrt(C * np.maximum(mean, FLOOR)[:, None, None] * design.energy + penalty)

    def objective(points: FloatArray) -> tuple[FloatArray, FloatArray]:
        weights = points.reshape(p, k, q) * stretch
        losses, slopes = loss(logits_of(rows, weights))
        shrunk = weights * penalty
        values = C * np.einsum("pn,pn->p", losses, row_weights)
        values += 0.5 * np.einsum("pkq,pkq->p", shrunk, shrunk)
        slopes *= row_weights[:, None, :]
        pull = slopes.reshape(p * k, n).astype(rows.dtype, copy=False) @ rows
        gradient = (C * pull.reshape(p, k, q) + shrunk) * stretch
        return values, gradient.reshape(p, -1)

    found = minimise(objective, (weights / stretch).reshape(p, -1), tolerance=tolerance)
    return Fit(found.points.reshape(p, k, q) * stretch, found.converged, found.iterations)


def logits_of(rows: npt.NDArray[Any], weights: FloatArray) -> FloatArray:
    """Logits (p, k, n) of rows (n, q + 1) under weights (p, k, q + 1)."""
    p, k, q = weights.shape
    flat = weights.reshape(p * k, q).astype(rows.dtype, copy=False) @ rows.T
    return np.asarray(flat, dtype=np.float64).reshape(p, k, len(rows))
