import numpy as np
import pytest

from headstart.heads import fitted_heads
from headstart.heads.knn import KnnHead

CROSS = [[2.0, 0.0], [0.0, 3.0], [-4.0, 0.0], [0.0, -1.0], [1.0, 0.0], [1.0, -2.0]]  # mean 0
LABELS = ["a", "b", "a", "b", "b", "a"]


def test_votes_by_hand() -> None:
    head = KnnHead(n_neighbors=3).fit(CROSS, LABELS)
    # To (1, 0): rows 0 and 4 have cosine 1, row 5 has 1 / sqrt(5), the others less.
    third = np.exp((1 / np.sqrt(5) - 1) / 0.07)
    expected = np.array([1 + third + 0.5, 1 + 0.5])
    np.testing.assert_allclose(
        head.predict_proba([[1.0, 0.0]]), [expected / expected.sum()], atol=1e-6
    )


def test_length_does_not_matter_after_centring() -> None:
    head = KnnHead(n_neighbors=2).fit(CROSS, LABELS)
    np.testing.assert_allclose(
        head.predict_proba([[0.3, 0.1]]), head.predict_proba([[30.0, 10.0]]), atol=1e-12
    )


def test_class_weights_scale_votes_and_the_spread() -> None:
    head = KnnHead(n_neighbors=1, class_weight={"a": 3.0, "b": 1.0}).fit(CROSS, LABELS)
    np.testing.assert_allclose(
        head.predict_proba([[0.0, 9.0]]), [[0.75 / 2.0, 1.25 / 2.0]], atol=1e-12
    )


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    X, y = random.normal(size=(40, 5)), np.arange(40) % 3
    head = KnnHead(n_neighbors=4).fit(X, y)
    whole = head.predict_proba(X)
    monkeypatch.setattr(fitted_heads, "BLOCK_NUMBERS", 130)
    np.testing.assert_allclose(head.predict_proba(X), whole, rtol=1e-12)


def test_row_at_the_mean_has_an_answer() -> None:
    head = KnnHead(n_neighbors=6).fit(CROSS, LABELS)
    np.testing.assert_allclose(head.predict_proba([[0.0, 0.0]]), [[0.5, 0.5]])


def test_no_neighbours_is_an_error() -> None:
    with pytest.raises(ValueError, match="n_neighbors is 0"):
        KnnHead(n_neighbors=0).fit(CROSS, LABELS)
