"""Which of several models may be the best, when the same rows pick it and test it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from headstart.arrays import BoolArray, FloatArray, IntArray
from headstart.evaluate.effective_rows import group_numbers
from headstart.evaluate.significance import swapped_p

RESAMPLES = 4_000
_ROUNDING = 1e-9
_NUMBERS_AT_ONCE = 4_000_000


@dataclass(frozen=True, eq=False)
class Standings:
    """Each of k models against each other one, on the same rows.

    Attributes:
        means: the models' mean scores, (k,).
        p_values: entry i, j is the p of model j being better than model i only by chance,
            adjusted for all comparisons; 1 on the diagonal and where j is not ahead, (k, k).
    """

    means: FloatArray
    p_values: FloatArray

    def candidates(self, alpha: float = 0.05) -> BoolArray:
        """The models that no other one is better than, (k,): the best of them is among these.

        With chance 1 - alpha or more, whatever the models are, no best model is missing.
        """
        return np.asarray(self.p_values.min(axis=1) >= alpha, dtype=np.bool_)

    def furthest_ahead(self, model: int) -> int | None:
        """The model that is most surely better than this one; None when none is ahead."""
        ahead = np.flatnonzero(self.means > self.means[model])
        if ahead.size == 0:
            return None
        surest = np.lexsort((-self.means[ahead], self.p_values[model, ahead]))
        return int(ahead[surest[0]])

    def times(self, tests: int) -> Standings:
        """The same with p values for one of several tests (Bonferroni)."""
        return Standings(self.means, np.minimum(1.0, tests * self.p_values))


def stand(
    scores: FloatArray | BoolArray,
    groups: IntArray | None = None,
    *,
    widening: float = 1.0,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Standings:
    """Compare k models on n rows, all with all, so that the best may be picked afterwards.

    For the claim that model i is a best one, the statistic is the largest lead of another model
    over it: the sum of the rows' differences over the root of their sum of squares. Its p comes
    from the largest such statistic over all models still in question when each group's differences
    (a row's, without groups) all take a random sign, and the models are gone through from the
    worst on: the step-down maximum of Westfall and Young, Resampling-Based Multiple Testing (1993),
    and Romano and Wolf, Exact and approximate stepdown methods for multiple hypothesis testing,
    JASA 100 (2005). The models that stay are a confidence set for the best, as Hsu, Simultaneous
    confidence intervals for all distances from the "best", Annals of Statistics 9 (1981), has it,
    and by chance alone any claim at all is made with chance alpha only. For two models with right
    and wrong answers it is the exact McNemar test, or its like by groups.

    Args:
        scores: of each model on each row, the larger the better: right or wrong, or minus a loss,
            (k, n).
        groups: each row's group, (n,), or None.
        widening: by how much wider the differences' errors are than the rows say, where models
            learnt from overlapping rows; see `fold_widening`.
        resamples: random signs drawn.
        seed: of the draw.

    Raises ValueError for fewer than one model or row.
    """
    if scores.ndim != 2 or scores.size == 0:
        raise ValueError(f"scores are {scores.shape}, expected models and rows, at least 1 each")
    values = scores.astype(np.float64)
    sums = _group_sums(values, groups)
    count = len(sums)
    leads = _leads(sums.sum(axis=1), _scales(sums)) / widening  # (k, k): of j over i
    if count == 2 and _is_whole(sums[0] - sums[1]):
        p_values = _exact(sums, widening)
    else:
        p_values = _step_down(leads, sums, resamples, seed)
    p_values[leads <= 0] = 1.0
    return Standings(values.mean(axis=1), p_values)


def fold_widening(folds: int, n_train: float, n_test: float) -> float:
    """How much wider the error of a mean over folds is than over independent ones.

    The root of 1 + folds n_test / n_train: Nadeau and Bengio (2003), see
    `corrected_standard_error`. For ten folds that test every row once it is 1.45.
    """
    return math.sqrt(1 + folds * n_test / n_train)


def _group_sums(values: FloatArray, groups: IntArray | None) -> FloatArray:
    """Each model's sum over each group less the models' mean, (k, g); groups without one go."""
    values = values - values.mean(axis=0)
    numbers = group_numbers(groups)
    if numbers is not None:
        values = np.stack([np.bincount(numbers, weights=row) for row in values])
    return values[:, np.ptp(values, axis=0) > _ROUNDING]


def _scales(sums: FloatArray) -> FloatArray:
    """Root of the sum of squares of each pair's differences, (k, k)."""
    products = sums @ sums.T
    squares = np.diagonal(products)
    gaps = squares[:, None] + squares[None, :] - 2 * products
    scales: FloatArray = np.sqrt(np.maximum(gaps, 0.0))
    return scales


def _leads(totals: FloatArray, scales: FloatArray) -> FloatArray:
    """By how much the second of each pair leads, in its scale: (..., k) gives (..., k, k)."""
    gaps = totals[..., None, :] - totals[..., :, None]
    leads: FloatArray = gaps / np.where(scales > _ROUNDING, scales, np.inf)
    return leads


def _is_whole(values: FloatArray) -> bool:
    return bool((np.abs(values - np.round(values)) < _ROUNDING).all())


def _exact(sums: FloatArray, widening: float) -> FloatArray:
    steps = np.round(sums[0] - sums[1]).astype(np.int64)
    p_value = swapped_p(steps, least=abs(int(steps.sum())) / widening)
    return np.array([[1.0, p_value], [p_value, 1.0]])


def _step_down(leads: FloatArray, sums: FloatArray, resamples: int, seed: int) -> FloatArray:
    """Adjusted p of each lead (k, k), from the model that is furthest behind to the best."""
    largest = _largest_by_chance(sums, resamples, seed)  # (b, k)
    order = np.argsort(-leads.max(axis=1), kind="stable")
    # Of the models from each place in the order on.
    remaining = np.maximum.accumulate(largest[:, order[::-1]], axis=1)[:, ::-1]
    p_values = np.ones_like(leads)
    least = 0.0
    for place, model in enumerate(order.tolist()):
        drawn = np.sort(remaining[:, place])
        above = resamples - np.searchsorted(drawn, leads[model] - _ROUNDING, side="left")
        p_values[model] = np.maximum((1 + above) / (1 + resamples), least)
        least = float(p_values[model].min())
    return p_values


def _largest_by_chance(sums: FloatArray, resamples: int, seed: int) -> FloatArray:
    """The largest lead over each model for random signs of the groups, (b, k)."""
    count, groups = sums.shape
    scales, rng = _scales(sums), np.random.default_rng(seed)
    step = max(1, _NUMBERS_AT_ONCE // max(count * count, groups, 1))
    drawn = []
    for start in range(0, resamples, step):
        signs = rng.integers(0, 2, (min(step, resamples - start), groups), dtype=np.int8)
        totals = (2.0 * signs - 1) @ sums.T  # (b, k)
        drawn.append(_leads(totals, scales).max(axis=2))
    return np.concatenate(drawn)
