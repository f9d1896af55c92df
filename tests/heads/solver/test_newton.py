"""Newton's method finds the minimum of functions whose second derivative is known by products."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from headstart.heads.solver import newton
from headstart.heads.solver.newton import minimise_by_newton

TARGET = np.random.default_rng(0).normal(size=(3, 4))
WEIGHT = np.geomspace(0.1, 100, 12).reshape(3, 4)


class Bowl:
    """Half the weighted squared distance, plus the sum of its fourth powers."""

    def __init__(self, point: Any) -> None:
        self.off = point - TARGET
        self.value = float((0.5 * WEIGHT * self.off**2 + self.off**4).sum())
        self.slope = WEIGHT * self.off + 4 * self.off**3

    def bent(self, direction: Any) -> Any:
        return (WEIGHT + 12 * self.off**2) * direction

    def eased(self, slope: Any) -> Any:
        return slope / WEIGHT

    def length(self, points: Any) -> float:
        return float(np.sqrt((WEIGHT * points**2).sum()))


def test_it_ends_at_the_minimum() -> None:
    found = minimise_by_newton(Bowl, TARGET + 3.0, tolerance=1e-9)
    assert found.converged.tolist() == [True]
    np.testing.assert_allclose(found.points, TARGET, atol=1e-8)
    rough = minimise_by_newton(Bowl, TARGET + 3.0, tolerance=1e-2)
    assert 0 < rough.iterations < found.iterations
    assert minimise_by_newton(Bowl, TARGET, tolerance=1e-9).iterations == 0


def test_the_end_of_the_products_is_told() -> None:
    found = minimise_by_newton(Bowl, TARGET + 3.0, tolerance=1e-9, max_iterations=1)
    assert found.converged.tolist() == [False]


class Slippery(Bowl):
    """Promises a decrease that no step gives."""

    def __init__(self, point: Any) -> None:
        super().__init__(point)
        self.value = 0.0 if (point == TARGET + 3.0).all() else 1.0


def test_a_search_that_cannot_go_on_ends() -> None:
    found = minimise_by_newton(Slippery, TARGET + 3.0, tolerance=1e-9)
    assert found.converged.tolist() == [False]
    np.testing.assert_array_equal(found.points, TARGET + 3.0)


class Flat(Bowl):
    """Rounding makes its curvature nothing."""

    def bent(self, direction: Any) -> Any:
        return np.zeros_like(direction)


def test_without_curvature_the_step_is_the_eased_slope(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newton, "SUFFICIENT", 0.0)
    found = minimise_by_newton(Flat, TARGET + 0.01, tolerance=1e-3)
    assert found.converged.tolist() == [True]
