from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from headstart.heads import standardisation
from headstart.heads.standardisation import column_scale, standardised


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_equals_scikit_learn_over_blocks(dtype: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standardisation, "BLOCK", 7)
    X: Any = (np.random.default_rng(0).normal(size=(50, 4)) * 5 + 1000).astype(dtype)
    mean, scale = column_scale(X)
    other = StandardScaler().fit(X.astype(np.float64))
    np.testing.assert_allclose(mean, other.mean_, rtol=1e-12)
    np.testing.assert_allclose(scale, other.scale_, rtol=1e-9)
    np.testing.assert_allclose(
        standardised(X, mean, scale), other.transform(X.astype(np.float64)), atol=1e-8
    )


def test_a_column_constant_up_to_rounding_has_scale_one() -> None:
    X = np.full((9, 1), 0.1) * np.array([1.0, 1.0 + 2e-16, 1.0] * 3)[:, None]
    assert column_scale(X)[1].tolist() == [1.0]
