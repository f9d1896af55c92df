"""The scalings give back what they are given, and bring the curvature near to 1."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.heads.solver import objective
from headstart.heads.solver.objective import LogLoss, solve
from headstart.heads.solver.principal_axes import axis_scores
from headstart.heads.solver.scaling import DiagonalScaling, SteepRowsScaling

C, CLASSES, ROWS, COLUMNS = 0.5, 4, 12, 6
RANDOM = np.random.default_rng(0)
SCORES = RANDOM.normal(size=(ROWS, COLUMNS))
ENERGY = (SCORES**2).sum(axis=0)
MEAN = np.array([0.01])
STEEP = np.argsort(RANDOM.random((CLASSES, ROWS)), axis=1)[:, :3]
BENDS = RANDOM.uniform(0.0, 0.25, (CLASSES, 3))


def both() -> list[DiagonalScaling]:
    return [
        DiagonalScaling(C, MEAN, ENERGY, np.float64),
        SteepRowsScaling(C, MEAN, ENERGY, SCORES, STEEP, BENDS),
    ]


@pytest.mark.parametrize("scaling", both())
def test_weights_come_back_and_slopes_are_those_of_the_variables(scaling: DiagonalScaling) -> None:
    weights, gradient = RANDOM.normal(size=(2, 1, CLASSES, COLUMNS))
    points = scaling.points(weights)
    np.testing.assert_allclose(scaling.weights(points), weights, atol=1e-12)
    step = RANDOM.normal(size=points.shape)
    moved = scaling.weights(points + step) - weights
    assert np.isclose(np.vdot(gradient, moved), np.vdot(scaling.slopes(gradient.copy()), step))


def test_steep_rows_make_the_curvature_of_a_class_one() -> None:
    plain, scaling = both()
    for number in range(CLASSES):
        rows = SCORES[STEEP[number]]
        more = np.maximum(BENDS[number] - C * MEAN[0], 0)
        curvature = np.diag(plain.stretch[0, 0] ** -2) + (rows.T * more) @ rows
        units = np.zeros((COLUMNS, 1, CLASSES, COLUMNS))
        units[np.arange(COLUMNS), 0, number, np.arange(COLUMNS)] = 1
        turned = np.stack([scaling.weights(unit)[0, number] for unit in units])
        np.testing.assert_allclose(turned @ curvature @ turned.T, np.eye(COLUMNS), atol=1e-10)


def test_rows_without_bend_leave_the_diagonal() -> None:
    plain = both()[0]
    scaling = SteepRowsScaling(C, MEAN, ENERGY, SCORES, STEEP, np.zeros((CLASSES, 3)))
    points = RANDOM.normal(size=(1, CLASSES, COLUMNS))
    np.testing.assert_array_equal(scaling.weights(points), plain.weights(points))


def test_a_long_fit_takes_fewer_steps_to_the_same_optimum(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    codes = np.repeat(np.arange(40), 2)
    features = random.normal(size=(40, 60))[codes] + 0.3 * random.normal(size=(80, 60))
    scores, loss, even = axis_scores(features), LogLoss(codes, 40), np.ones((1, 80))
    near = solve(scores, loss, even, 0.5, tolerance=1e-2).weights
    usual = solve(scores, loss, even, 1.0, tolerance=1e-6, start=near)
    monkeypatch.setattr(objective, "LONG", 1)
    monkeypatch.setattr(objective, "MANY_CLASSES", 40)
    long = solve(scores, loss, even, 1.0, tolerance=1e-6, start=near)
    assert long.converged.all()
    assert long.iterations < 0.7 * usual.iterations
    for found in (long, usual):  # one number more for all intercepts changes nothing
        found.weights[:, :, -1] -= found.weights[:, :, -1].mean()
    np.testing.assert_allclose(long.weights, usual.weights, atol=1e-5)
