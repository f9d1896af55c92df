from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest, sem, ttest_1samp

from headstart.evaluate.effective_rows import Likeness, effective_share
from headstart.evaluate.intervals import (
    corrected_standard_error,
    effective_wilson,
    influence_interval,
    mean_interval,
    mean_of_shares,
    normal_quantile,
    share_interval,
    wilson,
)


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


def test_wilson_takes_effective_counts() -> None:
    whole, between = wilson(45, 50), wilson(45.9, 51)
    assert whole is not None and between is not None
    wider = wilson(44.1, 49)
    assert wider is not None
    assert wider[0] < whole[0] < between[0]
    assert effective_wilson(90, 100, 0.5) == wilson(45, 50)
    assert effective_wilson(90, 100, 0.5, 0.9) == wilson(45, 50, 0.9)
    assert effective_wilson(0, 0, 1.0) is None
    assert effective_wilson(7, 7, 0.0) == (0.0, 1.0)  # a single group


def test_a_shares_interval_is_wilsons_on_the_effective_rows() -> None:
    right = np.random.default_rng(0).random(120) < 0.8
    hits = int(right.sum())
    assert share_interval(right) == wilson(hits, 120)
    assert share_interval(right, np.arange(120)) == wilson(hits, 120)
    groups = np.arange(120) // 6
    worth = effective_share(right.astype(np.float64) - hits / 120, groups)
    assert worth < 1
    assert share_interval(right, groups) == wilson(hits * worth, 120 * worth)
    known = Likeness(0.3, 20.0)
    worth = effective_share(right.astype(np.float64) - hits / 120, groups, before=known)
    assert share_interval(right, groups, before=known) == wilson(hits * worth, 120 * worth)
    assert share_interval(right[:0]) is None


def test_corrected_standard_error_by_hand() -> None:
    values = [0.9, 0.95, 1.0, 0.85]
    # s^2 (1/4 + 1/3): the plain error is the root of s^2 / 4.
    assert corrected_standard_error(values, 90, 30) == pytest.approx(
        sem(values) * math.sqrt(1 + 4 / 3)
    )
    tenth = np.random.default_rng(0).random(10).tolist()
    error = corrected_standard_error(tenth, 311, 34.5)
    assert error is not None
    assert error / sem(tenth) == pytest.approx(1.45, abs=0.005)
    assert corrected_standard_error([0.5], 90, 10) is None
    for values, n_train in (([], 90), ([0.5], 0)):
        with pytest.raises(ValueError, match="expected at least 1 each"):
            corrected_standard_error(values, n_train, 10)


def test_the_mean_of_values_without_skew_has_students_interval() -> None:
    values = np.concatenate([np.linspace(-1, 1, 21), np.linspace(-1, 1, 21)]) + 5
    low, high = ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean_interval(values) == pytest.approx((low, high))


def test_skewed_values_reach_further_up_and_are_covered() -> None:
    rng = np.random.default_rng(1)
    inside = student = further = 0
    for _ in range(400):
        values = rng.exponential(size=20)
        ends = mean_interval(values)
        assert ends is not None
        further += ends[1] - values.mean() > values.mean() - ends[0]
        inside += ends[0] <= 1 <= ends[1]
        low, high = ttest_1samp(values, 0).confidence_interval(0.95)
        student += low <= 1 <= high
    assert further / 400 > 0.95
    error = math.sqrt(0.95 * 0.05 / 400)
    assert abs(inside / 400 - 0.95) < 3 * error
    assert student < inside


def test_a_mean_over_groups_has_their_width() -> None:
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(40), 10)
    alike = rng.exponential(size=40)[groups]
    rows, by_group = mean_interval(alike), mean_interval(alike, groups)
    of_groups = mean_interval(alike[::10])
    assert rows is not None and by_group is not None and of_groups is not None
    assert by_group == pytest.approx(of_groups, rel=0.03)
    assert by_group[1] - by_group[0] > 2.5 * (rows[1] - rows[0])


def test_no_mean_interval_where_nothing_varies() -> None:
    assert mean_interval(np.ones(5)) is None
    assert mean_interval(np.ones(1)) is None
    assert mean_interval(np.arange(4.0), np.zeros(4, dtype=np.int64)) is None


def test_a_shares_own_influence_gives_about_its_wilson_interval() -> None:
    right = np.arange(200) < 180
    influence = (right - 0.9) / 200
    plain = wilson(180, 200)
    assert influence_interval(0.9, influence, 200) == pytest.approx(plain)
    # Where no row moves the figure, the model alone says how sure it is.
    assert influence_interval(1.0, np.zeros(200), 50) == wilson(50, 50)
