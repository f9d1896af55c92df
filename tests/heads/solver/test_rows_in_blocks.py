import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstart.arrays import FloatArray, IntArray
from headstart.heads.linear import LinearHead
from headstart.heads.solver import linear_fit, rows_in_blocks
from headstart.heads.solver.losses import log_loss
from headstart.heads.standardisation import column_scale
from headstart.heads.svm import SquaredHinge, SvmHead


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """All fits with more rows than 20 count as large, and a block has 9 rows of 12 numbers."""
    monkeypatch.setattr(linear_fit, "LARGE", 1)
    monkeypatch.setattr(linear_fit, "AXES_LIMIT", 20)
    monkeypatch.setattr(rows_in_blocks, "BLOCK_NUMBERS", 120)


def drawn(n: int, d: int, k: int, dtype: Any = np.float32) -> tuple[Any, IntArray]:
    random = np.random.default_rng(3)
    codes = np.arange(n) % k
    X = random.normal(size=(n, d)) + 0.5 * random.normal(size=(k, d))[codes]
    X = X @ random.normal(size=(d, d)) * random.uniform(0.1, 9, d) + random.normal(size=d) * 20
    X[:, -1] = 3.3  # constant
    return X.astype(dtype), codes


def exactly(head: Any, X: Any, codes: IntArray, groups: Any = None) -> Any:
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(linear_fit, "LARGE", 10**9)
        return head.fit(X, codes, groups=groups)


def objective(head: Any, X: Any, codes: IntArray, C: float) -> float:
    k, fitted = len(head.classes_), head.fitted_
    weights, intercept = fitted.coef, fitted.intercept
    if isinstance(head, LinearHead) and k == 2:
        weights, intercept = weights[1:] - weights[:1], intercept[1:] - intercept[:1]
    loss = (log_loss if isinstance(head, LinearHead) else SquaredHinge)(codes, k)
    standard = (X - fitted.mean) / fitted.scale
    losses: FloatArray = loss((standard @ weights.T + intercept).T[None].copy())[0]
    return float(C * losses.sum() + 0.5 * (weights**2).sum())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("limit", [2048, 3])
def test_parts_and_turned_weights_are_those_of_standardised_rows(
    limit: int, dtype: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_in_blocks, "BLOCK_NUMBERS", 120)
    monkeypatch.setattr(rows_in_blocks, "AXES_LIMIT", limit)
    X, codes = drawn(50, 12, 3, dtype)
    mean, scale = column_scale(X)
    standard = np.column_stack([(X - mean) / scale, np.ones(50)])
    rows = rows_in_blocks.rows_in_blocks(X)
    parts = list(rows.each(lambda *part: part, log_loss(codes, 3)))
    assert [len(block) for _, block, _ in parts] == [9, 9, 9, 9, 9, 5]
    together = np.concatenate([block for _, block, _ in parts])
    np.testing.assert_allclose(together, standard, atol=1e-5)
    assert all(np.array_equal(loss.codes, codes[some]) for some, _, loss in parts)
    scores = rows.take(np.arange(50)).rows
    np.testing.assert_allclose(rows.take(np.array([7, 31])).rows, scores[[7, 31]], atol=1e-6)
    if limit > 12:
        scatter = scores[:, :-1].T @ scores[:, :-1]
        np.testing.assert_allclose(scatter, np.diag(rows.energy[:-1]), atol=1e-2)
    weights = np.random.default_rng(0).normal(size=(2, 3, 13))
    on_rows = rows.on_rows(weights)
    np.testing.assert_allclose(on_rows @ standard.T, weights @ scores.T, atol=1e-4)
    np.testing.assert_allclose(rows.on_features(weights[0, :, :-1]), on_rows[0, :, :-1], atol=1e-6)
    slopes = np.random.default_rng(1).normal(size=(2, 3, 50))
    np.testing.assert_allclose(rows.from_rows(slopes @ standard), slopes @ scores, atol=1e-4)


@pytest.mark.parametrize("kind", [LinearHead, SvmHead])
@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weight", [None, "balanced"])
@pytest.mark.usefixtures("large")
def test_the_objective_is_that_of_the_exact_fit(
    kind: Any, k: int, dtype: type, weight: Any
) -> None:
    X, codes = drawn(400, 12, k, dtype)
    near = kind(class_weight=weight).fit(X, codes)
    exact = exactly(kind(class_weight=weight), X, codes)
    assert near.C_ == exact.C_
    np.testing.assert_allclose(near.tried_, exact.tried_, rtol=1e-3)
    least = objective(exact, X, codes, exact.C_)
    assert abs(objective(near, X, codes, exact.C_) / least - 1) < 1e-5
    np.testing.assert_allclose(near.predict_proba(X), exact.predict_proba(X), atol=2e-3)


@pytest.mark.parametrize("kind", [LinearHead, SvmHead])
@pytest.mark.usefixtures("large")
def test_a_memory_mapped_file_gives_the_same_bits(kind: Any, tmp_path: Path) -> None:
    X, codes = drawn(300, 12, 3)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    ours, theirs = (kind().fit(rows, codes).fitted_.to_arrays() for rows in (X, mapped))
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    assert [path.name for path in tmp_path.iterdir()] == ["X.npy"]


@pytest.mark.parametrize("kind", [LinearHead, SvmHead])
@pytest.mark.parametrize("C", [None, 0.01])
def test_a_large_fit_allocates_a_part_of_what_its_features_take(
    kind: Any, C: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linear_fit, "LARGE", 1_000_000)
    monkeypatch.setattr(rows_in_blocks, "BLOCK_NUMBERS", 50_000)
    monkeypatch.setattr("headstart.heads.solver.choice_of_c.MOST_ROWS", 500)
    monkeypatch.setattr("headstart.heads.standardisation.BLOCK", 500)
    X, codes = drawn(40_000, 64, 5)
    np.save(tmp_path / "X.npy", X)
    size = X.nbytes
    del X
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    tracemalloc.start()
    try:
        kind(C=C).fit(mapped, codes)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.5 * size


@pytest.mark.usefixtures("large")
def test_without_folds_the_svm_is_judged_on_all_rows() -> None:
    X, codes = drawn(60, 12, 3)
    head = SvmHead(C=0.1).fit(X, codes, groups=codes)  # each class would leave its fold
    assert head.tried_.shape == (0, 2)
    exact = exactly(SvmHead(C=0.1), X, codes, codes)
    np.testing.assert_allclose(head.predict_proba(X), exact.predict_proba(X), atol=2e-3)
