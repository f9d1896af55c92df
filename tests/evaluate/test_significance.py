from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest, chi2_contingency, ttest_1samp

from headstart.evaluate.significance import (
    can_tell,
    corrected_t_test,
    holm,
    mcnemar_exact,
    p_words,
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


def test_corrected_t_by_hand() -> None:
    differences = [0.01, 0.03, 0.02, 0.02]
    test = corrected_t_test(differences, 90, 10)
    plain = ttest_1samp(differences, 0)
    widening = math.sqrt((1 / 4 + 10 / 90) / (1 / 4))
    assert test.mean == pytest.approx(0.02)
    assert test.t == pytest.approx(plain.statistic / widening)
    # s^2 = 2e-4 / 3
    assert test.standard_error == pytest.approx(math.sqrt(2e-4 / 3 * (1 / 4 + 1 / 9)))
    assert test.standard_error is not None
    half = 3.182446305284263 * test.standard_error  # t of 3 degrees at 0.975
    assert test.interval == pytest.approx((0.02 - half, 0.02 + half))


def test_corrected_t_without_correction_is_the_plain_test() -> None:
    differences = np.random.default_rng(1).normal(0.1, 1, 10).tolist()
    test = corrected_t_test(differences, 10**15, 1)
    plain = ttest_1samp(differences, 0)
    assert test.p_value == pytest.approx(plain.pvalue)
    assert test.interval == pytest.approx(tuple(plain.confidence_interval(0.95)))


def test_corrected_t_without_variation() -> None:
    same = corrected_t_test([0.0, 0.0, 0.0], 90, 10)
    assert (same.mean, same.t, same.p_value, same.interval) == (0.0, None, 1.0, None)
    shifted = corrected_t_test([0.1, 0.3 - 0.2, 0.1], 90, 10)
    assert (shifted.t, shifted.p_value) == (None, None)
    single = corrected_t_test([0.1], 90, 10)
    assert (single.mean, single.standard_error, single.p_value) == (0.1, None, None)
    with pytest.raises(ValueError, match="0 folds"):
        corrected_t_test([], 90, 10)


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


def test_unpaired_p_is_the_chi_square_test_without_correction() -> None:
    got = unpaired_difference(157, 165, 140, 150).p_value
    table = [[157, 8], [140, 10]]
    assert got == pytest.approx(chi2_contingency(table, correction=False).pvalue)
    assert unpaired_difference(5, 5, 9, 9).p_value == 1.0
    with pytest.raises(ValueError, match="at least 1"):
        unpaired_difference(0, 0, 1, 2)


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
