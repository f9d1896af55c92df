"""How many independent rows a figure over grouped rows is worth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from headstart.arrays import FloatArray, IntArray

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


@dataclass(frozen=True)
class Likeness:
    """How alike the rows of a group are.

    Attributes:
        correlation: of two rows of a group, from 0 to 1.
        telling: groups that it rests on, as many as carry what varies.
        error: half the variance that it would have for normal values; inf when it is not measured.
    """

    correlation: float
    telling: float
    error: float = math.inf


# Half a group that says 1/2, the mean of all that a correlation can be: where hardly any group
# varies (all answers right), it cannot be measured, and 0 would be a claim.
UNKNOWN = Likeness(0.5, 0.5)


def effective_share(
    influence: FloatArray,
    groups: IntArray | None,
    *,
    before: Likeness = UNKNOWN,
    confidence: float = 0.95,
) -> float:
    """The share of n grouped rows that as many independent rows would be, from 0 to 1.

    A figure's interval on n times this share of rows is as wide as the groups make it. Rows of m a
    group with this `likeness` have 1 + (m - 1) correlation times the variance of independent ones,
    the design effect; of unequal groups m is the mean over the rows: Kish, Survey Sampling (1965),
    chapters 5 and 8. The normal quantile is exchanged for Student's, as by Korn and Graubard,
    Confidence intervals for proportions with small expected number of positive counts, Survey
    Methodology 24 (1998). Its degrees of freedom are those of the variance so estimated, by its
    own relative variance: Satterthwaite, An approximate distribution of estimates of variance
    components, Biometrics Bulletin 2 (1946). For g equal groups they are g - 1. The share is not
    less than with a correlation of 1, the largest there is, when the rows are worth their number
    over m and have that many degrees of freedom, but one: one long series among many rows alone
    cannot show how alike its rows are, and leaves the others what they are. Without a group of two
    or more rows the share is exactly 1; with a single group it is 0.

    Args:
        influence: how much each row moves the figure, minus its mean, up to a common factor: for
            an accuracy whether the row is right, minus the accuracy; (n,).
        groups: each row's group as a number, (n,), or None.
        before: what is known of the correlation without these values.
        confidence: of the interval that it is for.
    """
    numbers = group_numbers(groups)
    if numbers is None:
        return 1.0
    sizes = np.bincount(numbers).astype(np.float64)
    if len(sizes) == 1:
        return 0.0
    alike = likeness(influence, numbers, before=before)
    others = float((sizes**2).sum() / sizes.sum()) - 1  # a row's own group holds so many more
    effect = 1 + others * alike.correlation
    freedom = (effect / others) ** 2 / alike.error - 1
    found = _normal_over_student(freedom, confidence) ** 2 / effect
    most = 1 + others
    least = _normal_over_student(len(influence) / most - 1, confidence) ** 2 / most
    return min(1.0, max(found, least))


def likeness(
    influence: FloatArray, groups: IntArray | None, *, before: Likeness = UNKNOWN
) -> Likeness:
    """The correlation of values (n,) that sum to 0 within groups (n,), mixed with one from before.

    The mean product of two values of a group over the mean square, each row with the same weight:
    Karlin, Cameron and Williams, Sibling and parent-offspring correlation estimation with variable
    family size, Proceedings of the National Academy of Sciences 78 (1981). Both count by the groups
    that they rest on: one group with all the errors says little. `before` where no two rows share
    a group, or all do.
    """
    numbers = group_numbers(groups)
    if numbers is None or (count := int(numbers.max()) + 1) == 1:
        return before
    sizes = np.bincount(numbers).astype(np.float64)
    shared = sizes > 1
    others = sizes[shared] - 1
    within = sum_by_group(influence**2, numbers)[shared]
    sums = sum_by_group(influence, numbers)[shared]
    products = (sums**2 * count / (count - 1) - within) / others
    squares = float((within**2).sum())
    telling = float(within.sum()) ** 2 / squares if squares > 0 else 0.0
    measured = float(products.sum() / within.sum()) if squares > 0 else 0.0
    mixed = telling * measured + before.telling * before.correlation
    correlation = min(1.0, max(0.0, mixed / (telling + before.telling)))
    weights = sizes[shared] / sizes[shared].sum()
    error = float(((weights * (1 / others + correlation)) ** 2).sum())
    return Likeness(correlation, telling + before.telling, error)


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
