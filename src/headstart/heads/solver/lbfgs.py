"""L-BFGS for several problems of one shape, side by side.

Source: Nocedal and Wright 2006, Numerical Optimization, algorithms 7.4 and 7.5. The problems share
every matrix product, which is what makes folds cheap: five small fits cost little more than one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.arrays import BoolArray, FloatArray

Vectors = npt.NDArray[Any]  # float32 or float64, as the first points are
Objective = Callable[[Vectors], tuple[FloatArray, Vectors]]

MEMORY = 10  # steps remembered
SUFFICIENT = 1e-4  # share of the promised decrease that a step must reach (Armijo)
HALVINGS = 40
# Relative noise of a sum; a step may not be refused for less.
ROUNDING = {np.dtype(np.float64): 1e-13, np.dtype(np.float32): 1e-7}
AT_ROUNDING = 1e-6  # slope, relative, below which a search that cannot go on has converged


@dataclass(frozen=True)
class Minimum:
    """Where the search ended: points (p, q), which problems converged (p,), iterations."""

    points: Vectors
    converged: BoolArray
    iterations: int


class _Past:
    """The last steps and changes of slope of each problem, and the scale that they imply."""

    def __init__(self, points: Vectors) -> None:
        self._pairs: list[tuple[Vectors, Vectors, FloatArray]] = []
        self._scale = np.ones(len(points), dtype=points.dtype)
        self._spare = np.empty_like(points)  # a new array of this size costs more than its use

    def add(self, step: Vectors, change: Vectors) -> None:
        curvature = _dot(step, change)
        length = _dot(change, change)
        known = curvature > 1e-12 * length  # a problem at rest teaches nothing
        inverse = np.divide(1, curvature, out=np.zeros_like(curvature), where=known)
        np.divide(curvature, length, out=self._scale, where=known)
        self._pairs.append((step, change, inverse))
        del self._pairs[:-MEMORY]

    def direction(self, slopes: Vectors) -> Vectors:
        descent = -slopes
        kept = []
        for step, change, inverse in reversed(self._pairs):
            share = inverse * _dot(step, descent)
            descent -= np.multiply(share[:, None], change, out=self._spare)
            kept.append(share)
        descent *= self._scale[:, None]
        for (step, change, inverse), share in zip(self._pairs, reversed(kept), strict=True):
            share -= inverse * _dot(change, descent)
            descent += np.multiply(share[:, None], step, out=self._spare)
        return descent


def minimise(
    objective: Objective, start: Vectors, *, tolerance: float, max_iterations: int = 1000
) -> Minimum:
    """Minimise p smooth convex functions of q variables each.

    Args:
        objective: points (p, q) to values (p,) and slopes (p, q), a new array.
        start: first points, (p, q).
        tolerance: a problem has converged when its slope's norm is at most this times the larger
            of 1 and its point's norm.
        max_iterations: steps at most.

    The variables should be scaled so that the curvature is about 1: the first step is the slope.
    """
    points = start
    values, slopes = objective(points)
    past = _Past(points)
    for iteration in range(max_iterations):
        converged = _at_rest(points, slopes, tolerance)
        if converged.all():
            return Minimum(points, converged, iteration)
        descent = past.direction(slopes)
        descent[converged] = 0
        uphill = _dot(descent, slopes) > 0  # rounding has spoilt the memory
        descent[uphill] = -slopes[uphill]
        found = _search(objective, points, values, slopes, descent)
        if found is None:  # rounding hides any further decrease
            return Minimum(points, _at_rest(points, slopes, AT_ROUNDING), iteration)
        new_points, values, new_slopes = found
        past.add(new_points - points, new_slopes - slopes)
        points, slopes = new_points, new_slopes
    return Minimum(points, _at_rest(points, slopes, tolerance), max_iterations)


def _at_rest(points: Vectors, slopes: Vectors, tolerance: float) -> BoolArray:
    slope, length = np.sqrt(_dot(slopes, slopes)), np.sqrt(_dot(points, points))
    return np.asarray(slope <= tolerance * np.maximum(1, length))


def _search(
    objective: Objective,
    points: Vectors,
    values: FloatArray,
    slopes: Vectors,
    descent: Vectors,
) -> tuple[Vectors, FloatArray, Vectors] | None:
    """Halve each problem's step until its value falls enough; None when no problem can move."""
    promise = SUFFICIENT * _dot(descent, slopes)
    slack = ROUNDING[points.dtype] * np.abs(values)
    length = np.ones(len(points), dtype=points.dtype)
    for _ in range(HALVINGS):
        new_points = points + length[:, None] * descent
        new_values, new_slopes = objective(new_points)
        enough = new_values <= values + length * promise + slack
        if enough.all():
            return new_points, new_values, new_slopes
        length[~enough] /= 2
    if not enough.any():
        return None
    length[~enough] = 0
    new_points = points + length[:, None] * descent
    return new_points, *objective(new_points)


def _dot(left: Vectors, right: Vectors) -> Vectors:
    """Inner product of each problem's vectors, (p,)."""
    products: Vectors = np.vecdot(left, right)
    return products
