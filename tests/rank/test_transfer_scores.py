"""Scores of features, against plain implementations and values worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal
from sklearn.covariance import ledoit_wolf

from headstart.arrays import Float32Array, FloatArray, IntArray
from headstart.rank.transfer_scores import log_evidence, neighbour_accuracy, shrunk_h_score


def drawn(n: int, d: int, k: int, apart: float, seed: int = 0) -> tuple[Float32Array, IntArray]:
    """Rows of k classes around their means."""
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % k
    means = apart * rng.normal(size=(k, d))
    return (means[codes] + rng.normal(size=(n, d))).astype(np.float32), codes


def plain_evidence(features: Float32Array, y: FloatArray) -> float:
    """The largest log density of y under N(0, FF'/alpha + I/beta), by a search of both."""
    gram = features.astype(np.float64) @ features.T.astype(np.float64)

    def loss(logs: FloatArray) -> float:
        alpha, beta = np.exp(np.clip(logs, -15, 15))
        covariance = gram / alpha + np.eye(len(y)) / beta
        return -float(multivariate_normal.logpdf(y, cov=covariance))

    starts = [np.array([a, b]) for a in (-1.0, 2.0, 5.0) for b in (0.0, 2.0)]
    found = [minimize(loss, s, method="Nelder-Mead", options={"xatol": 1e-9}) for s in starts]
    return -min(float(one.fun) for one in found)


@pytest.mark.parametrize(("n", "d"), [(40, 6), (24, 40)])
def test_log_evidence_is_the_largest_density(n: int, d: int) -> None:
    features, codes = drawn(n, d, 3, apart=1.0)
    plain = np.mean([plain_evidence(features, (codes == c).astype(float)) for c in range(3)])
    assert log_evidence(features, codes) == pytest.approx(plain / n, abs=1e-4)


def test_log_evidence_worked_by_hand() -> None:
    """One feature (1, 1, 1, -1) and the class (1, 1, 0, 0); the other class is its complement.

    F'F = 4, the target's part along F is x = (1 + 1) / 2 = 1 of a square of 2, so that 1 is left.
    At the fixed point with t = alpha / beta: used = 4 / (4 + t), m^2 = 4 / (4 + t)^2,
    e = t^2 / (4 + t)^2 + 1. The complement (0, 0, 1, 1) has x = 0: no weight, alpha grows without
    end, and the evidence is that of noise alone with beta = 4 / 2.
    """
    features = np.array([[1], [1], [1], [-1]], dtype=np.float32)
    codes = np.array([0, 0, 1, 1])
    t = 1.0
    for _ in range(1000):
        used, m2 = 4 / (4 + t), 4 / (4 + t) ** 2
        e = t**2 / (4 + t) ** 2 + 1
        alpha, beta = used / m2, (4 - used) / e
        t = alpha / beta
    assert alpha == pytest.approx(4 + t)  # used / m^2
    first = 0.5 * (
        np.log(alpha) + 4 * np.log(beta) - beta * e - alpha * m2 - np.log(alpha + 4 * beta)
    )
    noise = 0.5 * (4 * np.log(2.0) - 4)
    by_hand = ((first + noise) / 2 - 2 * np.log(2 * np.pi)) / 4
    assert log_evidence(features, codes) == pytest.approx(by_hand, abs=1e-3)


@pytest.mark.parametrize(("n", "d"), [(60, 8), (20, 50)])
def test_h_score_is_the_plain_trace(n: int, d: int) -> None:
    features, codes = drawn(n, d, 4, apart=1.0)
    X = features.astype(np.float64)
    covariance, shrinkage = ledoit_wolf(X)
    means = np.stack([X[codes == code].mean(axis=0) for code in codes])
    between = np.cov(means.T, bias=True)
    plain = np.trace(np.linalg.inv(covariance) @ ((1 - shrinkage) * between))
    assert shrunk_h_score(features, codes) == pytest.approx(plain, rel=1e-8)


def test_h_score_worked_by_hand() -> None:
    """One feature is never shrunk: the variance between, 4, over the whole variance, 5."""
    features = np.array([[1], [3], [-1], [-3]], dtype=np.float32)
    assert shrunk_h_score(features, np.array([0, 0, 1, 1])) == pytest.approx(4 / 5)


def test_neighbours_worked_by_hand() -> None:
    """Six rows by their angle: only the fifth lies among the other class's."""
    angles = np.radians([0, 1, 2, 40, 3, 41])
    features = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    codes = np.array([0, 0, 0, 1, 1, 1])
    # All five others vote: of class 0 (rows 0 to 2) two stand against three.
    assert neighbour_accuracy(features, codes) == 0.0
    doubled = np.concatenate([features, features, features])
    groups = np.arange(18)
    assert neighbour_accuracy(doubled, np.tile(codes, 3), groups) == pytest.approx(15 / 18)
    assert neighbour_accuracy(doubled, np.tile(codes, 3), groups % 6) == pytest.approx(15 / 18)


@pytest.mark.parametrize("score", [log_evidence, shrunk_h_score, neighbour_accuracy])
def test_scores_rise_with_the_distance_of_the_classes(score: object) -> None:
    assert callable(score)
    values = [score(*drawn(200, 30, 5, apart)) for apart in (0.0, 0.3, 0.6, 1.2)]
    assert values == sorted(values)


@pytest.mark.parametrize("score", [log_evidence, shrunk_h_score, neighbour_accuracy])
def test_one_class_is_refused(score: object) -> None:
    assert callable(score)
    with pytest.raises(ValueError, match="needs two"):
        score(np.zeros((3, 2), np.float32), np.zeros(3, np.int64))
