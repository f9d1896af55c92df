from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from headstart.arrays import FloatArray
from headstart.errors import UsageError
from headstart.heads.catalogue import restore_head
from headstart.heads.fitted_heads import FittedLinear
from headstart.heads.head import ClassWeight
from headstart.options import LoopOptions
from headstart.recipes.stepped_head import SteppedHead, first_layer
from headstart.recipes.training_history import EpochRecord

Rows = tuple[FloatArray, NDArray[np.str_]]


def rows(n: int = 120, columns: int = 8, classes: int = 3, spread: float = 1.5) -> Rows:
    """Overlapping classes; each column has its own mean and scale."""
    rng = np.random.default_rng(11)
    codes = np.arange(n) % classes
    X = rng.normal(size=(classes, columns))[codes] + spread * rng.normal(size=(n, columns))
    return X * rng.uniform(0.1, 9, columns) + rng.normal(size=columns), np.array(list("abcd"))[
        codes
    ]


def objective(head: SteppedHead, X: FloatArray, y: NDArray[np.str_], decay: float) -> float:
    """Mean cross-entropy plus decay / 2 * |W|^2, in float64."""
    codes = np.searchsorted(head.classes_, y)
    likelihood = head.predict_proba(X)[np.arange(len(y)), codes]
    return float(-np.log(likelihood).mean() + decay / 2 * (head.fitted_.coef**2).sum())


@parametrize_with_checks([SteppedHead(LoopOptions(epochs=12, learning_rate=0.05))])
def test_scikit_learn(estimator: SteppedHead, check: Callable[[SteppedHead], None]) -> None:
    check(estimator)


def test_weights_are_those_of_a_plain_torch_loop() -> None:
    # The loop of the usual tutorial: a linear layer on a frozen backbone's features of fixed crops.
    X, y = rows(n=200, columns=32)
    features, targets = torch.from_numpy(X.astype(np.float32)), np.searchsorted(["a", "b", "c"], y)
    options = LoopOptions(epochs=10, learning_rate=1e-4, batch_size=32, keep="last")
    head = SteppedHead(options, standardise=False, validation_fraction=0, random_state=13)
    head.fit(X, y)
    torch.manual_seed(13)
    layer = torch.nn.Linear(32, 3)
    start = layer.weight.detach().clone()
    optimizer = torch.optim.Adam(layer.parameters(), lr=1e-4)
    goals = torch.from_numpy(targets)
    for epoch in range(1, 11):
        order = torch.from_numpy(np.random.default_rng([13, epoch]).permutation(200))
        for at in range(0, 200, 32):
            batch = order[at : at + 32]
            loss = torch.nn.functional.cross_entropy(layer(features[batch]), goals[batch])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
    weight, bias = layer.weight.detach(), layer.bias.detach()
    np.testing.assert_allclose(head.fitted_.coef, weight, atol=1e-6, rtol=0)
    np.testing.assert_allclose(head.fitted_.intercept, bias, atol=1e-6, rtol=0)
    assert (weight - start).abs().max() > 3e-3  # the steps went somewhere


@pytest.mark.parametrize(
    ("classes", "batch_size", "rate", "within"),
    [(3, 120, 0.01, 1e-3), (2, 120, 0.01, 1e-3), (3, 30, 5e-3, 1e-2)],
)
def test_long_walk_approaches_the_exact_solution_from_above(
    classes: int, batch_size: int, rate: float, within: float
) -> None:
    # Small batches stay at a distance that goes with the learning rate: they never agree.
    X, y = rows(classes=classes)
    decay = 0.02
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    # Two classes: scikit-learn has one logit, w = W1 - W0, whose penalty is half of that on W.
    C = (2 if classes == 2 else 1) / (decay * len(y))
    exact = LogisticRegression(C=C, tol=1e-12, max_iter=10_000).fit(Z, y)
    weights = exact.coef_ if classes > 2 else np.vstack([-exact.coef_, exact.coef_]) / 2
    codes = np.searchsorted(exact.classes_, y)
    likelihood = exact.predict_proba(Z)[np.arange(len(y)), codes]
    least = -np.log(likelihood).mean() + decay / 2 * (weights**2).sum()
    losses = []
    for epochs in (5, 50, 400):
        options = LoopOptions(
            epochs=epochs,
            learning_rate=rate,
            batch_size=batch_size,
            weight_decay=decay,
            keep="last",
        )
        head = SteppedHead(options, validation_fraction=0).fit(X, y)
        assert math.isclose(head.C_, C)
        losses.append(objective(head, X, y, decay))
    assert losses == sorted(losses, reverse=True)
    assert min(losses) >= least * (1 - 1e-9)
    assert losses[0] > least * 1.05
    assert losses[-1] <= least * (1 + within)


def test_fifty_default_epochs_come_close_to_the_exact_solution() -> None:
    X, y = rows(n=310, columns=64, classes=2, spread=2.0)
    X_new, y_new = X[1::3], y[1::3]
    X, y = np.delete(X, slice(1, None, 3), axis=0), np.delete(y, slice(1, None, 3))
    Z, Z_new = ((part - X.mean(axis=0)) / X.std(axis=0) for part in (X, X_new))
    exact = LogisticRegression(C=0.1).fit(Z, y).score(Z_new, y_new)
    assert exact > 0.9
    assert abs(SteppedHead().fit(X, y).score(X_new, y_new) - exact) < 0.03


def test_validation_rows_choose_and_are_not_learnt_from() -> None:
    X, y = rows()
    told: list[EpochRecord] = []
    head = SteppedHead(LoopOptions(epochs=4), validation_fraction=0.25, on_epoch=told.append)
    head.fit(X, y)
    assert [record.epoch for record in told] == [1, 2, 3, 4]
    assert head.history_.records == tuple(told)
    shares = {record.validation_accuracy for record in told}
    assert all(
        share is not None and math.isclose(share * 30 % 1, 0, abs_tol=1e-9) for share in shares
    )
    learnt = [record.training_accuracy * 90 for record in told]
    assert all(math.isclose(count, round(count), abs_tol=1e-9) for count in learnt)


def test_groups_stay_on_one_side_of_the_validation() -> None:
    # Each picture stands there four times; the copies carry the label by heart, noise else.
    rng = np.random.default_rng(2)
    X = np.repeat(rng.normal(size=(40, 60)), 4, axis=0)
    y = np.repeat(rng.permutation(np.arange(40) % 2), 4)
    groups = np.repeat(np.arange(40), 4)
    options = LoopOptions(epochs=80, keep="last")
    apart = SteppedHead(options).fit(X, y).history_.records[-1].validation_accuracy
    grouped = SteppedHead(options).fit(X, y, groups).history_.records[-1].validation_accuracy
    assert apart == 1.0
    assert grouped is not None
    assert grouped < 0.95


def test_balanced_weights_give_each_class_the_same_total() -> None:
    X = np.zeros((50, 2))
    y = np.array([0] * 40 + [1] * 10)
    options = LoopOptions(epochs=300, learning_rate=0.02, batch_size=50, keep="last")
    kinds: list[tuple[ClassWeight, float]] = [(None, 0.2), ("balanced", 0.5), ({0: 1, 1: 12}, 0.75)]
    for kind, share in kinds:
        head = SteppedHead(options, validation_fraction=0, class_weight=kind)
        assert head.fit(X, y).predict_proba(X[:1])[0, 1] == pytest.approx(share, abs=0.01)


def test_arrays_there_and_back_also_as_a_linear_head() -> None:
    X, y = rows()
    head = SteppedHead(LoopOptions(epochs=2, keep="last", weight_decay=0.01)).fit(X, y)
    arrays = head.fitted_.to_arrays()
    shapes = {name: value.shape for name, value in arrays.items()}
    assert shapes["coef"] == (3, 8)
    assert shapes["intercept"] == (3,)
    assert shapes["mean"] == shapes["scale"] == (8,)
    assert arrays["C"][0] == pytest.approx(1 / (0.01 * 108))
    assert arrays["n_iter"][0] == 2 * 4  # 108 rows of 120 make four batches
    restored = restore_head("linear", arrays, head.classes_)
    assert isinstance(restored, FittedLinear)
    assert np.array_equal(restored.predict_proba(X), head.predict_proba(X))
    assert restored.to_arrays().keys() == arrays.keys()


def test_head_of_the_options() -> None:
    options = LoopOptions(epochs=2)
    head = SteppedHead.from_options(options, class_weight="balanced", seed=5)
    assert (head.loop, head.class_weight, head.random_state) == (options, "balanced", 5)
    assert SteppedHead.from_options(options, class_weight="none", seed=5).class_weight is None


def test_folded_weights_take_features_as_they_come() -> None:
    X, y = rows()
    head = SteppedHead(LoopOptions(epochs=2)).fit(X, y)
    weights, intercepts = head.fitted_.folded()
    np.testing.assert_allclose(X @ weights.T + intercepts, head.fitted_.logits(X), atol=1e-9)


def test_runs_are_equal_for_a_seed() -> None:
    X, y = rows()

    def fitted(seed: int) -> NDArray[Any]:
        return SteppedHead(LoopOptions(epochs=3), random_state=seed).fit(X, y).fitted_.coef

    assert np.array_equal(fitted(1), fitted(1))
    assert not np.array_equal(fitted(1), fitted(2))


def test_wrong_options_are_named() -> None:
    X, y = rows()
    with pytest.raises(ValueError, match=r"validation_fraction is 0\.6; it must be from 0 to 0\.5"):
        SteppedHead(validation_fraction=0.6).fit(X, y)
    with pytest.raises(UsageError, match="--epochs is None"):
        SteppedHead(LoopOptions()).fit(X, y)


def test_first_layer_leaves_torchs_random_numbers() -> None:
    state = torch.get_rng_state()
    layer = first_layer(4, 2, seed=3)
    torch.testing.assert_close(layer.weight, first_layer(4, 2, seed=3).weight)
    assert torch.equal(torch.get_rng_state(), state)
