import numpy as np
import pytest

from headstart.heads import mlp
from headstart.heads.fitted_heads import FittedMlp, MlpLayers
from headstart.heads.linear import LinearHead
from headstart.heads.mlp import MlpHead


@pytest.mark.parametrize("k", [2, 3])
def test_learns_what_no_line_separates(k: int) -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(300, 2))
    y = np.digitize((X**2).sum(axis=1), [1.2, 3.0][: k - 1])
    head = MlpHead(hidden=64, weight_decay=1e-3).fit(X[:200], y[:200])
    straight = LinearHead().fit(X[:200], y[:200])
    assert head.score(X[200:], y[200:]) > straight.score(X[200:], y[200:]) + 0.2


def test_forward_pass_by_hand() -> None:
    head = FittedMlp.from_arrays(
        {
            "first": np.array([[1.0, -1.0]], dtype=np.float32),
            "first_bias": np.array([0.5, 0.0], dtype=np.float32),
            "last": np.array([[2.0], [4.0]], dtype=np.float32),
            "last_bias": np.array([-1.0], dtype=np.float32),
            "mean": np.array([1.0]),
            "scale": np.array([2.0]),
            "n_iter": np.array([1]),
        },
        ["no", "yes"],
    )
    # (3 - 1) / 2 = 1, hidden (1.5, 0), logit 3 - 1 = 2
    yes = 1 / (1 + np.exp(-2.0))
    np.testing.assert_allclose(head.predict_proba([[3.0]]), [[1 - yes, yes]])


def test_training_ends_early_and_keeps_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    losses = iter([3.0, 1.0, *[2.0] * 50])
    seen = []

    def loss(layers: MlpLayers, *judged: object) -> float:
        seen.append(layers)
        return next(losses)

    monkeypatch.setattr(mlp, "_log_loss", loss)
    random = np.random.default_rng(0)
    head = MlpHead(hidden=4).fit(random.normal(size=(60, 3)), np.arange(60) % 2)
    assert head.fitted_.n_iter == 2
    assert len(seen) == 2 + mlp.PATIENCE
    np.testing.assert_array_equal(head.fitted_.first, seen[1][0])
    assert not np.array_equal(seen[1][0], seen[2][0])


def test_groups_are_held_out_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    held = []

    def loss(layers: MlpLayers, features: np.ndarray, *rest: object) -> float:
        held.append(features)
        return 1.0

    monkeypatch.setattr(mlp, "_log_loss", loss)
    X = np.repeat(np.arange(40.0), 5)[:, None]
    MlpHead(hidden=4).fit(X, np.repeat(np.arange(40) % 2, 5), groups=X[:, 0])
    counts = np.unique(held[0], return_counts=True)[1]
    assert set(counts.tolist()) == {5}
    assert len(counts) == 4
