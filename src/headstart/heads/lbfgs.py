"""L-BFGS for several problems of one shape, side by side.

Source: Nocedal and Wright 2006, Numerical Optimization, algorithms 7.4 and 7.5. The problems share
every matrix product, which is what makes folds cheap: five small fits cost little more than one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from headstart.arrays import BoolArray, FloatArray

Objective = Callable[[FloatArray], tuple[FloatArray, FloatArray]]

SUFFICIENT = 1e-4  # share of the promised decrease that a step must reach (Armijo)
ROUNDING = 1e-13  # relative noise of a sum; a step may not be refused for less
HALVINGS = 40
AT_ROUNDING = 1e-6  # slope, relative, below which a search that cannot go on has converged


@dataclass(frozen=True)
class Minimum:
    """Where the search ended: points (p, q), which problems converged (p,), iterations."""

    points: FloatArray
    converged: BoolArray
    iterations: int


@dataclass
class _Memory:
    """The last steps and changes of slope of each problem, and the scale that they imply."""

    size: int
    pairs: list[tuple[FloatArray, FloatArray, FloatArray]]
    scale: FloatArray

    def add(self, step: FloatArray, change: FloatArray) -> None:
        curvature = _dot(step, change)
        length = _dot(change, change)
        known = curvature > 1e-12 * length  # a problem at rest teaches nothing
        inverse = np.divide(1.0, curvature, out=np.zeros_like(curvature), where=known)
        np.divide(curvature, length, out=self.scale, where=known)
        self.pairs.append((step, change, inverse))
        del self.pairs[: -self.size]

    def direction(self, slopes: FloatArray) -> FloatArray:
        descent = -slopes
        kept = []
        for step, change, inverse in reversed(self.pairs):
            share = inverse * _dot(step, descent)
            descent -= share[:, None] * change
            kept.append(share)
        descent *= self.scale[:, None]
        for (step, change, inverse), share in zip(self.pairs, reversed(kept), strict=True):
            descent += (share - inverse * _dot(change, descent))[:, None] * step
        return descent


def minimise(
    objective: Objective,
    start: FloatArray,
    *,
    tolerance: float,
    max_iterations: int = 1000,
    memory: int = 10,
) -> Minimum:
    """Minimise p smooth convex functions of q variables each.

    Args:
        objective: points (p, q) to values (p,) and slopes (p, q).
        start: first points, (p, q).
        tolerance: a problem has converged when its slope's norm is at most this times the larger
            of 1 and its point's norm.
        max_iterations: steps at most.
        memory: steps remembered.

    The variables should be scaled so that the curvature is about 1: the first step is the slope.
    """
    points = start
    values, slopes = objective(points)
    past = _Memory(memory, [], np.ones(len(start)))
    for iteration in range(max_iterations):
        converged = _at_rest(points, slopes, tolerance)
        if converged.all():
            return Minimum(points, converged, iteration)
        descent = past.direction(slopes)
        descent[converged] = 0.0
        uphill = _dot(descent, slopes) > 0  # rounding has spoilt the memory
        descent[uphill] = -slopes[uphill]
        found = _search(objective, points, values, slopes, descent)
        if found is None:  # rounding hides any further decrease
            return Minimum(points, _at_rest(points, slopes, AT_ROUNDING), iteration)
        new_points, values, new_slopes = found
        past.add(new_points - points, new_slopes - slopes)
        points, slopes = new_points, new_slopes
    return Minimum(points, _at_rest(points, slopes, tolerance), max_iterations)


def _at_rest(points: FloatArray, slopes: FloatArray, tolerance: float) -> BoolArray:
    return np.asarray(_norm(slopes) <= tolerance * np.maximum(1.0, _norm(points)))


def _search(
    objective: Objective,
    points: FloatArray,
    values: FloatArray,
    slopes: FloatArray,
    descent: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray] | None:
    """Halve each problem's step until its value falls enough; None when no problem can move."""
    promise = SUFFICIENT * _dot(descent, slopes)
    slack = ROUNDING * np.abs(values)
    length = np.ones(len(points))
    for _ in range(HALVINGS):
        new_points = points + length[:, None] * descent
        new_values, new_slopes = objective(new_points)
        enough = new_values <= values + length * promise + slack
        if enough.all():
            return new_points, new_values, new_slopes
        length[~enough] /= 2
    if not enough.any():
        return None
    length[~enough] = 0.0
    new_points = points + length[:, None] * descent
    return new_points, *objective(new_points)


def _dot(left: FloatArray, right: FloatArray) -> FloatArray:
    """Inner product of each problem's vectors, (p,)."""
    products: FloatArray = np.einsum("pq,pq->p", left, right)
    return products


def _norm(vectors: FloatArray) -> FloatArray:
    lengths: FloatArray = np.sqrt(_dot(vectors, vectors))
    return lengths
