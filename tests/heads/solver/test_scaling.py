"""The diagonal gives back what it is given; the steep rows turn the curvature round."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.arrays import FloatArray
from headstart.heads.solver import objective, scaling
from headstart.heads.solver.losses import LogLoss
from headstart.heads.solver.objective import solve
from headstart.heads.solver.principal_axes import axis_scores
from headstart.heads.solver.scaling import DiagonalScaling, SteepRows

C, CLASSES, ROWS, COLUMNS = 0.5, 4, 12, 6
RANDOM = np.random.default_rng(0)
SCORES = RANDOM.normal(size=(ROWS, COLUMNS))
ENERGY = (SCORES**2).sum(axis=0)
MEAN = np.array([0.01])
STEEP = np.argsort(RANDOM.random((CLASSES, ROWS)), axis=1)[:, :3]
BENDS = RANDOM.uniform(0.0, 0.25, (CLASSES, 3))


def steep_rows(bends: FloatArray = BENDS) -> SteepRows:
    return SteepRows(C, MEAN, ENERGY, SCORES, STEEP, bends)


PLAIN = DiagonalScaling(C, MEAN, ENERGY, np.float64)


def test_weights_come_back_and_slopes_are_those_of_the_variables() -> None:
    weights, gradient = RANDOM.normal(size=(2, 1, CLASSES, COLUMNS))
    points = PLAIN.points(weights)
    np.testing.assert_allclose(PLAIN.weights(points), weights, atol=1e-12)
    step = RANDOM.normal(size=points.shape)
    moved = PLAIN.weights(points + step) - weights
    assert np.isclose(np.vdot(gradient, moved), np.vdot(PLAIN.slopes(gradient.copy()), step))


@pytest.mark.parametrize("at_once", [1, 32])
def test_the_curvature_with_the_steep_rows_is_turned_round(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scaling, "IN_CACHE", at_once)
    steep = steep_rows()
    slopes, eased, length = RANDOM.normal(size=(CLASSES, COLUMNS)), [], 0.0
    for number, slope in enumerate(slopes):
        rows = SCORES[STEEP[number]]
        more = np.maximum(BENDS[number] - C * MEAN[0], 0)
        curvature = np.diag(PLAIN.stretch[0, 0] ** -2) + (rows.T * more) @ rows
        eased.append(np.linalg.solve(curvature, slope))
        length += slope @ curvature @ slope
    np.testing.assert_allclose(steep.eased(slopes), eased, atol=1e-12)
    assert np.isclose(steep.length(slopes), np.sqrt(length))


def test_rows_without_bend_leave_the_diagonal() -> None:
    slopes = RANDOM.normal(size=(CLASSES, COLUMNS))
    eased = steep_rows(np.zeros((CLASSES, 3))).eased(slopes)
    np.testing.assert_allclose(eased, slopes * PLAIN.stretch[0, 0] ** 2, rtol=1e-14)


def test_a_long_fit_takes_fewer_steps_to_the_same_optimum(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    codes = np.repeat(np.arange(40), 2)
    features = random.normal(size=(40, 60))[codes] + 0.3 * random.normal(size=(80, 60))
    scores, loss, even = axis_scores(features), LogLoss(codes, 40), np.ones((1, 80))
    near = solve(scores, loss, even, 0.5, tolerance=1e-2).weights
    usual = solve(scores, loss, even, 1.0, tolerance=1e-7, start=near)
    monkeypatch.setattr(objective, "LONG", 1)
    monkeypatch.setattr(objective, "MANY_CLASSES", 40)
    long = solve(scores, loss, even, 1.0, tolerance=1e-7, start=near)
    assert long.converged.all()
    assert long.iterations < 0.7 * usual.iterations
    for found in (long, usual):  # one number more for all intercepts changes nothing
        found.weights[:, :, -1] -= found.weights[:, :, -1].mean()
    np.testing.assert_allclose(long.weights, usual.weights, atol=1e-5)
