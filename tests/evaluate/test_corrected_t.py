"""The test that the benchmarks compare with; it lies beside them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from benchmarks.corrected_t import corrected_t_test
from scipy.stats import ttest_1samp


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
