"""How far a figure can be trusted: intervals for shares, means and macro figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from headstart.arrays import FloatArray, IntArray

Interval = tuple[float, float]

RESAMPLES = 1000
_CELLS_AT_ONCE = 2_000_000


def normal_quantile(probability: float) -> float:
    """The standard normal value with `probability` below it: 1.96 for 0.975."""
    from statistics import NormalDist

    return NormalDist().inv_cdf(probability)


def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval | None:
    """Score interval for the share successes / n; None when n is 0.

    Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
    It stays inside [0, 1] and is not empty for a perfect score. Raises ValueError for counts or a
    confidence out of range.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}: expected 0 <= successes <= n")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}, expected a number between 0 and 1")
    if n == 0:
        return None
    z = normal_quantile((1 + confidence) / 2)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # The ends are exact in theory; rounding would leave 1e-17 or 0.9999999999999999.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return low, high


def mean_of_shares(
    successes: Sequence[int], totals: Sequence[int], confidence: float = 0.95
) -> Interval | None:
    """Interval for the unweighted mean of independent shares; those with total 0 do not count.

    The shares' Wilson intervals combined by the method of variance estimates recovery: Zou and
    Donner, Construction of confidence intervals about effect measures, Statistics in Medicine 27
    (2008). For one share it is that share's Wilson interval. None when every total is 0.
    """
    below = above = mean = 0.0
    count = 0
    for hits, total in zip(successes, totals, strict=True):
        ends = wilson(hits, total, confidence)
        if ends is None:
            continue
        share = hits / total
        count += 1
        mean += share
        below += (share - ends[0]) ** 2
        above += (ends[1] - share) ** 2
    if count == 0:
        return None
    mean /= count
    return max(0.0, mean - math.sqrt(below) / count), min(1.0, mean + math.sqrt(above) / count)


def mean_and_standard_error(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean, and its standard error (n - 1 in the variance); None for a single value.

    Raises ValueError when there is no value.
    """
    if len(values) == 0:
        raise ValueError("no values to take the mean of")
    mean = math.fsum(values) / len(values)
    if len(values) == 1:
        return mean, None
    squares = math.fsum((value - mean) ** 2 for value in values)
    return mean, math.sqrt(squares / (len(values) - 1) / len(values))


def bootstrap_confusion(
    confusion: IntArray,
    statistic: Callable[[IntArray, IntArray, IntArray], FloatArray],
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval | None:
    """Percentile bootstrap interval of a figure that depends on the confusion matrix (k, k) only.

    Rows drawn with replacement fall into the matrix's cells as a multinomial, so the rows
    themselves are not needed. `statistic` takes (right, support, predicted), each (b, k) counts,
    and returns (b,) figures. None when the resamples do not vary (a perfect score): the method
    then knows nothing, and a width of zero would claim certainty. Efron and Tibshirani, An
    Introduction to the Bootstrap (1993), chapter 13.
    """
    n = int(confusion.sum())
    if n == 0:
        return None
    truth, answer = np.nonzero(confusion)
    shares = confusion[truth, answer] / n
    rng = np.random.default_rng(seed)
    step = max(1, _CELLS_AT_ONCE // len(shares))
    figures = []
    for start in range(0, resamples, step):
        cells = rng.multinomial(n, shares, size=min(step, resamples - start))  # (b, cells)
        right = _sum_by(np.where(truth == answer, cells, 0), truth, len(confusion))
        support = _sum_by(cells, truth, len(confusion))
        figures.append(statistic(right, support, _sum_by(cells, answer, len(confusion))))
    drawn = np.concatenate(figures)
    if np.ptp(drawn) == 0:
        return None
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _sum_by(cells: IntArray, group: IntArray, k: int) -> IntArray:
    """Sum the columns (b, cells) of equal group, giving (b, k)."""
    order = np.argsort(group, kind="stable")
    present, starts = np.unique(group[order], return_index=True)
    sums = np.zeros((len(cells), k), dtype=np.int64)
    sums[:, present] = np.add.reduceat(cells[:, order], starts, axis=1)
    return sums
