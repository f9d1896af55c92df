"""The losses' slopes and bends are those of their values, also where rows are all but certain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from headstart.heads.solver.losses import LogLoss, log_loss

CODES = np.array([0, 2, 1, 2, 0])
K = 3


def logits_of_rows(spread: float = 2.0) -> Any:
    return np.random.default_rng(0).normal(0, spread, (K, len(CODES)))


@pytest.mark.parametrize("k", [2, K])
def test_slopes_are_those_of_the_losses(k: int) -> None:
    loss = log_loss(np.minimum(CODES, k - 1), k)
    logits = logits_of_rows()[None, : loss.outputs]
    slopes = loss(logits.copy())[1]
    for output in range(loss.outputs):
        step = np.zeros_like(logits)
        step[:, output] = 1e-6
        change = loss(logits + step)[0] - loss(logits - step)[0]
        np.testing.assert_allclose(slopes[:, output], change / 2e-6, atol=1e-8)


def test_bent_is_how_the_slopes_change() -> None:
    loss = LogLoss(CODES, K)
    logits, moves = logits_of_rows(), np.random.default_rng(1).normal(size=(K, len(CODES)))
    slopes = loss(logits[None].copy())[1][0]
    after, before = (loss((logits + s * moves)[None])[1][0] for s in (1e-6, -1e-6))
    bent = loss.bent(slopes, moves.copy())
    np.testing.assert_allclose(bent, (after - before) / 2e-6, atol=1e-8)


def test_a_row_that_is_all_but_certain_keeps_its_digits_in_float32() -> None:
    logits = np.zeros((1, K, len(CODES)))
    logits[0, CODES, np.arange(len(CODES))] = 12.0
    moves = np.random.default_rng(1).normal(size=(K, len(CODES)))
    loss = LogLoss(CODES, K)
    exact, fine = loss(logits.copy())
    losses, slopes = loss(logits.astype(np.float32))
    np.testing.assert_allclose(losses, exact, rtol=1e-6)
    np.testing.assert_allclose(slopes, fine, rtol=1e-6)
    bent = loss.bent(slopes[0], moves.astype(np.float32))
    np.testing.assert_allclose(bent, loss.bent(fine[0], moves), rtol=1e-4, atol=1e-10)
    np.testing.assert_allclose(losses[0], np.log1p(2 * np.exp(-12.0)), rtol=1e-6)
