import numpy as np
from scipy.optimize import minimize
from sklearn.calibration import _SigmoidCalibration

from headstart.heads.platt import fit_sigmoid


def test_equals_scikit_learn() -> None:
    random = np.random.default_rng(0)
    positive = random.random(200) < 0.3
    decisions = random.normal(size=200) + positive
    a, b = fit_sigmoid(decisions, positive, np.ones(200))
    other = _SigmoidCalibration().fit(decisions, positive.astype(int))
    np.testing.assert_allclose([a, b], [other.a_, other.b_], atol=1e-4)
    assert a < 0


def test_targets_of_separated_values() -> None:
    """Two values: the sigmoid passes through the targets (N+ + 1)/(N+ + 2) and 1/(N- + 2)."""
    decisions = np.array([1.0, 1.0, -1.0, -1.0, -1.0])
    a, b = fit_sigmoid(decisions, decisions > 0, np.ones(5))
    p = 1 / (1 + np.exp(a * np.array([1.0, -1.0]) + b))
    np.testing.assert_allclose(p, [3 / 4, 1 / 5], atol=1e-6)


def test_rows_of_weight_zero_do_not_count() -> None:
    decisions = np.array([1.0, 2.0, -1.0, 0.5, 99.0])
    positive = np.array([True, True, False, False, False])
    weights = np.array([1.0, 1.0, 1.0, 1.0, 0.0])
    np.testing.assert_allclose(
        fit_sigmoid(decisions, positive, weights),
        fit_sigmoid(decisions[:4], positive[:4], np.ones(4)),
        atol=1e-8,
    )


def test_large_values_do_not_overflow() -> None:
    decisions = np.array([5000.0, -4000.0, 3000.0, -2000.0, 10.0])
    positive = np.array([True, False, True, False, False])
    a, b = fit_sigmoid(decisions, positive, np.ones(5))
    assert np.isfinite([a, b]).all()
    target = np.where(positive, 3 / 4, 1 / 5)

    def loss(ab: np.ndarray) -> float:
        z = ab[0] * decisions / 1000 + ab[1]
        return float((np.logaddexp(0, -z) + target * z).sum())

    best = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"fatol": 1e-12}).fun
    assert loss(np.array([a * 1000, b])) <= best + 1e-8
