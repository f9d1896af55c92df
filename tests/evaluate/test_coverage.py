"""A few cells of benchmarks/coverage.py: intervals hold the truth about as often as they say."""

from __future__ import annotations

import math

import pytest
from benchmarks.coverage import MAKERS, Population, coverage, errors, family, others

DRAWS = 300
# Of a share of 0.95 in so many draws: three standard errors.
TOLERANCE = 3 * math.sqrt(0.95 * 0.05 / DRAWS)
# Beyond the draws' own error, as far as docs/figures.md says that cells go.
AIM = 0.02


@pytest.mark.parametrize(
    "population",
    [
        Population(0.8),
        Population(0.9, rare=0.2),
        Population(0.8, groups=(20,) * 20, correlation=0.1),
        Population(0.9, groups=(20,) * 20, correlation=0.17),
        Population(0.8, groups=(20,) * 20, correlation=0.17, whole=True),
    ],
    ids=["alone", "a rare class", "groups", "stronger groups", "groups of one class"],
)
def test_intervals_hold_the_truth(population: Population) -> None:
    for name, found in coverage(population, 200, DRAWS).items():
        assert found.given > 0.99, name
        assert abs(found.held - 0.95) < AIM + TOLERANCE, (name, found)


def test_rows_taken_for_independent_would_fail_this() -> None:
    grouped = Population(0.9, groups=(20,) * 20, correlation=0.17)
    assert others(grouped, DRAWS).ignoring < 0.95 - AIM - TOLERANCE


@pytest.mark.parametrize("models", [2, 10])
def test_equal_models_are_called_unequal_no_more_often_than_said(models: int) -> None:
    draws = 100
    claims = family(models, draws, MAKERS["345 rows, luck in training"])
    most = 0.05 + 3 * math.sqrt(0.05 * 0.95 / draws)
    assert max(claims.test, claims.folds, claims.compare) < most


def test_p_values_are_small_no_more_often_than_said() -> None:
    draws = 200
    most = 0.05 + 3 * math.sqrt(0.05 * 0.95 / draws)
    found = errors(draws, MAKERS["400 rows in 20 groups"])
    assert found.pop("McNemar that ignores groups") > most
    assert max(found.values()) < most, found
