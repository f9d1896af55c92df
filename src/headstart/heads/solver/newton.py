"""Newton's method for one smooth convex function whose second derivative is known by products.

Source: Nocedal and Wright 2006, Numerical Optimization, algorithms 7.1 (each step by conjugate
gradients, ended early far from the minimum) and 5.3 (preconditioned).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from headstart.heads.solver.lbfgs import AT_ROUNDING, HALVINGS, SUFFICIENT, Minimum, Vectors

ROUGH = 0.3  # share of the slope that a step may leave; less of it the nearer the minimum
NOISE = 1e-6  # of a value in float32, whose logits are large
NOISES = {np.dtype(np.float64): 1e-13, np.dtype(np.float32): NOISE}


class Place(Protocol):
    """A function at one point, all arrays of the point's shape."""

    @property
    def value(self) -> float:
        """The function's."""

    @property
    def slope(self) -> Vectors:
        """Its first derivative."""

    def bent(self, direction: Vectors) -> Vectors:
        """The second derivative times a direction."""

    def eased(self, slope: Vectors) -> Vectors:
        """About the second derivative's inverse times a slope."""

    def length(self, points: Vectors) -> float:
        """The length of points as `eased` measures them."""


def minimise_by_newton(
    at: Callable[[Vectors], Place], start: Vectors, *, tolerance: float, max_iterations: int = 2000
) -> Minimum:
    """Minimise a function.

    Args:
        at: what is known at a point.
        start: the first point, an array of any shape.
        tolerance: it has converged when the slope's length, eased, is at most this times the
            larger of 1 and the point's length.
        max_iterations: products with the second derivative at most, but for the last step's.
    """
    points, place, taken = start, at(start), 0
    while True:
        eased = place.eased(place.slope)
        size = np.sqrt(max(0.0, _dot(eased, place.slope)))
        rest = float(size) / max(1.0, place.length(points))
        if rest <= tolerance or taken >= max_iterations:
            return Minimum(points, np.array([rest <= tolerance]), taken)
        step, products = _newton_step(place, eased, min(ROUGH, rest**0.25))
        taken += products
        found = _search(at, points, place, step)
        if found is None:  # rounding hides any further decrease
            return Minimum(points, np.array([rest <= AT_ROUNDING]), taken)
        points, place = found


def _newton_step(place: Place, eased: Vectors, leave: float) -> tuple[Vectors, int]:
    """The step that leaves at most this share of the slope, and the products that it took."""
    left = -place.slope
    direction = -eased
    step = np.zeros_like(left)
    size = first = _dot(place.slope, eased)
    for number in range(1, left.size + 1):
        bent = place.bent(direction)
        curvature = _dot(direction, bent)
        if curvature <= 0:  # rounding
            return (step if number > 1 else direction), number
        share = left.dtype.type(size / curvature)
        step += share * direction
        bent *= share
        left -= bent
        eased = place.eased(left)
        before, size = size, _dot(left, eased)
        if size <= leave**2 * first:
            return step, number
        direction *= left.dtype.type(size / before)
        direction += eased
    return step, left.size


def _search(
    at: Callable[[Vectors], Place], points: Vectors, place: Place, step: Vectors
) -> tuple[Vectors, Place] | None:
    """Halve the step until the value falls enough; None when it does not."""
    promise = SUFFICIENT * _dot(place.slope, step)
    slack = NOISES[points.dtype] * abs(place.value)
    length = 1.0
    for _ in range(HALVINGS):
        found = at(points + points.dtype.type(length) * step)
        if found.value <= place.value + length * promise + slack:
            return points + points.dtype.type(length) * step, found
        length /= 2
    return None


def _dot(left: Vectors, right: Vectors) -> float:
    return float(np.vdot(left, right))
