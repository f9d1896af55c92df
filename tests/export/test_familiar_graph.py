"""The graph says how familiar a picture is as the model does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.export.conftest import fitted_familiarity
from tests.export.graphs import runner

from headstart.export.agreement import beyond_rounding
from headstart.export.familiar_graph import familiar


@pytest.mark.parametrize("features", [20, 200])  # fewer and more than the 75 rows
def test_answers_are_those_of_the_model(features: int) -> None:
    known = fitted_familiarity(features)
    answer = runner(lambda parts, x: familiar(parts, known, x, "familiar"))
    rng = np.random.default_rng(1)
    X = 3 + rng.normal(size=(300, features)) / np.arange(1, features + 1)
    X[0] = 0
    X[1] *= 1000
    rows = X.astype(np.float32)
    expected = known.of(rows)
    assert len(set(expected.tolist())) > 50  # from all over the range
    found = answer(rows)
    assert found.shape == (300,)
    assert beyond_rounding(known, rows, found.astype(np.float64)) < 1e-6
    assert np.abs(found - expected).max() < 2 / 76 + 1e-6
    assert np.abs(found - expected).mean() < 1e-3
    assert answer(rows[5:6]) == pytest.approx(expected[5:6], abs=2 / 76)


def test_another_answer_lies_beyond_rounding() -> None:
    known = fitted_familiarity(20)
    rows = (3 + np.random.default_rng(2).normal(size=(50, 20)) / np.arange(1, 21)).astype(
        np.float32
    )
    moved = replace(known, intercept=known.intercept + known.distances[-1])
    assert beyond_rounding(known, rows, moved.of(rows)) > 0.1
    assert beyond_rounding(known, rows, np.full(50, np.nan)) == np.inf
