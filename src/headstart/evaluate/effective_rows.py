"""How many independent rows a figure over grouped rows is worth."""

from __future__ import annotations

import math

import numpy as np

from headstart.arrays import FloatArray, IntArray

# What the groups say of their correlation is mixed with half a group that says 1/2: where hardly
# any group varies (all answers right), the correlation cannot be measured, and 0 would be a claim.
_DOUBT, _DOUBTFUL_CORRELATION = 0.5, 0.5

_NEARLY_ALL = 0.95  # of the rows: groups that take less away need no word


def group_numbers(groups: IntArray | None) -> IntArray | None:
    """The groups counted from 0, (n,); None when no two rows share one, as without groups."""
    if groups is None or len(groups) == 0:
        return None
    names, numbers = np.unique(groups, return_inverse=True)
    return numbers.astype(np.int64) if len(names) < len(groups) else None


def sum_by_group(values: FloatArray, numbers: IntArray) -> FloatArray:
    """Sums of values (n,) over the rows of each group, (g,); numbers as of `group_numbers`."""
    return np.bincount(numbers, weights=values).astype(np.float64, copy=False)


def effective_share(
    influence: FloatArray, groups: IntArray | None, *, confidence: float = 0.95
) -> float:
    """The share of n grouped rows that as many independent rows would be, from 0 to 1.

    A figure's interval on n times this share of rows is as wide as the groups make it. The
    variance of the figure with whole groups as the units (Taylor linearisation), over that with
    rows, is the design effect: Kish, Survey Sampling (1965), chapters 5 and 8. It is kept between
    independent rows and rows of one group that are all alike, and the normal quantile is exchanged
    for Student's with Satterthwaite's degrees of freedom, both as Korn and Graubard, Confidence
    intervals for proportions with small expected number of positive counts, Survey Methodology 24
    (1998), do it for shares. Without a group of two or more rows the share is exactly 1; with a
    single group it is 0.

    Args:
        influence: how much each row moves the figure, minus its mean, up to a common factor: for
            an accuracy whether the row is right, minus the accuracy; (n,).
        groups: each row's group as a number, (n,), or None.
        confidence: of the interval that it is for.
    """
    numbers = group_numbers(groups)
    if numbers is None:
        return 1.0
    sizes = np.bincount(numbers).astype(np.float64)
    if len(sizes) == 1:
        return 0.0
    most = float((sizes**2).sum() / sizes.sum())  # the design effect of rows that are all alike
    correlation = _correlation(influence, numbers, sizes, most)
    variances = sizes * (1 + (sizes - 1) * correlation)
    freedom = float(variances.sum() ** 2 / (variances**2).sum()) - 1
    effect = 1 + (most - 1) * correlation
    return min(1.0, _normal_over_student(freedom, confidence) ** 2 / effect)


def _correlation(influence: FloatArray, numbers: IntArray, sizes: FloatArray, most: float) -> float:
    """The rows' correlation within groups that explains the design effect, from 0 to 1."""
    within = sum_by_group(influence**2, numbers)
    total = float(within.sum())
    telling = within[sizes > 1]
    squares = float((telling**2).sum())
    if total <= 0 or squares <= 0:
        return _DOUBTFUL_CORRELATION
    between = float((sum_by_group(influence, numbers) ** 2).sum()) * len(sizes) / (len(sizes) - 1)
    measured = (between / total - 1) / (most - 1)
    # As many groups as carry what varies: one group with all the errors says little.
    telling_groups = float(telling.sum()) ** 2 / squares
    mixed = telling_groups * measured + _DOUBT * _DOUBTFUL_CORRELATION
    return min(1.0, max(0.0, mixed / (telling_groups + _DOUBT)))


def _normal_over_student(freedom: float, confidence: float) -> float:
    """The normal quantile over Student's, at most 1; 0 without a degree of freedom."""
    if freedom <= 0:
        return 0.0
    # scipy.stats would take a second to import.
    from scipy.special import ndtri, stdtrit

    upper = (1 + confidence) / 2
    ratio = float(ndtri(upper) / stdtrit(freedom, upper))
    return ratio if math.isfinite(ratio) else 0.0


def groups_limit(n: int, effective: float) -> bool:
    """Whether n rows are worth so few that a reader must know."""
    return effective < _NEARLY_ALL * n


def rows_in_words(n: int, groups: int | None, effective: float, noun: str) -> str:
    """ "35 test pictures", or "400 test pictures (about 52 effective in 20 groups)"."""
    words = f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
    if groups is None or not groups_limit(n, effective):
        return words
    some = "1 group" if groups == 1 else f"{groups:,} groups"
    return f"{words} (about {effective:.0f} effective in {some})"
