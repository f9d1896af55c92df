from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.calibration import _SigmoidCalibration
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from headstart.heads.probabilities import platt_probabilities
from headstart.heads.svm import SvmHead, fit_sigmoid, fit_sigmoids


def drawn(n: int, d: int, k: int) -> tuple[Any, Any]:
    random = np.random.default_rng(2)
    codes = np.arange(n) % k
    return random.normal(size=(n, d)) * 3 + random.normal(size=(k, d))[codes] * 2, codes


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize(("n", "d"), [(45, 80), (120, 6)])
def test_weights_equal_liblinear(n: int, d: int, k: int) -> None:
    """LIBLINEAR penalises the intercept; scaled up, that penalty fades."""
    X, y = drawn(n, d, k)
    head = SvmHead(C=0.05).fit(X, y)
    other = LinearSVC(C=0.05, dual=False, intercept_scaling=1e4, tol=1e-10, max_iter=9999)
    other.fit(StandardScaler().fit_transform(X), y)
    np.testing.assert_allclose(head.fitted_.coef, other.coef_, atol=1e-4)
    np.testing.assert_allclose(head.fitted_.intercept, other.intercept_, atol=1e-4)


def test_probabilities_come_from_held_out_values() -> None:
    """Noise in many columns separates the training rows; held-out rows know better."""
    random = np.random.default_rng(0)
    X, y = random.normal(size=(60, 200)), np.arange(60) % 2
    head = SvmHead(C=1.0).fit(X, y)
    assert ((head.fitted_.decisions(X)[:, 0] > 0) == (y == 1)).all()
    assert head.predict_proba(X).max() < 0.8


def test_more_classes_are_normalised_sigmoids() -> None:
    X, y = drawn(90, 6, 3)
    head = SvmHead(C=0.01).fit(X, y)
    z = head.fitted_.decisions(X) * head.fitted_.sigmoid[:, 0] + head.fitted_.sigmoid[:, 1]
    each = 1 / (1 + np.exp(z))
    expected = each / each.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(head.predict_proba(X), expected, atol=1e-12)


def test_two_classes_have_one_sigmoid() -> None:
    p = platt_probabilities(np.array([[2.0], [-1e6]]), np.array([[-1.0, 0.5]]))
    expected = 1 / (1 + np.exp(-1.5))
    np.testing.assert_allclose(p, [[1 - expected, expected], [1.0, 0.0]], atol=1e-12)


def test_sigmoid_of_one_output_is_that_of_class_one() -> None:
    codes = np.array([0, 0, 1, 1])
    sigmoids = fit_sigmoids(np.array([[-2.0, -1.0, 1.0, 2.0]]), codes, np.ones(4))
    assert sigmoids.shape == (1, 2)
    assert sigmoids[0, 0] < 0


def test_c_is_chosen_from_the_path() -> None:
    X, y = drawn(60, 30, 2)
    assert 1e-5 <= SvmHead().fit(X, y).C_ <= 10
    assert SvmHead(C=0.02).fit(X, y).C_ == 0.02


def test_sigmoid_equals_scikit_learn() -> None:
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
