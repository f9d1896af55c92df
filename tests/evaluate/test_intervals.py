from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, sem

from headstart.evaluate.intervals import (
    bootstrap_confusion,
    mean_and_standard_error,
    mean_of_shares,
    normal_quantile,
    wilson,
)


def share_right(right: np.ndarray, support: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    return np.asarray(right.sum(axis=1) / support.sum(axis=1))


@pytest.mark.parametrize(("k", "n"), [(0, 7), (7, 7), (1, 1), (157, 165), (152, 165), (1, 9000)])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_wilson_is_scipys(k: int, n: int, confidence: float) -> None:
    right = binomtest(k, n).proportion_ci(confidence, method="wilson")
    assert wilson(k, n, confidence) == pytest.approx((right.low, right.high), abs=1e-12)


def test_wilson_ends_are_exact_and_nothing_gives_none() -> None:
    none, every = wilson(0, 10), wilson(10, 10)
    assert none is not None
    assert every is not None
    assert none[0] == 0.0
    assert every[1] == 1.0
    z = 1.959963984540054
    assert every[0] == pytest.approx(10 / (10 + z * z))
    assert wilson(0, 0) is None


@pytest.mark.parametrize(("k", "n", "confidence"), [(-1, 5, 0.95), (6, 5, 0.95), (1, 5, 1.0)])
def test_wilson_refuses_what_is_out_of_range(k: int, n: int, confidence: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        wilson(k, n, confidence)


def test_normal_quantile() -> None:
    assert normal_quantile(0.975) == pytest.approx(1.959963984540054)


def test_mean_of_shares_of_one_is_wilson_and_of_equals_is_narrower() -> None:
    one = wilson(8, 10)
    assert one is not None
    assert mean_of_shares([8, 0], [10, 0]) == pytest.approx(one)
    # Four equal shares: the same centre, half the distances.
    four = mean_of_shares([8] * 4, [10] * 4)
    assert four == pytest.approx((0.8 - (0.8 - one[0]) / 2, 0.8 + (one[1] - 0.8) / 2))
    assert mean_of_shares([0, 0], [0, 0]) is None


def test_mean_and_standard_error() -> None:
    values = [0.9, 0.95, 1.0, 0.85]
    mean, error = mean_and_standard_error(values)
    assert mean == pytest.approx(0.925)
    assert error == pytest.approx(sem(values))
    assert mean_and_standard_error([0.5]) == (0.5, None)
    with pytest.raises(ValueError, match="no values"):
        mean_and_standard_error([])


def test_bootstrap_of_accuracy_has_the_binomial_width() -> None:
    confusion = np.array([[80, 10, 0], [5, 75, 0], [10, 0, 20]])
    got = bootstrap_confusion(confusion, share_right, resamples=4000)
    assert got is not None
    half = 1.96 * np.sqrt(0.875 * 0.125 / 200)
    assert got == pytest.approx((0.875 - half, 0.875 + half), abs=0.008)
    assert got == bootstrap_confusion(confusion, share_right, resamples=4000)
    assert got != bootstrap_confusion(confusion, share_right, resamples=4000, seed=1)


def test_bootstrap_sums_by_truth_and_by_answer() -> None:
    # A single filled cell: every resample is the matrix itself.
    confusion = np.array([[0, 0, 0], [0, 0, 4], [0, 0, 0]])
    seen = []

    def look(right: np.ndarray, support: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        seen.append((right[0].tolist(), support[0].tolist(), predicted[0].tolist()))
        return np.arange(len(right), dtype=np.float64)

    bootstrap_confusion(confusion, look)
    assert seen == [([0, 0, 0], [0, 4, 0], [0, 0, 4])]


def test_bootstrap_claims_nothing_for_a_perfect_score_or_no_rows() -> None:
    assert bootstrap_confusion(np.diag([5, 5]), share_right) is None
    assert bootstrap_confusion(np.zeros((2, 2), dtype=np.int64), share_right) is None
