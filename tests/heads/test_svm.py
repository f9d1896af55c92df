from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from headstart.heads.svm import SvmHead, fit_sigmoids, probabilities


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
    np.testing.assert_allclose(head.coef_, other.coef_, atol=1e-4)
    np.testing.assert_allclose(head.intercept_, other.intercept_, atol=1e-4)


def test_probabilities_come_from_held_out_values() -> None:
    """Noise in many columns separates the training rows; held-out rows know better."""
    random = np.random.default_rng(0)
    X, y = random.normal(size=(60, 200)), np.arange(60) % 2
    head = SvmHead(C=1.0).fit(X, y)
    assert ((head.decisions(X)[:, 0] > 0) == (y == 1)).all()
    assert head.predict_proba(X).max() < 0.8


def test_more_classes_are_normalised_sigmoids() -> None:
    X, y = drawn(90, 6, 3)
    head = SvmHead(C=0.01).fit(X, y)
    z = head.decisions(X) * head.sigmoid_[:, 0] + head.sigmoid_[:, 1]
    each = 1 / (1 + np.exp(z))
    expected = each / each.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(head.predict_proba(X), expected, atol=1e-12)


def test_two_classes_have_one_sigmoid() -> None:
    p = probabilities(np.array([[2.0], [-1e6]]), np.array([[-1.0, 0.5]]))
    expected = 1 / (1 + np.exp(-1.5))
    np.testing.assert_allclose(p, [[1 - expected, expected], [1.0, 0.0]], atol=1e-12)


def test_sigmoid_of_one_output_is_that_of_class_one() -> None:
    codes = np.array([0, 0, 1, 1])
    sigmoids = fit_sigmoids(np.array([[-2.0, -1.0, 1.0, 2.0]]), codes, np.ones(4))
    assert sigmoids.shape == (1, 2)
    assert sigmoids[0, 0] < 0


def test_strength_is_chosen_from_the_path() -> None:
    X, y = drawn(60, 30, 2)
    assert 1e-5 <= SvmHead().fit(X, y).C_ <= 10
    assert SvmHead(C=0.02).fit(X, y).C_ == 0.02
