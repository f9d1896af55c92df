import numpy as np

from headstart.arrays import FloatArray
from headstart.heads.solver.lbfgs import Vectors, minimise


def test_quadratics_side_by_side_reach_their_own_minima() -> None:
    random = np.random.default_rng(0)
    roots = random.normal(size=(3, 6, 6))
    matrices = roots @ roots.transpose(0, 2, 1) + np.eye(6)
    sides = random.normal(size=(3, 6))

    def objective(points: FloatArray) -> tuple[FloatArray, FloatArray]:
        products = np.einsum("pij,pj->pi", matrices, points)
        return ((0.5 * products - sides) * points).sum(axis=1), products - sides

    found = minimise(objective, np.zeros((3, 6)), tolerance=1e-10)
    assert found.converged.all()
    np.testing.assert_allclose(
        found.points, np.linalg.solve(matrices, sides[..., None])[..., 0], atol=1e-8
    )


def test_a_step_too_long_is_halved() -> None:
    def objective(points: FloatArray) -> tuple[FloatArray, FloatArray]:
        return (50 * points**2).sum(axis=1), 100 * points

    found = minimise(objective, np.array([[1.0], [-2.0]]), tolerance=1e-9)
    np.testing.assert_allclose(found.points, 0.0, atol=1e-9)


def test_too_few_steps_are_not_called_converged() -> None:
    def objective(points: FloatArray) -> tuple[FloatArray, FloatArray]:
        return np.cosh(points).sum(axis=1), np.sinh(points)

    found = minimise(objective, np.array([[5.0], [0.0]]), tolerance=1e-12, max_iterations=2)
    assert found.converged.tolist() == [False, True]
    assert found.iterations == 2


def test_float32_stays_float32() -> None:
    def objective(points: Vectors) -> tuple[FloatArray, Vectors]:
        return np.cosh(points).sum(axis=1, dtype=np.float64), np.sinh(points)

    found = minimise(objective, np.array([[2.0, -3.0]], dtype=np.float32), tolerance=1e-4)
    assert found.points.dtype == np.float32
    assert found.converged.all()
    np.testing.assert_allclose(found.points, 0.0, atol=1e-3)
