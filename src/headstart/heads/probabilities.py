"""From logits and decision values to probabilities."""

from __future__ import annotations

import numpy as np

from headstart.arrays import FloatArray


def softmax(logits: FloatArray) -> FloatArray:
    """Probabilities (n, k) of logits (n, k); no logit is too large, a row with NaN stays NaN."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def log_sigmoid(z: FloatArray) -> FloatArray:
    """log(1 / (1 + exp(-z))), without overflow."""
    return np.asarray(-np.logaddexp(0.0, -z))


def platt_probabilities(decisions: FloatArray, sigmoids: FloatArray) -> FloatArray:
    """Probabilities (n, k) by Platt's sigmoid of each decision value, normalised over the classes.

    Args:
        decisions: of one class against the rest, (n, k); of the second of two classes, (n, 1).
        sigmoids: slope a and offset b of p = 1 / (1 + exp(a * decision + b)), (k, 2) or (1, 2).
    """
    z = decisions * sigmoids[:, 0] + sigmoids[:, 1]  # (n, o)
    if z.shape[1] == 1:
        return softmax(np.concatenate([log_sigmoid(z), log_sigmoid(-z)], axis=1))
    return softmax(log_sigmoid(-z))
