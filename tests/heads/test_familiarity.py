"""How familiar a picture is, against plain implementations and values by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from headstart.arrays import Float32Array, IntArray
from headstart.heads.familiarity import (
    Familiarity,
    is_unfamiliar,
    to_length_one,
    unfamiliar_in_words,
)
from headstart.heads.familiarity_fit import (
    LARGEST,
    LEAST,
    MOST,
    fit_familiarity,
    fit_on_two,
    with_distances,
)
from headstart.heads.inner_folds import inner_folds


def rows(n: int, d: int, seed: int = 0, classes: int = 3) -> tuple[Float32Array, IntArray]:
    """Rows that differ more along some axes than along others, in classes that lie apart."""
    rng = np.random.default_rng(seed)
    turned = np.random.default_rng(9).normal(size=(d, d)) / np.arange(1, d + 1)
    codes = np.arange(n) % classes
    X = rng.normal(size=(n, d)) @ turned + 3
    X[np.arange(n), codes] += 2
    return X.astype(np.float32), codes


def plain(X: Float32Array, codes: IntArray, asked: Float32Array) -> np.ndarray:
    """Lee et al.'s score with scikit-learn's covariance, an inverse and a loop."""
    unit, others = (a.astype(float) / np.linalg.norm(a, axis=1)[:, None] for a in (X, asked))
    means = [unit[codes == code].mean(axis=0) for code in np.unique(codes)]
    within = np.concatenate(
        [unit[codes == code] - mean for code, mean in zip(np.unique(codes), means, strict=True)]
    )
    inverse = np.linalg.inv(LedoitWolf(assume_centered=True).fit(within).covariance_)
    return np.array([min((x - m) @ inverse @ (x - m) for m in means) for x in others])


@pytest.mark.parametrize(("n", "d"), [(40, 60), (90, 12), (61, 60)])
def test_distances_are_those_of_a_plain_implementation(n: int, d: int) -> None:
    (X, codes), (asked, _) = rows(n, d), rows(20, d, seed=1)
    fitted = fit_familiarity(X, codes, None, 0)
    assert fitted is not None
    np.testing.assert_allclose(fitted.distance(asked), plain(X, codes, asked), rtol=1e-4)


def test_two_classes_on_a_circle_by_hand() -> None:
    """Both axes vary alike, so that S is a number times I, which no shrinking changes."""
    angle = np.concatenate([c + np.linspace(-0.1, 0.1, 21) for c in (0.0, np.pi / 2)])
    X = (7 * np.column_stack([np.cos(angle), np.sin(angle)])).astype(np.float32)
    codes = np.repeat([0, 1], 21)
    fitted = fit_familiarity(X, codes, None, 0)
    assert fitted is not None
    centre = np.cos(np.linspace(-0.1, 0.1, 21)).mean()
    m = 1 - centre**2  # of each row's squared length around its mean, over both axes
    asked = np.array([[3.0, 0.0], [-2.0, 0.0], [5.0, 5.0]], np.float32)
    half = np.sqrt(0.5)
    expected = [(1 - centre) ** 2, 1 + centre**2, (half - centre) ** 2 + half**2]
    wanted = np.array(expected) / (m / 2)
    np.testing.assert_allclose(fitted.distance(asked), wanted, rtol=1e-5, atol=1e-3)


def test_ranks_by_hand() -> None:
    known = Familiarity(
        mean=np.zeros(1),
        transform=np.zeros((1, 1), np.float32),
        weights=np.array([0.0, 1.0]),
        coef=np.zeros((1, 1), np.float32),
        intercept=np.zeros(1),
        distances=np.arange(1.0, 20.0),  # 19 of them
    )
    asked = np.array([0.5, 1.0, 1.5, 19.0, 19.5])
    assert known.rank(asked).tolist() == [1.0, 1.0, 19 / 20, 2 / 20, 1 / 20]
    assert is_unfamiliar(np.array([0.05, 0.049, np.nan])).tolist() == [False, True, False]


def test_a_row_is_ranked_by_statistics_without_it() -> None:
    X, codes = rows(60, 80)
    groups = np.arange(60) // 2
    fitted = fit_familiarity(X, codes, groups, 5)
    assert fitted is not None
    random = np.random.RandomState(5)
    folds = inner_folds(codes, groups, random, 5)
    assert all(len(set(folds[groups == group])) == 1 for group in groups)
    # All folds shrink as all rows do: what is added to S is the same, S is that of the fold.
    base, share = 1 / fitted.weights[0], None
    unit = to_length_one(X)
    found = []
    for fold in range(5):
        kept = folds != fold
        means = np.stack([unit[kept & (codes == code)].mean(axis=0) for code in range(3)])
        S = np.cov((unit[kept] - means[codes[kept]]).T, bias=True)
        if share is None:
            whole = np.stack([unit[codes == code].mean(axis=0) for code in range(3)])
            m = ((unit - whole[codes]) ** 2).sum() / unit.size
            share = 1 - base / m
        inverse = np.linalg.inv(share * S + base * np.eye(80))
        gaps = unit[~kept][:, None] - means
        found += np.einsum("nkd,de,nke->nk", gaps, inverse, gaps).min(axis=1).tolist()
    np.testing.assert_allclose(fitted.distances, np.sort(found), rtol=1e-3)


def test_of_held_out_rows_95_in_100_are_kept() -> None:
    X, codes = rows(2400, 40)
    fitted = fit_familiarity(X[:400], codes[:400], None, 0)
    assert fitted is not None
    familiar = fitted.of(X[400:])
    # 2,000 rows by 400 ranks: a standard error of 0.012 for the share, 0.95 or a little more.
    assert 0.95 - 3 * 0.012 < 1 - is_unfamiliar(familiar).mean() < 0.95 + 3 * 0.012
    assert abs(familiar.mean() - 0.5) < 0.05
    others, _ = rows(200, 40, seed=3)
    assert is_unfamiliar(fitted.of(-others)).all()


def test_the_same_to_the_bit_and_of_any_size() -> None:
    X, codes = rows(60, 80)
    one, two = (fit_familiarity(X, codes, None, 3) for _ in range(2))
    assert one is not None
    assert two is not None
    for name, array in one.to_arrays().items():
        assert np.array_equal(array, two.to_arrays()[name])
    np.testing.assert_allclose(one.distance(X * 40), one.distance(X), rtol=1e-5)
    assert one.of(np.empty((0, 80), np.float32)).shape == (0,)
    assert np.isfinite(one.of(np.zeros((1, 80), np.float32))).all()


def test_many_rows_keep_a_thousand_distances() -> None:
    X, codes = rows(3000, 6)
    fitted = fit_familiarity(X, codes, None, 0)
    assert fitted is not None
    assert fitted.distances.shape == (MOST,)
    whole = np.sort(fitted.distance(X))
    assert fitted.distances[0] == pytest.approx(whole[0], rel=0.5)
    made = with_distances(fitted, np.arange(1999.0)[::-1])
    assert made.distances[[0, 1, -1]].tolist() == [0, 2, 1998]


def test_nothing_is_told_where_nothing_can_be() -> None:
    X, codes = rows(LEAST - 1, 5)
    assert fit_familiarity(X, codes, None, 0) is None
    assert fit_familiarity(np.ones((40, 5), np.float32), np.arange(40) % 2, None, 0) is None
    assert fit_familiarity(np.ones((40, LARGEST + 1), np.float32), codes, None, 0) is None
    more, their = rows(40, 5)
    assert fit_on_two(more, their, X) is None
    assert fit_on_two(np.ones((40, 5), np.float32), their, more) is None


def test_rows_that_were_learnt_from_are_ranked_by_others() -> None:
    (X, codes), (others, _) = rows(50, 12), rows(30, 12, seed=4)
    fitted, whole = fit_on_two(X, codes, others), fit_familiarity(X, codes, None, 0)
    assert fitted is not None
    assert whole is not None
    assert np.array_equal(fitted.distance(X), whole.distance(X))
    assert np.array_equal(fitted.distances, np.sort(fitted.distance(others)))


def test_words() -> None:
    words = unfamiliar_in_words(np.array([0.01, 0.5, np.nan]), "test picture")
    assert words.startswith("1 of 2 test pictures is unlike what the model has learnt from")
