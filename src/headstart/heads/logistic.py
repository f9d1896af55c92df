"""The losses of logistic regression, and softmax."""

from __future__ import annotations

import numpy as np

from headstart.arrays import FloatArray, IntArray


def softmax(logits: FloatArray) -> FloatArray:
    """Probabilities (n, k) of logits (n, k); no logit is too large."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def log_loss(codes: IntArray, k: int) -> BinaryLogLoss | LogLoss:
    """The loss for classes 0 to k - 1: one logit for two classes, else k."""
    return BinaryLogLoss(codes) if k == 2 else LogLoss(codes, k)


class BinaryLogLoss:
    """-log of the probability of the true class, for one logit: that of class 1."""

    outputs = 1

    def __init__(self, codes: IntArray) -> None:
        self.sign = np.where(codes == 1, 1.0, -1.0)  # (n,)

    def __call__(self, logits: FloatArray) -> tuple[FloatArray, FloatArray]:
        margins = self.sign * logits
        powers = np.exp(-np.abs(margins))
        losses = np.log1p(powers) - np.minimum(margins, 0.0)
        wrong = np.where(margins >= 0, powers, 1.0) / (1.0 + powers)
        return losses[:, 0], -self.sign * wrong

    def curvature(self, logits: FloatArray) -> FloatArray:
        powers = np.exp(-np.abs(logits))
        return np.asarray(powers / (1.0 + powers) ** 2)[:, 0]

    def score(self, logits: FloatArray, row_weights: FloatArray) -> float:
        return float(np.average(self(logits[None])[0][0], weights=row_weights))


class LogLoss:
    """-log of the probability of the true class, for k logits under softmax."""

    def __init__(self, codes: IntArray, k: int) -> None:
        self.outputs = k
        self.codes = codes
        self.rows = np.arange(len(codes))

    def __call__(self, logits: FloatArray) -> tuple[FloatArray, FloatArray]:
        shifted = logits - logits.max(axis=1, keepdims=True)
        true = shifted[:, self.codes, self.rows]  # (p, n)
        powers = np.exp(shifted, out=shifted)
        total = powers.sum(axis=1, keepdims=True)
        slopes = np.divide(powers, total, out=powers)
        slopes[:, self.codes, self.rows] -= 1.0
        return np.log(total[:, 0]) - true, slopes

    def curvature(self, logits: FloatArray) -> FloatArray:
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return np.asarray((shares * (1.0 - shares)).mean(axis=1))

    def score(self, logits: FloatArray, row_weights: FloatArray) -> float:
        return float(np.average(self(logits[None])[0][0], weights=row_weights))
