from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from headstart.heads.inner_folds import inner_folds
from headstart.heads.linear import LinearHead
from headstart.heads.solver.choice_of_c import FOLDS, PATH


def drawn(n: int, d: int, k: int, signal: float = 0.4) -> tuple[Any, Any]:
    random = np.random.default_rng(7)
    codes = np.concatenate(
        [np.arange(k), random.choice(k, n - k, p=np.arange(1, k + 1) / (k * (k + 1) / 2))]
    )
    X = random.normal(size=(n, d)) * random.uniform(0.1, 9, d) + random.normal(size=d) * 20
    X[:, : d // 2] += signal * X.std(axis=0)[: d // 2] * random.normal(size=(k, d // 2))[codes]
    X[:, d - 1] = 3.3  # constant
    return X, np.array([f"c{code}" for code in codes])


@pytest.mark.parametrize("weight", [None, "balanced"])
@pytest.mark.parametrize("k", [2, 5])
@pytest.mark.parametrize(("n", "d"), [(60, 200), (150, 12)])
@pytest.mark.parametrize("C", [1e-3, 0.3])
def test_equals_scikit_learn(n: int, d: int, k: int, C: float, weight: Any) -> None:
    X, y = drawn(n, d, k)
    head = LinearHead(C=C, class_weight=weight).fit(X, y)
    standard = StandardScaler().fit_transform(X)
    other = LogisticRegression(C=C, class_weight=weight, tol=1e-12, max_iter=20_000)
    other.fit(standard, y)
    if k == 2:
        coef, intercept = (
            head.fitted_.coef[1] - head.fitted_.coef[0],
            head.fitted_.intercept[1] - head.fitted_.intercept[0],
        )
    else:
        coef, intercept = head.fitted_.coef, head.fitted_.intercept
    np.testing.assert_allclose(coef, np.squeeze(other.coef_), atol=1e-6)
    np.testing.assert_allclose(intercept, np.squeeze(other.intercept_), atol=1e-5)
    np.testing.assert_allclose(head.predict_proba(X), other.predict_proba(standard), atol=1e-6)


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize(("n", "d"), [(40, 90), (90, 10)])
def test_slope_is_zero_at_the_end(n: int, d: int, k: int) -> None:
    X, y = drawn(n, d, k)
    head = LinearHead(C=0.1).fit(X, y)
    standard = (X - head.fitted_.mean) / head.fitted_.scale
    residual = head.predict_proba(X) - (y[:, None] == head.classes_)
    penalty = 2.0 if k == 2 else 1.0  # the rows -w/2 and w/2 share 0.5 * ||w||^2
    slope = 0.1 * residual.T @ standard + penalty * head.fitted_.coef
    np.testing.assert_allclose(slope, 0.0, atol=1e-8)
    np.testing.assert_allclose(residual.sum(axis=0), 0.0, atol=1e-8)


def test_chosen_c_is_the_best_of_refits_by_scikit_learn() -> None:
    X, y = drawn(90, 40, 2)
    head = LinearHead().fit(X, y)
    codes = (y == "c1").astype(np.int64)
    folds = inner_folds(codes, None, np.random.RandomState(13), FOLDS)
    standard = StandardScaler().fit_transform(X)
    losses = []
    for C in PATH:
        held = np.empty(len(y))
        for fold in range(5):
            fit = LogisticRegression(C=C, tol=1e-8, max_iter=9999)
            fit.fit(standard[folds != fold], codes[folds != fold])
            held[folds == fold] = fit.predict_proba(standard[folds == fold])[:, 1]
        losses.append(log_loss(codes, held))
    best = PATH[int(np.argmin(losses))]
    assert np.isclose(head.C_, best)
    np.testing.assert_allclose(head.tried_[:, 0], PATH[: len(head.tried_)])
    np.testing.assert_allclose(head.tried_[:, 1], losses[: len(head.tried_)], rtol=2e-3)
    assert len(head.tried_) < len(PATH)  # left, since the loss had risen twice
    assert PATH[0] < best < PATH[-1]


def test_equal_scores_take_the_smaller_c() -> None:
    X = np.zeros((20, 3))  # nothing to learn: every C gives the same
    head = LinearHead().fit(X, ["a", "b"] * 10)
    assert np.isclose(head.C_, PATH[0])
    np.testing.assert_allclose(head.predict_proba(X), 0.5)


def test_groups_change_the_choice() -> None:
    """Copies of a row on both sides of a fold make any C look good."""
    random = np.random.default_rng(1)
    X = np.repeat(random.normal(size=(30, 60)), 6, axis=0)
    y = np.repeat(random.integers(0, 2, 30), 6)
    leaking = LinearHead().fit(X, y)
    kept = LinearHead().fit(X, y, groups=np.repeat(np.arange(30), 6))
    assert leaking.C_ >= 1.0
    assert kept.C_ <= 1e-2


def test_no_class_with_two_rows_falls_back_to_one() -> None:
    head = LinearHead().fit([[0.0], [1.0], [5.0]], ["a", "b", "c"])
    assert head.C_ == 1.0


@pytest.mark.parametrize("C", [0.0, -1.0, float("nan"), float("inf")])
def test_bad_c_is_an_error(C: float) -> None:
    with pytest.raises(ValueError, match="C is "):
        LinearHead(C=C).fit([[0.0], [1.0]], ["a", "b"])


@pytest.mark.parametrize("k", [2, 3])
def test_folded_weights_give_the_logits_of_raw_features(k: int) -> None:
    X, y = drawn(50, 8, k)
    head = LinearHead(C=0.1).fit(X, y)
    weight, bias = head.fitted_.folded()
    assert weight.shape == (k, 8)
    np.testing.assert_allclose(X @ weight.T + bias, head.fitted_.logits(X), atol=1e-9)


def test_constant_column_has_scale_one() -> None:
    X, y = drawn(50, 8, 2)
    head = LinearHead(C=0.1).fit(X, y)
    assert head.fitted_.scale[-1] == 1.0
    np.testing.assert_allclose(head.fitted_.coef[:, -1], 0.0, atol=1e-9)


def test_float32_features_are_solved_in_float64() -> None:
    X, y = drawn(50, 30, 2)
    single = X.astype(np.float32)
    first = LinearHead(C=0.1).fit(single, y)
    second = LinearHead(C=0.1).fit(single.astype(np.float64), y)
    np.testing.assert_allclose(first.fitted_.coef, second.fitted_.coef, atol=1e-12)


def test_many_rows_choose_on_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headstart.heads.solver.choice_of_c.MOST_ROWS", 60)
    X, y = drawn(300, 12, 3)
    head = LinearHead().fit(X, y)
    exact = LinearHead(C=head.C_).fit(X, y)  # all rows are in the last solution
    np.testing.assert_allclose(head.fitted_.coef, exact.fitted_.coef, atol=1e-8)


def test_large_rows_in_float32_come_near(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = drawn(300, 12, 3)
    exact = LinearHead(C=0.1).fit(X, y)
    monkeypatch.setattr("headstart.heads.solver.linear_fit.LARGE", 1)
    monkeypatch.setattr("headstart.heads.solver.linear_fit.AXES_LIMIT", 1)
    np.testing.assert_allclose(
        LinearHead(C=0.1).fit(X, y).fitted_.coef, exact.fitted_.coef, atol=1e-3
    )
