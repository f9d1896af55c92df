from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import binom, binomtest, hypergeom

from headstart.evaluate.significance import (
    can_tell,
    holm,
    mcnemar_exact,
    p_text,
    p_words,
    paired_difference,
    swapped_p,
    unpaired_difference,
)


def pair(both: int, a_only: int, b_only: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    a = [True] * (both + a_only) + [False] * (b_only + neither)
    b = [True] * both + [False] * a_only + [True] * b_only + [False] * neither
    return np.array(a), np.array(b)


@pytest.mark.parametrize(("b", "c"), [(9, 4), (4, 9), (1, 0), (12, 1), (60, 40), (900, 1100)])
def test_mcnemar_is_the_two_sided_binomial_test(b: int, c: int) -> None:
    test = mcnemar_exact(*pair(50, b, c, 3))
    assert (test.b, test.c) == (b, c)
    assert test.p_value == pytest.approx(binomtest(b, b + c).pvalue, rel=1e-9)


def test_mcnemar_by_hand_and_without_disagreement() -> None:
    assert mcnemar_exact(*pair(5, 3, 0, 5)).p_value == 0.25  # 2 of 8
    assert mcnemar_exact(*pair(5, 2, 2, 5)).p_value == 1.0
    assert mcnemar_exact(*pair(5, 0, 0, 5)).p_value == 1.0
    with pytest.raises(ValueError, match="not the same rows"):
        mcnemar_exact(np.ones(3, dtype=bool), np.ones(1, dtype=bool))


def test_swapping_by_group_is_every_sign_counted() -> None:
    rng = np.random.default_rng(0)
    for size in (1, 3, 8, 12):
        steps = rng.integers(-6, 7, size)
        sums = [abs(int(np.dot(s, steps))) for s in itertools.product((-1, 1), repeat=size)]
        right = float(np.mean(np.array(sums) >= abs(int(steps.sum()))))
        assert swapped_p(steps) == pytest.approx(right)
        assert swapped_p(steps, least=4.5) == pytest.approx(np.mean(np.array(sums) >= 4.5))
    assert swapped_p(np.array([], dtype=np.int64)) == 1.0
    ones = np.array([1] * 12 + [-1])
    assert swapped_p(ones) == pytest.approx(binomtest(12, 13).pvalue)


def test_mcnemar_by_groups_is_exact_and_without_groups_the_same() -> None:
    one, other = pair(50, 12, 2, 6)
    alone = mcnemar_exact(one, other)
    assert mcnemar_exact(one, other, np.arange(70)) == alone
    # All rows that differ in two groups: two coins, of which both fall alike half the time.
    groups = np.where(np.arange(70) < 56, 0, 1)
    assert mcnemar_exact(one, other, groups) == mcnemar_exact(one, other, groups + 5)
    assert mcnemar_exact(one, other, groups).p_value == 0.5
    assert (mcnemar_exact(one, other, groups).b, alone.c) == (12, 2)


# Newcombe 1998, table III, method 10: both right, only the first, only the second, neither.
@pytest.mark.parametrize(
    ("counts", "ends"),
    [
        ((36, 12, 2, 0), (0.0569, 0.3404)),
        ((20, 12, 2, 16), (0.0562, 0.3292)),
        ((18, 12, 2, 18), (0.0562, 0.3290)),
        ((36, 14, 0, 0), (0.1528, 0.4167)),
        ((35, 14, 0, 1), (0.1461, 0.4175)),
        ((18, 14, 0, 18), (0.1441, 0.3963)),
        ((2, 97, 1, 0), (0.8721, 0.9854)),
    ],
)
def test_newcombes_published_paired_examples(
    counts: tuple[int, int, int, int], ends: tuple[float, float]
) -> None:
    both, b, c, neither = counts
    one, other = pair(both, b, c, neither)
    found = paired_difference(one, other)
    assert found.interval == pytest.approx(ends, abs=5.1e-5)
    assert found.difference == pytest.approx((b - c) / sum(counts))
    assert found.p_value == mcnemar_exact(one, other).p_value
    turned = paired_difference(other, one).interval
    assert turned == pytest.approx((-found.interval[1], -found.interval[0]))


def test_a_paired_difference_by_groups() -> None:
    one, other = pair(50, 12, 2, 6)
    found = paired_difference(one, other)
    assert paired_difference(one, other, np.arange(70)) == found
    wide = paired_difference(one, other, np.arange(70) // 5)
    assert wide.interval[1] - wide.interval[0] > 1.5 * (found.interval[1] - found.interval[0])
    # A single group says next to nothing, and equal answers leave what the rows could hide.
    low, high = paired_difference(one, other, np.zeros(70, dtype=np.int64)).interval
    assert -1 <= low < -0.6
    assert 0.7 < high <= 1
    low, high = paired_difference(one, one).interval
    assert high == pytest.approx(-low)
    assert high > 0.03
    with pytest.raises(ValueError, match="0 rows"):
        paired_difference(one[:0], other[:0])


def test_groups_that_the_models_answer_alike_widen_no_difference() -> None:
    # Each group is right or wrong in both, and the two models differ on rows of their own.
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 10)
    lucky = (rng.random(60) < 0.7)[groups]
    one, other = (lucky ^ (rng.random(600) < 0.1) for _ in range(2))
    alone, grouped = paired_difference(one, other), paired_difference(one, other, groups)
    assert np.diff(grouped.interval) < 1.15 * np.diff(alone.interval)


def test_holm_by_hand() -> None:
    # Sorted: 0.005 x 4, 0.01 x 3, 0.03 x 2, 0.04 x 1 (not below the one before).
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.5, None, 0.9]) == (1.0, None, 1.0)
    assert holm([None, 0.02]) == (None, 0.02)
    assert holm([]) == ()


def test_newcombes_published_example() -> None:
    # 56 of 70 against 48 of 80: the paper's table II, method 10.
    low, high = unpaired_difference(56, 70, 48, 80).interval
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)


def test_165_pictures_tell_some_of_the_quoted_figures_apart_and_others_not() -> None:
    near = unpaired_difference(157, 165, 152, 165)
    assert near.difference == pytest.approx(5 / 165)
    assert near.interval[0] < 0 < near.interval[1]
    assert near.p_value > 0.2
    far = unpaired_difference(152, 165, 110, 165)
    assert far.interval[0] > 0.15
    assert far.p_value < 1e-6


@pytest.mark.parametrize(
    ("k1", "n1", "k2", "n2"),
    [(157, 165, 140, 150), (9, 10, 330, 335), (10, 10, 300, 335), (0, 5, 3, 5), (3, 5, 0, 5)],
)
def test_unpaired_p_is_twice_the_smaller_mid_p_tail(k1: int, n1: int, k2: int, n2: int) -> None:
    law = hypergeom(n1 + n2, k1 + k2, n1)
    tails = (law.cdf(k1) - law.pmf(k1) / 2, law.sf(k1) + law.pmf(k1) / 2)
    got = unpaired_difference(k1, n1, k2, n2).p_value
    assert got == pytest.approx(min(1, 2 * min(tails)))
    assert unpaired_difference(k2, n2, k1, n1).p_value == pytest.approx(got)
    # Effective numbers count as the nearest whole rows.
    assert unpaired_difference(k1 + 0.2, n1 + 0.4, k2, n2 + 0.1).p_value == got


def test_where_nothing_differs_p_is_one() -> None:
    assert unpaired_difference(5, 5, 9, 9).p_value == 1.0
    assert unpaired_difference(0, 5, 0, 9).p_value == 1.0
    assert unpaired_difference(0.2, 0.3, 9, 10).p_value == 1.0  # less than a row
    with pytest.raises(ValueError, match="at least 1"):
        unpaired_difference(0, 0, 1, 2)


@pytest.mark.parametrize("n", [(60, 60), (20, 325), (10, 335)])
def test_the_unpaired_test_errs_as_often_as_it_says(n: tuple[int, int]) -> None:
    """Every table that two equal shares can give, with its chance: no draws."""
    few, many = n
    rejects = np.zeros((few + 1, many + 1), dtype=np.bool_)
    for one in range(few + 1):
        for other in range(many + 1):
            rejects[one, other] = unpaired_difference(one, few, other, many).p_value < 0.05
    for share in (0.5, 0.8, 0.95, 0.985, 0.99):
        chances = [binom.pmf(np.arange(size + 1), size, share) for size in n]
        assert chances[0] @ rejects @ chances[1] < 0.06, share


def test_the_verdict_in_words() -> None:
    data = "165 test pictures"
    assert (
        can_tell(157 / 165, 152 / 165, 0.267, by=data)
        == "no: 165 test pictures cannot tell 0.952 from 0.921 (p = 0.27)"
    )
    assert (
        can_tell(0.921, 0.667, 1e-8, by=data)
        == "yes: 165 test pictures tell 0.921 from 0.667 (p < 0.001)"
    )
    assert can_tell(0.9, 0.8, None, by="1 fold").startswith("no: 1 fold cannot tell")
    assert can_tell(0.9, 0.8, 0.04, by=data, alpha=0.01).startswith("no:")


def test_p_in_words() -> None:
    assert [p_words(p) for p in (1e-9, 0.0496, 0.25, 1.0)] == [
        *("p < 0.001", "p = 0.050", "p = 0.25", "p = 1.00")
    ]
    assert [p_text(p) for p in (0.0004, 0.034, 0.31, None)] == ["< 0.001", "0.034", "0.31", "–"]


def test_a_single_group_tells_nothing_of_two_models() -> None:
    right = np.ones(20, dtype=bool)
    assert paired_difference(right, ~right, np.zeros(20, dtype=np.int64)).interval == (-1.0, 1.0)
