"""Can this data tell two models apart? Paired and unpaired tests, and the answer in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headstart.arrays import BoolArray, IntArray
from headstart.evaluate.effective_rows import (
    UNKNOWN,
    Likeness,
    effective_share,
    group_numbers,
    likeness,
)
from headstart.evaluate.intervals import NOTHING, Interval, effective_wilson, wilson

# Fold differences that vary by less than this vary by rounding only.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class McNemar:
    """b rows that only A has right, c rows that only B has right, two-sided exact p.

    Where rows share groups, p is that of swapping the two models group by group.
    """

    b: int
    c: int
    p_value: float


@dataclass(frozen=True)
class Difference:
    """First share minus second, its interval, and the two-sided p of no difference."""

    difference: float
    interval: Interval
    p_value: float


def mcnemar_exact(
    correct_a: BoolArray, correct_b: BoolArray, groups: IntArray | None = None
) -> McNemar:
    """Exact paired test of two models on the same n rows, (n,) and (n,).

    The rows on which they disagree fall to either side like a fair coin when the models are
    equally good; p is twice the smaller binomial tail, at most 1. McNemar, Note on the sampling
    error of the difference between correlated proportions, Psychometrika 12 (1947). Rows of one
    group (n,) fall together: then the groups' differences change their signs, as by `swapped_p`.
    Raises ValueError when the lengths differ.
    """
    if correct_a.shape != correct_b.shape:
        raise ValueError(f"not the same rows: {correct_a.shape} and {correct_b.shape}")
    b = int((correct_a & ~correct_b).sum())
    c = int((~correct_a & correct_b).sum())
    numbers = group_numbers(groups)
    if numbers is None:
        return McNemar(b, c, _two_sided_coin(min(b, c), b + c))
    ahead = np.bincount(numbers[correct_a & ~correct_b], minlength=int(numbers.max()) + 1)
    behind = np.bincount(numbers[correct_b & ~correct_a], minlength=len(ahead))
    return McNemar(b, c, swapped_p(ahead - behind))


def swapped_p(differences: IntArray, *, least: float | None = None) -> float:
    """Exact two-sided p of whole differences (g,) whose signs are random when nothing differs.

    The chance that their sum is at least as far from 0 as it is, or as `least`, when each has
    either sign with chance 1/2: Fisher's randomisation test, The Design of Experiments (1935),
    section 21. For differences of 1 and -1 it is McNemar's exact test.
    """
    steps = np.abs(differences[differences != 0])
    total = int(steps.sum())
    far = (abs(int(differences.sum())) if least is None else least) - _ROUNDING
    # The chance of each sum of the steps that keep their sign; twice it, less the total, is the
    # sum of all.
    chance = np.zeros(total + 1)
    chance[0] = 1.0
    reached = 0
    for step in np.sort(steps).tolist():
        moved = chance[: reached + 1] / 2
        chance[: reached + 1] = moved
        chance[step : reached + step + 1] += moved
        reached += step
    sums = 2 * np.arange(total + 1) - total
    return min(1.0, float(chance[np.abs(sums) >= far].sum()))


def paired_difference(
    correct_a: BoolArray,
    correct_b: BoolArray,
    groups: IntArray | None = None,
    *,
    confidence: float = 0.95,
) -> Difference:
    """Accuracy of A minus that of B on the same n rows, (n,) and (n,).

    Interval: Newcombe, Improved confidence intervals for the difference between binomial
    proportions based on paired data, Statistics in Medicine 17 (1998), method 10: the two Wilson
    intervals, combined with the correlation of the answers. Where rows share groups (n,), it is
    that of the effective number of rows; how alike the differences of a group are is supposed to be
    as alike as right answers are, until the differences show it. p: `mcnemar_exact`. Raises
    ValueError for no rows or unequal lengths.
    """
    test = mcnemar_exact(correct_a, correct_b, groups)
    n = len(correct_a)
    if n == 0:
        raise ValueError("0 rows: expected at least 1")
    both = int((correct_a & correct_b).sum())
    difference, one, other = (test.b - test.c) / n, (both + test.b) / n, (both + test.c) / n
    answers = [likeness(a - a.mean(), groups).correlation for a in (correct_a, correct_b)]
    before = Likeness(sum(answers) / 2, UNKNOWN.telling)
    gaps = correct_a.astype(np.float64) - correct_b - difference
    worth = effective_share(gaps, groups, before=before, confidence=confidence)
    if n * worth < NOTHING:  # a single group, or nearly
        return Difference(difference, (-1.0, 1.0), test.p_value)
    low_a, high_a = effective_wilson(both + test.b, n, worth, confidence) or (0.0, 1.0)
    low_b, high_b = effective_wilson(both + test.c, n, worth, confidence) or (0.0, 1.0)
    alike = _answers_correlation(both, test.b, test.c, n, worth)
    low = difference - _combined(one - low_a, high_b - other, alike)
    high = difference + _combined(high_a - one, other - low_b, alike)
    return Difference(difference, (max(-1.0, low), min(1.0, high)), test.p_value)


def _answers_correlation(both: int, b: int, c: int, n: int, worth: float) -> float:
    """Correlation of two models' right answers, corrected for continuity where it is positive."""
    neither = n - both - b - c
    product = (both * neither - b * c) * worth
    if product > 0:
        product = max(0.0, product - n / 2)
    sides = (both + b) * (c + neither) * (both + c) * (b + neither)
    return product / (worth * math.sqrt(sides)) if sides else 0.0


def _combined(one: float, other: float, correlation: float) -> float:
    """Distance of a difference's end, from those of the two shares' ends."""
    return math.sqrt(max(0.0, one**2 - 2 * correlation * one * other + other**2))


def _two_sided_coin(few: int, n: int) -> float:
    """Twice the chance of at most `few` heads in n throws, in whole numbers until the end."""
    ways = total = 1  # whole numbers of n digits in binary; a float would overflow
    for i in range(few):
        ways = ways * (n - i) // (i + 1)
        total += ways
    return min(1.0, 2 * total / (1 << n))


def holm(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """The p values adjusted for their number, in the order given; None stays and does not count.

    Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of
    Statistics 6 (1979).
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        adjusted[place] = largest
    return tuple(adjusted)


def unpaired_difference(
    k1: float, n1: float, k2: float, n2: float, *, confidence: float = 0.95
) -> Difference:
    """Compare k1 of n1 with k2 of n2 right answers when the pictures are not known to be paired.

    Interval: Newcombe, Interval estimation for the difference between independent proportions,
    Statistics in Medicine 17 (1998), method 10 (Wilson without continuity correction). p: the
    quasi-exact test of Hirji, Tan and Elashoff, Statistics in Medicine 10 (1991), which keeps its
    error with few rows on one side too. On the same pictures a paired test can tell smaller
    differences. Where rows share groups, give effective numbers (`effective_share`); p takes them
    to the nearest whole rows. Raises ValueError for counts out of range.
    """
    first, second = wilson(k1, n1, confidence), wilson(k2, n2, confidence)
    if first is None or second is None:
        raise ValueError(f"{n1} and {n2} rows: expected at least 1 each")
    p1, p2 = k1 / n1, k2 / n2
    difference = p1 - p2
    low = difference - math.hypot(p1 - first[0], second[1] - p2)
    high = difference + math.hypot(first[1] - p1, p2 - second[0])
    return Difference(difference, (low, high), _mid_p(k1, n1 - k1, k2, n2 - k2))


def _mid_p(right_a: float, wrong_a: float, right_b: float, wrong_b: float) -> float:
    """Twice the smaller tail of right answers of A, with half of what was seen, given all sums.

    Equal shares make that number hypergeometric.
    """
    from scipy.special import gammaln  # scipy.stats would take a second to import

    hits, misses = round(right_a), round(wrong_a)
    right, wrong = hits + round(right_b), misses + round(wrong_b)
    n = hits + misses
    count = np.arange(max(0, n - wrong), min(n, right) + 1)
    ways = -sum(gammaln(1 + cell) for cell in (count, right - count, n - count, wrong - n + count))
    chance = np.exp(ways - ways.max())
    chance /= chance.sum()
    half = float(chance[count == hits].sum()) / 2
    return min(
        1.0, 2 * min(float(chance[side].sum()) + half for side in (count < hits, count > hits))
    )


def can_tell(a: float, b: float, p_value: float | None, *, by: str, alpha: float = 0.05) -> str:
    """In words whether the data tells figure a from b: "no: 165 test pictures cannot tell ...".

    `by` names the data, as in "165 test pictures" or "10 folds".
    """
    if p_value is None:
        return f"no: {by} cannot tell {a:.3f} from {b:.3f} (no test is possible)"
    verdict = "yes:" if p_value < alpha else "no:"
    verb = "tell" if p_value < alpha else "cannot tell"
    return f"{verdict} {by} {verb} {a:.3f} from {b:.3f} ({p_words(p_value)})"


def p_words(p_value: float) -> str:
    """A p value in a sentence: "p < 0.001", "p = 0.034", "p = 0.27"."""
    text = p_text(p_value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def p_text(p_value: float | None) -> str:
    """A p value in a table: "< 0.001", "0.034", "0.27"; a dash when no test was made."""
    if p_value is None:
        return "–"
    if p_value < 0.001:
        return "< 0.001"
    return f"{p_value:.3f}" if p_value < 0.1 else f"{p_value:.2f}"
