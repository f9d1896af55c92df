from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from headstart.evaluate.candidates import Standings, fold_widening, stand
from headstart.evaluate.significance import mcnemar_exact


def right_answers(models: int, n: int, seed: int, share: float = 0.8) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.asarray(rng.random((models, n)) < share)


def plain_p_values(scores: np.ndarray, groups: np.ndarray, widening: float) -> np.ndarray:
    """The step-down maximum over every sign of every group, by loops."""
    k = len(scores)
    names = sorted(set(groups.tolist()))
    sums = np.array([[row[groups == name].sum() for name in names] for row in scores])
    gaps = sums[None, :, :] - sums[:, None, :]  # of j over i
    scale = np.sqrt((gaps**2).sum(axis=2))
    scale[scale == 0] = np.inf
    leads = gaps.sum(axis=2) / scale / widening
    every = itertools.product((-1, 1), repeat=len(names))
    drawn = [(gaps * np.array(signs)).sum(axis=2) / scale for signs in every]
    p_values = np.ones((k, k))
    left, least = list(range(k)), 0.0
    while left:
        model = max(left, key=lambda i: (leads[i].max(), -i))
        largest = np.array([max(d[i].max() for i in left) for d in drawn])
        for j in range(k):
            if leads[model, j] > 0:
                p = float((largest >= leads[model, j] - 1e-9).mean())
                p_values[model, j] = max(p, least)
        least = max(least, float(p_values[model].min()) if (leads[model] > 0).any() else 1.0)
        left.remove(model)
    return p_values


@pytest.mark.parametrize("widening", [1.0, 1.45])
def test_p_values_are_those_of_every_sign(widening: float) -> None:
    scores = right_answers(4, 30, seed=3)
    scores[0] |= right_answers(1, 30, seed=9)[0]
    groups = np.arange(30) % 10
    right = plain_p_values(scores.astype(float), groups, widening)
    found = stand(scores, groups, widening=widening, resamples=40_000)
    np.testing.assert_allclose(found.p_values, right, atol=0.01)
    assert right.min() < 0.5
    np.testing.assert_allclose(found.means, scores.mean(axis=1))


def test_two_models_are_mcnemars_exact_test() -> None:
    one, other = right_answers(2, 200, seed=1)
    found = stand(np.stack([one, other]))
    behind, ahead = (0, 1) if one.sum() < other.sum() else (1, 0)
    assert found.p_values[behind, ahead] == mcnemar_exact(one, other).p_value
    assert found.p_values[ahead, behind] == 1.0
    groups = np.arange(200) // 4
    by_group = stand(np.stack([one, other]), groups)
    assert by_group.p_values.min() == mcnemar_exact(one, other, groups).p_value


def test_a_model_that_is_much_worse_is_no_candidate_and_equals_are() -> None:
    scores = right_answers(4, 400, seed=5, share=0.9)
    scores[2] = right_answers(1, 400, seed=6, share=0.6)[0]
    found = stand(scores)
    assert found.candidates().tolist() == [True, True, False, True]
    assert found.p_values[2].max() <= 1
    assert found.furthest_ahead(2) == int(found.means.argmax())
    assert found.furthest_ahead(int(found.means.argmax())) is None


def test_losses_compare_as_right_answers_do() -> None:
    rng = np.random.default_rng(2)
    losses = rng.exponential(size=(3, 300))
    losses[1] += 0.5
    assert stand(-losses).candidates().tolist() == [True, False, True]
    assert stand(-1e9 * losses).p_values == pytest.approx(stand(-losses).p_values)


def test_stepping_down_finds_more_than_one_step() -> None:
    # Ten models that are far behind leave the question to the last three.
    rng = np.random.default_rng(4)
    good = rng.normal(0.0, 1, (3, 300)) + np.array([[0.0], [0.0], [0.21]])
    bad = rng.normal(-3, 1, (30, 300))
    alone, among = stand(good), stand(np.concatenate([good, bad]))
    assert not among.candidates()[3:].any()
    assert among.p_values[0, 2] < 1.7 * alone.p_values[0, 2]


def test_ties_and_a_single_model() -> None:
    same = right_answers(1, 50, seed=1)
    found = stand(np.concatenate([same, same, same]))
    assert (found.p_values == 1).all()
    assert found.candidates().all()
    assert stand(same).candidates().tolist() == [True]
    with pytest.raises(ValueError, match=r"scores are \(0, 3\)"):
        stand(np.zeros((0, 3)))


def test_figures_are_the_same_twice_and_for_parts_of_the_draws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scores = right_answers(5, 60, seed=8)
    once = stand(scores, seed=3).p_values
    assert (stand(scores, seed=3).p_values == once).all()
    assert (stand(scores, seed=4).p_values != once).any()
    monkeypatch.setattr("headstart.evaluate.candidates._NUMBERS_AT_ONCE", 6_400)
    assert (stand(scores, seed=3).p_values == once).all()


def test_p_values_for_two_tests_are_doubled() -> None:
    found = Standings(np.array([0.5, 0.9]), np.array([[1.0, 0.03], [1.0, 1.0]])).times(2)
    assert found.p_values.tolist() == [[1.0, 0.06], [1.0, 1.0]]
    assert found.candidates().tolist() == [True, True]


def test_ten_folds_widen_by_1_45() -> None:
    assert fold_widening(10, 90, 10) == pytest.approx(math.sqrt(1 + 10 / 9))
    assert round(fold_widening(10, 90, 10), 2) == 1.45
