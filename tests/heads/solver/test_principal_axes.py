import numpy as np
import pytest

from headstart.heads.solver import principal_axes
from headstart.heads.solver.principal_axes import axis_scores


@pytest.mark.parametrize("limit", [2048, 3])
@pytest.mark.parametrize("shape", [(12, 30), (30, 12)])
def test_scores_keep_what_a_linear_fit_sees(
    shape: tuple[int, int], limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(principal_axes, "AXES_LIMIT", limit)
    random = np.random.default_rng(0)
    features = random.normal(size=shape)
    features -= features.mean(axis=0)
    turned = axis_scores(features)
    scores = turned.rows[:, :-1]
    np.testing.assert_array_equal(turned.rows[:, -1], 1.0)
    np.testing.assert_allclose(scores @ scores.T, features @ features.T, atol=1e-10)
    np.testing.assert_allclose((turned.rows**2).sum(axis=0), turned.energy, rtol=1e-9)
    weights = random.normal(size=(2, scores.shape[1]))
    unfolded = turned.on_features(weights)
    np.testing.assert_allclose(features @ unfolded.T, scores @ weights.T, atol=1e-10)
    np.testing.assert_allclose(unfolded @ unfolded.T, weights @ weights.T, atol=1e-10)


def test_fewer_rows_than_columns_give_small_scores() -> None:
    features = np.random.default_rng(0).normal(size=(12, 30))
    features -= features.mean(axis=0)
    assert axis_scores(features).rows.shape == (12, 12)  # 11 axes and the ones
